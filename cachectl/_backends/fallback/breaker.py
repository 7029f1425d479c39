"""A circuit breaker: calls pass while it is closed, and are not even tried while it is open."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from cachectl._model.turn import CallLock
from cachectl.errors import BackendError, BackendUnavailable, ErrorKind

_PAUSE: Final = 30.0
"""Seconds between two probes of a backend that somebody has to set right."""

T = TypeVar("T")
log: Final = logging.getLogger("cachectl")


class CircuitBreaker:
    """Whether a backend may be called. One error that it cannot be reached opens it; a probe that
    succeeds closes it again (the pattern is that of M. Nygard, "Release It!").

    `lock` is held while what stands in for the backend is changed, and never over I/O.
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self.is_open = False
        self.since = 0.0
        self.last_error: str | None = None
        self.kind: ErrorKind | None = None
        self._probed_at = 0.0
        self.lock: CallLock = CallLock("the cache")
        self.is_held = False
        self._recovering = False

    def call(self, operation: Callable[[], T]) -> T:
        """Do something on the backend. Raises `BackendUnavailable` while the breaker is open."""
        if self.is_open:
            raise BackendUnavailable(self.last_error, self.kind)
        try:
            return operation()
        except BackendUnavailable as error:
            self.trip(error)
            raise

    def trip(self, error: BackendUnavailable) -> None:
        """Open: nothing passes from now on."""
        with self.lock:
            if self.is_open:
                return
            self.since = self._probed_at = self._clock()
            self.last_error, self.kind = str(error), error.kind
            self.is_open = True
        log.warning("%s is away, working from memory (%s): %s", self._name, error.kind, str(error))

    def note(self, error: BackendError) -> None:
        """Note why it is open still."""
        with self.lock:
            changed = self.is_open and error.kind != self.kind
            if self.is_open:
                self.last_error, self.kind = str(error), error.kind
        if changed:
            log.warning("%s is away still (%s): %s", self._name, error.kind, str(error))

    def probe(self, check: Callable[[], None]) -> bool:
        """Raise what `check` raises. Else return whether this caller is to bring the backend up to
        date, and then to call `close` or `stay_open`: one at a time does.

        What does not mend itself is not asked for all the time, for a server counts and may punish
        failed logins. Raises `BackendUnavailable` then.
        """
        now = self._clock()
        if self.kind == "misconfigured" and 0 <= now - self._probed_at < _PAUSE:
            raise BackendUnavailable(self.last_error, self.kind)
        self._probed_at = now
        try:
            check()
        except BackendUnavailable as error:
            self.note(error)
            raise
        with self.lock:
            begins = self.is_open and not self._recovering
            self._recovering = self._recovering or begins
        return begins

    def hold(self) -> None:
        """Let nobody change anything until `close` or `stay_open`."""
        with self.lock:
            self.is_held = True

    def close(self) -> None:
        """Let calls pass again."""
        with self.lock:
            self.is_open = self.is_held = self._recovering = False
            self.last_error = self.kind = None
        log.warning("%s is back after %.0f s", self._name, self._clock() - self.since)

    def stay_open(self) -> None:
        """Give up for now."""
        with self.lock:
            self.is_held = self._recovering = False

    def after_fork_in_child(self) -> None:
        """Whoever was bringing the backend up to date did not come along."""
        self.is_held = self._recovering = False
