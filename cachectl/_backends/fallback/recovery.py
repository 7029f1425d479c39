"""The way back to a backend that was away: it is told first what was removed meanwhile."""

import atexit
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakSet

from cachectl._backends.capabilities import (
    SupportsCheck,
    SupportsJournal,
    SupportsPreparation,
    SupportsWatch,
)
from cachectl._backends.fallback.breaker import CircuitBreaker
from cachectl._backends.fallback.journal import Journal, left, taken
from cachectl._backends.fallback.pending import PendingInvalidations
from cachectl._backends.fallback.store import StandIn
from cachectl._backends.protocols import Backend
from cachectl._model.coroutines import run
from cachectl.errors import BackendError, BackendRefused, BackendUnavailable

log: Final = logging.getLogger("cachectl")


class Recovery:
    """Of one backend, for which `stand_ins` stand in while the breaker is open."""

    def __init__(
        self, backend: Backend, breaker: CircuitBreaker, stand_ins: Mapping[str, StandIn]
    ) -> None:
        self._backend = backend
        self._breaker = breaker
        self._stand_ins = stand_ins
        self.journal: Journal = Journal(partial(_directory, backend))
        _at_exit.add(self)

    def begin(self, *, may_wait: bool) -> None:
        """Let memory stand in, if ended processes had removed what the backend was not told, until it
        was.
        """
        if not self._breaker.is_open and left(_directory(self._backend)):
            why = "what was removed during an outage is still to be removed there"
            self._breaker.trip(BackendUnavailable(f"{self._backend.name}: {why}"))
            if may_wait:
                with suppress(BackendError):
                    self.recover()

    def recover(self) -> bool:
        """See `SupportsRecovery`."""
        if not self._breaker.is_open:
            changed = self._watch()
            self._replay_left()
            return changed
        if not self._breaker.probe(self._check):
            return False
        try:
            self._replay_left()
            _remove(self._backend, self.journal.inherited)
            self._replay()  # nearly all of it, while callers go on to work from memory
            self._breaker.hold()
            self._replay()
        except BaseException as error:
            if isinstance(error, BackendError):
                self._breaker.note(error)
            self._breaker.stay_open()
            raise
        for _, stand_in in list(self._stand_ins.items()):
            stand_in.memory.clear()
        self.journal.end()
        self._breaker.close()
        return True

    def reach(self) -> None:
        """Raise `BackendError` if the backend cannot be had."""
        if isinstance(self._backend, SupportsCheck):
            self._backend.check()

    def after_fork_in_child(self) -> None:
        """Leave the journal to the parent, which has removed all that is in it."""
        self.journal.forget()

    def close(self) -> None:
        """Say what the backend was not told, and leave it to others."""
        _at_exit.discard(self)
        self.say_what_is_left()
        self.journal.forget()

    def say_what_is_left(self) -> None:
        pending = [each.pending for _, each in list(self._stand_ins.items())]
        if not self._breaker.is_open or all(each.is_empty for each in pending):
            return
        what = _in_words(pending)
        if self.journal.is_written:
            log.warning(
                "%s is away still: what was written or removed meanwhile (%s) is noted in %s; the next"
                " process of this user that reaches it removes that there",
                self._backend.name, what, self.journal.directory,
            )  # fmt: skip
        else:
            log.warning(
                "%s is away still: what was written or removed meanwhile (%s) may be served again when"
                " it is back, for that is lost with this process: %s",
                self._backend.name, what, self.journal.failed or "it is noted nowhere",
            )  # fmt: skip

    def _watch(self) -> bool:
        backend = self._backend
        if not isinstance(backend, SupportsWatch):
            return False
        return self._breaker.call(lambda: backend.watch(returning=False))

    def _check(self) -> None:
        """Raise only if nothing can be had: one who refuses even this is there."""
        backend = self._backend
        try:
            if isinstance(backend, SupportsWatch):
                backend.watch(returning=True)
            elif isinstance(backend, SupportsPreparation):
                backend.prepare()
            else:
                self.reach()
        except BackendUnavailable:  # a place that is refused cannot be used at all
            raise
        except BackendRefused:
            pass

    def _replay(self) -> None:
        for name, stand_in in list(self._stand_ins.items()):
            with self._breaker.lock:
                taken = stand_in.take()
            try:
                run(taken.apply(self._backend.store_for_threads(name)))
            except BaseException:
                with self._breaker.lock:
                    stand_in.pending.add(taken)
                raise

    def _replay_left(self) -> None:
        replay_left(self._backend)


def replay_left(backend: Backend) -> None:
    """Remove from a backend what ended processes had removed while it was away. Raises `BackendError`,
    but where the backend refuses that.
    """
    for pending, done in taken(_directory(backend)):
        try:
            _remove(backend, pending)
        except BackendRefused as error:
            log.debug("what was removed during an outage is not removed yet: %s", str(error))
            continue
        done()
        log.info("removed what was removed during an outage: %s", _in_words(pending.values()))


def _remove(backend: Backend, pending: Mapping[str, PendingInvalidations]) -> None:
    for name, removed in pending.items():
        run(removed.apply(backend.store_for_threads(name)))


def _directory(backend: Backend) -> Path | None:
    return backend.journal() if isinstance(backend, SupportsJournal) else None


def _in_words(pending: Iterable[PendingInvalidations]) -> str:
    keys = tags = wholes = 0
    for each in pending:
        keys, tags = keys + len(each.keys), tags + len(each.tags)
        wholes += each.everything
    counts = (keys, "key"), (tags, "tag"), (wholes, "whole namespace")
    return ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count)


def _say_what_is_left() -> None:
    for recovery in list(_at_exit):
        recovery.say_what_is_left()


_at_exit: Final[WeakSet[Recovery]] = WeakSet()
atexit.register(_say_what_is_left)  # before flushes are, and so called after them
