"""What passes between the engine and the backends."""

from collections.abc import Iterable
from functools import reduce
from typing import Literal, NamedTuple

from cachectl._model.entry import Entry
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
    `entry` and the bytes of `memory` it occupies; the others get the packed envelope, `data`.
    """

    key: str
    entry: Entry
    data: bytes
    memory: int


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


class Written(NamedTuple):
    """What a write did: how many entries it stored, how many expired ones it removed or
    replaced, and the keys that it evicted.
    """

    stored: int = 0
    expired: int = 0
    evicted: tuple[str, ...] = ()


class CleanupRule(NamedTuple):
    """What a cleanup removes: all that expired by `now` or was last used before `idle_before`
    (Unix seconds), and what the eviction chooses while `limits` are exceeded.
    """

    now: float
    idle_before: float | None
    limits: Limits


class CleanupStep(NamedTuple):
    """What one step of a cleanup removed: expired entries, and those over age or limits, with
    the keys of the latter.
    """

    expired: Removed = Removed()
    evicted: Removed = Removed()
    evicted_keys: tuple[str, ...] = ()

    def plus(self, other: "CleanupStep") -> "CleanupStep":
        """Return what both removed, without the keys."""
        return CleanupStep(self.expired.plus(other.expired), self.evicted.plus(other.evicted))


class EntryInfo(NamedTuple):
    """An entry in a listing. `entry` is None if it is damaged; its value is not to be read."""

    key: str
    entry: Entry | None
    size: int
    used_at: float

    def carries(self, tag: str | None) -> bool:
        """Return whether the entry has this tag; there is always none."""
        return tag is None or (self.entry is not None and tag in self.entry.tags)


class Usage(NamedTuple):
    """What a namespace holds: entries (also expired ones that are not yet removed), their
    stored bytes, and an estimate of the bytes the backend really spends; None is unknown.
    """

    entries: int = 0
    bytes: int = 0
    memory_bytes: int | None = 0
