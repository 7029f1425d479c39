"""When keys were last used, recorded in memory, so that a hit needs no write."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final

_LATEST: Final = 2**53
"""Stamps from here on are not exact in Redis; what says so was not written by us."""


MOST: Final = 100_000
"""Keys of a namespace whose uses are remembered while they cannot be written."""
MOST_RECENT: Final = 10_000
"""Keys whose use is remembered for long though one is written that is hardly earlier."""
FEW: Final = 200
"""Keys whose use is handed over once a second all the same."""

SPACING: Final = 5_000_000
"""Microseconds between two uses of a key that are both handed over, where something is evicted by use; and
from its last use before it was written to the first one after that."""
_AT_FIRST: Final = 1_000_000
"""The same until it is known what is evicted."""
RARE: Final = 30 * 60 * 1_000_000
"""The same where nothing is evicted."""
_GATHERING: Final = 2 * 60 * 1_000_000
"""Microseconds in which uses gather where nothing is evicted, so that those of a page are written at once."""
_AT_WRITING: Final = 0.02
"""Seconds after an entry was made in which its use is that of who wrote it."""


class AccessLog:
    """The keys of one namespace that were used and are not known to be written with that use.

    Stamps are microseconds since 1970 and increase within the process, whatever the clock does,
    so that the order of use survives a clock that stands still (a logical clock in the sense of
    Lamport, 1978). They are not locked: threads that record at once may get the same one.

    A use is *recent* if one is written that is hardly earlier (as relatime of Linux has it): it is
    remembered here, for what this process evicts, and not handed over by itself unless such uses are few.
    `note` is told of a key's first use of either kind, for a process that ends before it is written.
    """

    def __init__(self, note: Callable[[str, int], None] | None = None) -> None:
        self._note = note
        self._used: dict[str, int] = {}
        self._recent: dict[str, int] = {}
        self._last = 0
        self._spacing = _AT_FIRST
        self._handed_over = 0
        self.evicted_after = 4 * SPACING
        """Microseconds for which what this process evicted last was not used: a use that is handed over later
        by less than a fourth of that changes little of what goes."""

    def record(self, key: str, now: float, written: int = 0, made_at: float = 0.0) -> int:
        """Remember that `key` was used at `now` (Unix seconds), and return the stamp of that. Its last use
        that is `written` may be known, and when the entry was made.
        """
        stamp = int(now * 1e6)  # as `stamp`, in line: it is the path of every hit
        if stamp <= self._last:
            stamp = self._last + 1
        self._last = stamp
        if stamp - written < self._spacing and (
            stamp - written < SPACING or written > (made_at + _AT_WRITING) * 1e6
        ):
            used = self._recent  # which may be another dictionary in the next line
        else:
            used = self._used
        if self._note is not None and key not in used:
            self._note(key, stamp)
        used[key] = stamp
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

    def due(self, now: float, *, limited: bool) -> list[tuple[str, int]] | None:
        """Return the (key, stamp) pairs that others need to know, least recent first, and forget them; None
        if they gather still. What is recent stays, unless it is very much.
        """
        at = int(now * 1e6)
        self._spacing = min(SPACING, self.evicted_after // 4) if limited else RARE
        if len(self._recent) > MOST_RECENT:
            self._forget_early(at - SPACING if limited else at)
        if not limited and len(self._used) < MOST:
            self._handed_over = self._handed_over or at
            if 0 <= at - self._handed_over < _GATHERING:
                return None if self._used else []
        self._handed_over = at
        if limited and len(self._recent) <= FEW:
            return self.drain()
        used, self._used = self._used, {}
        for key in list(used):
            self._recent.pop(key, None)
        return _in_order(used)

    def take(self, keys: Iterable[str]) -> list[tuple[str, int]]:
        """Return the pairs of these keys, least recent first, and forget them."""
        used = ((key, self._forget(key)) for key in keys)
        return sorted([(key, stamp) for key, stamp in used if stamp], key=itemgetter(1))

    def drain(self) -> list[tuple[str, int]]:
        """Return all pairs, least recent first, and forget them."""
        recent, self._recent = self._recent, {}
        used, self._used = self._used, {}
        for key, stamp in list(recent.items()):
            if stamp > used.get(key, 0):
                used[key] = stamp
        return _in_order(used)

    def requeue(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Take back pairs that could not be written, unless a key was used since. The least recent of
        very many are forgotten: nothing may grow as long as nothing can be written.
        """
        used = dict(pairs) | self._used
        if len(used) > MOST:
            used = dict(sorted(used.items(), key=itemgetter(1))[-MOST:])
        self._used = used

    def _forget_early(self, until: int) -> None:
        """Forget recent uses until then, and all if there are very many since."""
        recent, self._recent = self._recent, {}
        kept = {key: stamp for key, stamp in list(recent.items()) if stamp > until}
        if len(kept) <= MOST:
            self._recent = kept | self._recent

    def _forget(self, key: str) -> int:
        """Forget a key, and return the stamp of its last use; 0 if it was not used."""
        return max(self._used.pop(key, 0), self._recent.pop(key, 0))

    def __len__(self) -> int:
        return len(self._used) + len(self._recent)


def _in_order(used: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(list(used.items()), key=itemgetter(1))  # noqa: C414 - threads may add to it
