"""Cleanup: removing what has expired or is over a limit, and dry runs that tell what would go."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from cachectl._backends.capabilities import (
    SupportsCompaction,
    SupportsDue,
    SupportsRecount,
    SupportsTrimming,
)
from cachectl._backends.protocols import AsyncStore, Backend
from cachectl._engine.overall import OverallLimits
from cachectl._metrics.recorder import Recorder
from cachectl._metrics.reports import CleanupReport
from cachectl._model.arguments import check_whole, passed_to
from cachectl._model.coroutines import iterate, run
from cachectl._model.interrupts import unbroken
from cachectl._model.policy import Limits, check_namespaces
from cachectl._model.records import CleanupRule, CleanupStep, Removed
from cachectl._model.units import Duration, parse_duration, parse_size
from cachectl.errors import BackendBusy, BackendRefused


class CleanupOptions(NamedTuple):
    """What a cleanup removes beside what has expired: what was not used for `older_than`
    seconds, and what is over these limits or else those of the policy. `deadline` is seconds.
    """

    older_than: float | None = None
    max_entries: int | None = None
    max_bytes: int | None = None
    deadline: float | None = None

    @classmethod
    def checked(
        cls,
        older_than: Duration | None,
        max_entries: int | None,
        max_bytes: int | str | None,
        deadline: Duration | None,
    ) -> "CleanupOptions":
        """Return what callers ask for. Raises `UsageError` before anything is removed."""
        with passed_to("cleanup"):
            return cls(
                None if older_than is None else parse_duration(older_than),
                None if max_entries is None else check_whole("max_entries", max_entries, 0),
                _size(max_bytes),
                _seconds(deadline),
            )

    def rule(self, limits: Limits, now: float) -> CleanupRule:
        """Return what to remove from a namespace with these limits of its own."""
        if self.max_entries is not None:
            limits = limits._replace(max_entries=self.max_entries)
        if self.max_bytes is not None:
            limits = limits._replace(max_bytes=self.max_bytes)
        return CleanupRule(now, None if self.older_than is None else now - self.older_than, limits)


def clean(
    store: AsyncStore,
    rule: CleanupRule,
    recorder: Recorder,
    ends_at: float,
    told: Callable[[CleanupStep], None] | None = None,
) -> bool:
    """Remove what `rule` names, and return whether that was finished before the monotonic clock came to
    `ends_at`.
    """
    while time.monotonic() < ends_at:
        with unbroken():
            step = run(store.cleanup(rule))
            recorder.record_cleanup(step)
            if told is not None:
                told(step)
        if step.did_nothing:
            return True
    return False


class Cleanup:
    """One cleanup of a backend, made by `Cache.plan_cleanup`. What expires after that it leaves, so
    that what is shown and what is removed are the same unless others write in between. Its report
    can be asked for at any time.
    """

    def __init__(
        self,
        backend: Backend,
        options: CleanupOptions,
        limits: Callable[[str], Limits],
        recorder: Callable[[str], Recorder],
        clock: Callable[[], float],
        overall: OverallLimits | None = None,
    ) -> None:
        self._backend = backend
        self._options = options
        self._limits = limits
        self._recorder = recorder
        self._overall = overall
        self._now = clock()
        self._ends_at = float("inf")
        self._done: dict[str, CleanupStep] = {}
        self._finished = False

    def run(self, namespaces: Sequence[str] = ()) -> CleanupReport:
        """Remove, batch by batch, from these namespaces or from all that hold anything.

        Raises `BackendBusy` if another cleanup is running.
        """
        namespaces = check_namespaces(namespaces)
        if self._options.deadline is not None:
            self._ends_at = time.monotonic() + self._options.deadline
        names = namespaces or sorted(self._held())
        if not names:
            self._finished = True
            self._maintain()  # what entries left behind
            return self.report()
        with self._backend.lock("cleanup"):
            due = namespaces or self._due(names)
            self._finished = all(self._clean(name, is_due=name in due) for name in names) and (
                bool(namespaces) or self._hold_overall()
            )
            if self._finished:
                self._maintain()
        return self.report()

    def _maintain(self) -> None:
        if isinstance(self._backend, SupportsRecount):
            self._backend.recount()
        if isinstance(self._backend, SupportsCompaction):
            self._backend.compact()

    def dry_run(self, namespaces: Sequence[str] = ()) -> CleanupReport:
        """Return what `run` would report, removing nothing."""
        namespaces = check_namespaces(namespaces)
        planned = {
            name: _dry_run(self._backend.store_for_threads(name), self._rule(name))
            for name in namespaces or sorted(self._backend.usage())
        }
        if self._overall is not None and not namespaces:
            for name, removed in self._overall.dry_run(planned).items():
                step = planned.get(name, CleanupStep())
                planned[name] = step.plus(CleanupStep(evicted=removed))
        return _report(planned, finished=True)

    def report(self) -> CleanupReport:
        """Return what was removed so far."""
        return _report(self._done, finished=self._finished)

    def _held(self) -> Collection[str]:
        """Return the namespaces that hold anything, without an estimate of what that takes."""
        backend = self._backend
        totals = backend.totals() if isinstance(backend, SupportsTrimming) else {}
        return totals or backend.usage()  # of what stands in for a backend nothing is held over all

    def _due(self, names: Sequence[str]) -> Collection[str]:
        """Return where there may be anything to remove, as far as that can be told of all at once."""
        if isinstance(self._backend, SupportsDue):
            return self._backend.due({name: self._rule(name) for name in names})
        return names

    def _clean(self, name: str, *, is_due: bool) -> bool:
        """Clean one namespace, if need be, and return whether there was time to finish it."""
        self._done[name] = CleanupStep()
        if not is_due:
            return time.monotonic() < self._ends_at
        store = self._backend.store_for_threads(name)
        told = partial(self._add, name)
        return clean(store, self._rule(name), self._recorder(name), self._ends_at, told)

    def _hold_overall(self) -> bool:
        """Hold the limits over all namespaces, and return whether there was time to finish it."""
        return self._overall is None or self._overall.hold(self._ends_at, self._add)

    def _add(self, name: str, step: CleanupStep) -> None:
        self._done[name] = self._done.get(name, CleanupStep()).plus(step)

    def _rule(self, name: str) -> CleanupRule:
        return self._options.rule(self._limits(name), self._now)


def _seconds(deadline: Duration | None) -> float | None:
    is_nothing = type(deadline) in {int, float} and deadline == 0
    return 0.0 if is_nothing else None if deadline is None else parse_duration(deadline)


def _size(max_bytes: int | str | None) -> int | None:
    is_nothing = type(max_bytes) is int and max_bytes == 0
    return 0 if is_nothing else None if max_bytes is None else parse_size(max_bytes)


def _report(steps: Mapping[str, CleanupStep], *, finished: bool) -> CleanupReport:
    return CleanupReport(
        expired={name: step.expired for name, step in steps.items()},
        evicted={name: step.evicted for name, step in steps.items()},
        finished=finished,
    )


def _dry_run(store: AsyncStore, rule: CleanupRule) -> CleanupStep:
    with suppress(BackendBusy, BackendRefused):  # what only tells needs no write
        run(store.flush())  # as a cleanup does first
    step = CleanupStep()
    for one in iterate(store.plan(rule)):
        removed = Removed(1, one.size)
        step = step.plus(CleanupStep(removed) if one.is_expired else CleanupStep(evicted=removed))
    return step
