"""A circuit breaker: calls pass while it is closed, and are not even tried while it is open."""

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from cachectl.errors import BackendUnavailable

T = TypeVar("T")
log: Final = logging.getLogger("cachectl")


class CircuitBreaker:
    """Whether a backend may be called. One error that it cannot be reached opens it; a probe that
    succeeds closes it again (the pattern is that of M. Nygard, "Release It!").
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self.is_open = False
        self.since = 0.0
        self.last_error: str | None = None
        self.reset_locks()

    def call(self, operation: Callable[[], T]) -> T:
        """Do something on the backend. Raises `BackendUnavailable` while the breaker is open."""
        if self.is_open:
            raise BackendUnavailable(self.last_error)
        try:
            return operation()
        except BackendUnavailable as error:
            self.trip(error)
            raise

    def trip(self, error: BackendUnavailable) -> None:
        """Open: nothing passes from now on."""
        with self._lock:
            if self.is_open:
                return
            self.since, self.last_error = self._clock(), str(error)
            self.is_open = True
        log.warning("%s is away, working from memory: %s", self._name, error)

    def probe(self, check: Callable[[], None], before_closing: Callable[[], None]) -> None:
        """Close if `check` passes, after what has to be done first; raise what it raises.

        Nobody who holds `half_open` meanwhile sees the breaker change.
        """
        check()
        with self.half_open:
            if not self.is_open:  # another thread was faster
                return
            before_closing()
            self.is_open, self.last_error = False, None
        log.warning("%s is back after %.0f s", self._name, self._clock() - self.since)

    def reset_locks(self) -> None:
        """Make new locks, as a forked process must."""
        self._lock = threading.Lock()
        self.half_open = threading.Lock()
