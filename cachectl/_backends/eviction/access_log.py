"""When keys were last used, recorded in memory, so that a hit needs no write."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final

_LATEST: Final = 2**53
"""Stamps from here on are not exact in Redis; what says so was not written by us."""


MOST: Final = 100_000
"""Keys of a namespace whose uses are remembered while they cannot be written."""


class AccessLog:
    """The keys of one namespace that were used since the log was last drained.

    Stamps are microseconds since 1970 and increase within the process, whatever the clock does,
    so that the order of use survives a clock that stands still (a logical clock in the sense of
    Lamport, 1978). They are not locked: threads that record at once may get the same one.

    `note` is told of a key's first use since then, for a process that ends before it is written.
    """

    def __init__(self, note: Callable[[str, int], None] | None = None) -> None:
        self._note = note
        self._used: dict[str, int] = {}
        self._last = 0

    def record(self, key: str, now: float) -> int:
        """Remember that `key` was used at `now` (Unix seconds), and return the stamp of that."""
        stamp = self.stamp(now)
        if self._note is not None and key not in self._used:
            self._note(key, stamp)
        self._used[key] = stamp  # which may be another dictionary by now
        return stamp

    def stamp(self, now: float) -> int:
        """Return the next stamp, for something used or written at `now`."""
        last = self._last
        stamp = int(now * 1e6)
        if stamp <= last:
            stamp = last + 1
        self._last = stamp
        return stamp

    def advance(self, stamp: int) -> None:
        """Let later stamps be above `stamp`, which another process's clock may have made."""
        if self._last < stamp < _LATEST:
            self._last = stamp

    def drain(self) -> list[tuple[str, int]]:
        """Return the (key, stamp) pairs recorded so far, least recent first, and forget them."""
        used, self._used = self._used, {}
        return sorted(list(used.items()), key=itemgetter(1))  # noqa: C414 - threads may add to it

    def requeue(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Take back pairs that could not be written, unless a key was used since. The least recent of
        very many are forgotten: nothing may grow as long as nothing can be written.
        """
        used = dict(pairs) | self._used
        if len(used) > MOST:
            used = dict(sorted(used.items(), key=itemgetter(1))[-MOST:])
        self._used = used

    def __len__(self) -> int:
        return len(self._used)
