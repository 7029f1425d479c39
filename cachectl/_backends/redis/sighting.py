"""What a server says of itself when it is looked at: which one it is, and whose data it has."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cachectl._backends.redis.info import told, whole
from cachectl._backends.redis.transport.packing import Command
from cachectl._backends.redis.transport.resp import ErrorReply, Reply
from cachectl._backends.redis.transport.transport import is_final

_ASKED: Final = (("INFO", "server"), ("INFO", "replication"), ("CLIENT", "INFO"))
_LOCAL: Final = "laddr="


class Sighting(NamedTuple):
    """One look at a server. What it does not tell, or this user may not know, is empty."""

    identity: str
    """Of the process that answered, or else where it listens."""
    history: str
    """What its data are part of, which a replica has from its master, and how far that went."""
    reached: int
    before: str
    """What it had from a master until it was promoted, and how far that went."""
    until: int
    refusal: ErrorReply | None
    """Why it takes no writes."""
    forbidden: frozenset[int]
    """Which questions this user may not ask."""
    generations: Sequence[bytes | None]

    def continues(self, other: "Sighting") -> bool:
        """Whether this server had from the other all that it had then."""
        same = self.history == other.history and self.reached >= other.reached
        promoted = self.before == other.history and self.until > other.reached
        return other.history != "" and (same or promoted)


def commands(
    unused: str, generations: Sequence[str], forbidden: frozenset[int] = frozenset()
) -> list[Command]:
    """Return what a server is asked: also to remove a key that is not there, as a replica does not. What
    is forbidden is not asked again, for the server keeps a log of that.
    """
    questions: list[Command] = [*_ASKED, ("UNLINK", unused)]
    for at in forbidden:
        questions[at] = ("PING",)
    return [*questions, *(("GET", key) for key in generations)]


def seen(replies: list[Reply]) -> Sighting:
    """Return what the replies say. Raises `ErrorReply` if the server says that it is not the one to
    talk to, but where it only takes no writes.
    """
    for reply in replies:
        if isinstance(reply, ErrorReply) and is_final(reply) and reply.code != "READONLY":
            raise reply
    texts = [reply if type(reply) is bytes else None for reply in replies]
    facts, client, removal = told(texts[:2]), texts[2] or b"", replies[len(_ASKED)]
    return Sighting(
        facts.get("run_id", "") or _listens_at(client.decode(errors="replace")),
        facts.get("master_replid", ""),
        whole(facts, "master_repl_offset"),
        facts.get("master_replid2", ""),
        whole(facts, "second_repl_offset"),
        removal if isinstance(removal, ErrorReply) and is_final(removal) else None,
        frozenset(
            at for at, reply in enumerate(replies[: len(_ASKED) + 1]) if _is_forbidden(reply)
        ),
        texts[len(_ASKED) + 1 :],
    )


def _is_forbidden(reply: Reply) -> bool:
    return isinstance(reply, ErrorReply) and reply.code == "NOPERM"


def _listens_at(client: str) -> str:
    return next((part for part in client.split() if part.startswith(_LOCAL)), "")
