"""What a backend refused lately: told once, and not once a call."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from cachectl.errors import BackendError, BackendUnavailable, ErrorKind

_QUIET: Final = 60.0
"""Seconds without an error after which it is over: it is news when it comes again."""
_MOST: Final = 1000
"""Errors that are remembered; more make the oldest news again."""
_OF_ALL: Final = frozenset({"outage", "loading", "misconfigured", "full", "permission"})
"""Kinds of errors that are the same for every namespace."""


class Trouble(NamedTuple):
    """What a backend that works refuses: since when (Unix seconds), in words, and of which kind."""

    since: float
    text: str
    kind: ErrorKind


class Troubles:
    """The errors of one cache's backend, which all its namespaces meet."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._met: dict[tuple[str, str], tuple[float, float]] = {}  # first and last
        self._latest: tuple[tuple[str, str], ErrorKind] | None = None

    def is_news(self, error: BackendError, namespace: str) -> bool:
        """Note an error, and return whether it is to be told: it was not met for a minute."""
        now = self._clock()
        what = str(error), "" if error.kind in _OF_ALL else namespace
        first, last = self._met.pop(what, (now, float("-inf")))
        is_news = not 0 <= now - last < _QUIET
        self._met[what] = (now if is_news else first), now
        if len(self._met) > _MOST:
            with suppress(RuntimeError):  # another thread notes one just now
                self._met.pop(next(iter(self._met)), None)
        if not isinstance(error, BackendUnavailable):
            self._latest = what, error.kind
        return is_news

    def end(self, kind: ErrorKind) -> None:
        """Note that errors of a kind are over."""
        if self._latest is not None and self._latest[1] == kind:
            self._latest = None

    def current(self) -> Trouble | None:
        """Return what was refused last, if that was within a minute."""
        if self._latest is None:
            return None
        what, kind = self._latest
        first, last = self._met.get(what, (0.0, float("-inf")))
        is_over = not 0 <= self._clock() - last < _QUIET
        return None if is_over else Trouble(first, what[0], kind)
