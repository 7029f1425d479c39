"""A lock with an end: whoever cannot have it in time, or never could, is told so in words."""

import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Any, Protocol

from cachectl._model.deadline import SECONDS, deadline, note_in_vain, note_wait
from cachectl.errors import BackendBusy


class Patient(Protocol):
    """Who waits."""

    @property
    def left(self) -> float:
        """The seconds that are left."""


class _Exit(Protocol):
    def __call__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...


class Turn:
    """Held by one thread at a time, while it neither sleeps nor waits for another process.

    A thread that holds it is refused at once if it asks again: that is a signal handler, or a
    finalizer, in the middle of what it interrupted. Whatever interrupts a thread, it is given back:
    giving it back is one step of the interpreter, which is why that is not a method of this class.
    """

    __slots__ = ("__exit__", "_is_mine", "_take", "_what", "release")

    __exit__: _Exit
    release: Callable[[], None]
    _is_mine: Callable[[], bool]
    _take: Callable[..., bool]

    def __init__(self, what: str) -> None:
        self._what = what
        self._renew()

    def acquire(self, patience: Patient | None = None) -> None:
        """Wait until it is this thread's turn. Raises `BackendBusy` when no time is left."""
        if self._is_mine():
            raise BackendBusy(f"{self._what}: in use by the code that this call interrupted")
        try:
            if self._take(False):
                return
        except BaseException:  # of a signal handler that was called in there
            if self._is_mine():
                self.release()
            raise
        self._wait(deadline(SECONDS) - monotonic() if patience is None else patience.left)

    def attempt(self) -> bool:
        """Take it if nobody has it, and return whether it is to be released."""
        if self._is_mine():
            return False
        try:
            return self._take(False)
        except BaseException:  # of a signal handler that was called in there
            if self._is_mine():
                self.release()
            raise

    def __enter__(self) -> None:
        self.acquire()

    def hold(self, timeout: float = 0.0) -> bool:
        """Hold it over a fork, also in the middle of code of this thread that the fork interrupts.
        Return whether it could be had in so many seconds; if so, it has to be released.
        """
        return self._take(False) or (timeout > 0.0 and self._take(True, timeout))

    def after_fork_in_child(self) -> None:
        """Let it be free, unless it belongs to code that the fork interrupted and that goes on."""
        if self._is_mine():
            self.release()
        if not self._is_mine():
            self._renew()

    def _wait(self, timeout: float) -> None:
        try:
            taken = self._take(False)
            if not taken:
                began = monotonic()
                taken = self._take(True, max(0.0, timeout))
                note_wait(began)
        except BaseException:  # of a signal handler that was called in there
            if self._is_mine():
                self.release()
            raise
        if not taken:
            note_in_vain()
            raise BackendBusy(f"{self._what}: other threads have been using it for too long")

    def _renew(self) -> None:
        lock: Any = threading.RLock()
        self._take = lock.acquire
        self._is_mine = lock._is_owned  # noqa: SLF001 - as `Condition` does
        self.release = lock.release
        self.__exit__ = lock.__exit__


class CallLock(Turn):
    """A turn of whole calls, which `acquire` it: within a call, `with` takes it again."""

    __slots__ = ("_seconds",)

    def __init__(self, what: str, seconds: float = SECONDS) -> None:
        super().__init__(what)
        self._seconds = seconds

    def __enter__(self) -> None:
        self._wait(deadline(self._seconds) - monotonic())
