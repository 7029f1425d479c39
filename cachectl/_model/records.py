"""What passes between the engine and the backends."""

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Final, Literal, NamedTuple

from cachectl._model.entry import NEVER, Entry
from cachectl._model.policy import Limits


class Lease(NamedTuple):
    """What a load holds from before it calls its loader: good as long as nobody removed or replaced
    its key.
    """

    key: str
    token: str


Condition = Literal["absent", "present"] | Lease
"""What must be true of a key for it to be written: that it is absent or there, and not expired, or
that a lease of it is good.
"""


class Item(NamedTuple):
    """What is written: an entry under a key. Backends that hold live values get the value in
    `entry` and the bytes of `memory` it occupies; the others get the packed envelope, `data`, or what
    stands before a large payload, `head`, and that: `rest` is what the caller has, not a copy.
    """

    key: str
    entry: Entry
    head: bytes
    memory: int
    rest: bytes = b""

    @property
    def data(self) -> bytes:
        """The envelope in one piece."""
        return self.head + self.rest


class Removed(NamedTuple):
    """How many entries were removed, and their stored bytes."""

    entries: int = 0
    bytes: int = 0

    def plus(self, other: "Removed") -> "Removed":
        return Removed(self.entries + other.entries, self.bytes + other.bytes)

    @classmethod
    def total(cls, parts: Iterable["Removed"]) -> "Removed":
        """Return what was removed in all."""
        return reduce(cls.plus, parts, cls())


class RemovedEntry(Removed):
    """One entry that was removed, of which it is known when it expires (Unix seconds)."""

    expires_at: float = NEVER


class Written(NamedTuple):
    """What a write did: how many entries it stored, how many expired ones it removed or
    replaced, and the keys that it evicted; and how many it found gone that the backend had dropped
    by a limit of its own.
    """

    stored: int = 0
    expired: int = 0
    evicted: tuple[str, ...] = ()
    dropped: int = 0


class Dropped(NamedTuple):
    """How many entries were found gone, because the backend had dropped them by itself: those that
    had expired, and others.
    """

    expired: int = 0
    evicted: int = 0

    def plus(self, other: "Dropped") -> "Dropped":
        return Dropped(self.expired + other.expired, self.evicted + other.evicted)


class CleanupStep(NamedTuple):
    """What one step of a cleanup removed: expired entries, and those over age or limits, with
    the keys of the latter. What was `dropped` was not there any more.
    """

    expired: Removed = Removed()
    evicted: Removed = Removed()
    evicted_keys: tuple[str, ...] = ()
    dropped: Dropped = Dropped()

    @property
    def did_nothing(self) -> bool:
        """Whether there is nothing more to do."""
        return not (self.expired.entries or self.evicted.entries or any(self.dropped))

    def plus(self, other: "CleanupStep") -> "CleanupStep":
        """Return what both removed, without the keys."""
        return CleanupStep(
            self.expired.plus(other.expired),
            self.evicted.plus(other.evicted),
            dropped=self.dropped.plus(other.dropped),
        )


class Planned(NamedTuple):
    """An entry that a cleanup would remove: because it has expired, or for its age or a limit."""

    key: str
    size: int
    is_expired: bool


class EntryInfo(NamedTuple):
    """An entry in a listing. `entry` is None if it is damaged; its value is not to be read."""

    key: str
    entry: Entry | None
    size: int
    used_at: float

    def has_expired(self, now: float) -> bool:
        """Return whether the entry had expired by `now`; of a damaged one that is not known."""
        return self.entry is not None and self.entry.expires_at <= now

    def carries(self, tag: str | None) -> bool:
        """Return whether the entry has this tag; there is always none."""
        return tag is None or (self.entry is not None and tag in self.entry.tags)


class CleanupRule(NamedTuple):
    """What a cleanup removes: all that expired by `now` or was last used before `idle_before`
    (Unix seconds), and what the eviction chooses while `limits` are exceeded.
    """

    now: float
    idle_before: float | None
    limits: Limits

    def spares(self, info: EntryInfo) -> bool:
        """Return whether an entry has neither expired nor is idle: only a limit may remove it."""
        is_idle = self.idle_before is not None and info.used_at < self.idle_before
        return not is_idle and not info.has_expired(self.now)


class Usage(NamedTuple):
    """What a namespace holds: entries (also expired ones that are not yet removed), their
    stored bytes, and an estimate of the bytes the backend really spends; and how many of the entries
    have expired, at least, where more than `MOST_EXPIRED` are. None is unknown. `uncertainty` is the
    part of these figures by which they may be wrong; 0 for what is counted.
    """

    entries: int = 0
    bytes: int = 0
    memory_bytes: int | None = 0
    expired_entries: int | None = None
    uncertainty: float = 0.0


def with_expired(usage: Mapping[str, Usage], expired: Mapping[str, int]) -> dict[str, Usage]:
    """Return what namespaces hold, with how much of that has expired where this is known."""
    return {
        name: held._replace(expired_entries=min(expired[name], held.entries))
        if name in expired
        else held
        for name, held in usage.items()
    }


MOST_EXPIRED: Final = 10_000
"""Entries that have come to their time, of which it is looked whether they have expired."""
