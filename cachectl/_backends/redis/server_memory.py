"""What the server does when its memory is full, and what that means for a cache on it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.info import told, whole
from cachectl._backends.redis.shapes import string
from cachectl._model.units import format_bytes
from cachectl.errors import BackendError

_ANY_KEY: Final = "it drops entries of any namespace"
_MEANINGS: Final[Mapping[str, str]] = {
    "noeviction": "nothing is dropped: when it is full, new entries are refused",
    "allkeys-lru": f"{_ANY_KEY}, those not used for longest, also ones that never expire",
    "allkeys-lfu": f"{_ANY_KEY}, those used least often, also ones that never expire",
    "allkeys-random": f"{_ANY_KEY}, and parts of our index: then all of that namespace is lost"
    " (allkeys-lru spares it)",
    "volatile-lru": "it drops entries that expire, those not used for longest",
    "volatile-lfu": "it drops entries that expire, those used least often",
    "volatile-random": "it drops entries that expire, whichever",
    "volatile-ttl": "it drops entries that expire, those that expire first",
}


class ServerMemory(NamedTuple):
    """What INFO tells. `limit` is bytes, 0 is none; `dropped` are the keys that were dropped since the
    server began, of whomever. The policy is empty if it may not be known.
    """

    policy: str = ""
    limit: int = 0
    dropped: int = 0

    @property
    def drops(self) -> bool:
        """Whether entries may be gone that nobody removed, and that had not expired."""
        return not self.policy or (self.limit > 0 and self.dropped > 0)

    @property
    def meaning(self) -> str:
        """What people should know of it, in a sentence without an end."""
        if not self.policy:
            return (
                "whether the server drops entries by itself is not known: it does not answer INFO"
            )
        if not self.limit:
            return "the server has no maxmemory, and drops nothing by itself"
        does = _MEANINGS.get(self.policy, "it may drop entries")
        return f"the server has {format_bytes(self.limit)} (maxmemory-policy {self.policy}): {does}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said with the figures, if anything."""
        return (self.meaning,) if self.dropped and self.limit else ()

    def details(self) -> dict[str, object]:
        """Return facts by name."""
        if not self.policy:
            return {"maxmemory_policy": "unknown"}
        return {
            "maxmemory_policy": self.policy,
            "maxmemory_bytes": self.limit,
            "evicted_keys": self.dropped,
        }


INFO: Final = (("INFO", "memory"), ("INFO", "stats"))


async def read(client: Client) -> ServerMemory:
    """Ask the server; what it does not tell is unknown."""
    try:
        return of(await client.pipeline(string, INFO))
    except BackendError:
        return ServerMemory()


def of(replies: list[bytes | None]) -> ServerMemory:
    """Return what the replies to `INFO` say."""
    facts = told(replies)
    return ServerMemory(
        facts.get("maxmemory_policy", ""),
        whole(facts, "maxmemory"),
        whole(facts, "evicted_keys"),
    )
