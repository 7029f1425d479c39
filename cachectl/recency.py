"""When keys were last used, noted in memory, so that a hit needs no write."""

from collections.abc import Iterable
from threading import Lock


class Recency:
    """The keys of one namespace that were used since the last hand-over, oldest first.

    Stamps are microseconds since 1970 and strictly increase within the process, whatever the
    clock does, so that the order of use survives a clock that stands still.
    """

    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._last = 0
        self._lock = Lock()

    def note(self, key: str, now: float) -> None:
        """Remember that `key` was used at `now` (Unix seconds)."""
        used = self._used
        used.pop(key, None)
        used[key] = now

    def stamp(self, now: float) -> int:
        """Return the next stamp, for something written at `now`."""
        with self._lock:
            self._last = max(self._last + 1, int(now * 1e6))
            return self._last

    def drain(self) -> list[tuple[str, int]]:
        """Return the (key, stamp) pairs noted so far, least recent first, and forget them."""
        used, self._used = self._used, {}
        return [(key, self.stamp(now)) for key, now in list(used.items())]

    def restore(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Take back pairs that could not be handed over, unless a key was used since."""
        used = self._used
        earlier = {key: stamp / 1e6 for key, stamp in pairs if key not in used}
        earlier.update(used)
        self._used = earlier

    def __len__(self) -> int:
        return len(self._used)
