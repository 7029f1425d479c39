"""Cleaning up: removing what has expired or is over a limit, and foretelling what would go."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from cachectl.backends import Backend, Removed, Store, Sweep, Swept
from cachectl.logic import NamespaceLogic
from cachectl.reports import CleanupReport


class Cleaning:
    """One cleanup of a backend: made by `Cache.cleaning`, and asked for its report at any time."""

    def __init__(
        self,
        backend: Backend,
        logic: Callable[[str], NamespaceLogic],
        *,
        clock: Callable[[], float],
        older_than: float | None,
        max_entries: int | None,
        max_bytes: int | None,
        deadline: float | None,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._older_than = older_than
        given = {"max_entries": max_entries, "max_bytes": max_bytes}
        self._limits: dict[str, Any] = {
            name: most for name, most in given.items() if most is not None
        }
        self._ends_at = None if deadline is None else time.monotonic() + deadline
        self._logic = logic
        self._swept: dict[str, Swept] = {}
        self._finished = False

    def run(self, namespaces: Sequence[str] = ()) -> CleanupReport:
        """Remove, batch by batch, from these namespaces or from all that hold anything.

        Raises `BackendBusy` if another cleanup is running.
        """
        names = namespaces or sorted(self._backend.usage())
        if not names:
            self._finished = True
            return self.report()
        with self._backend.lock("cleanup"):
            self._finished = all(self._sweep(self._logic(name)) for name in names)
            if self._finished:
                self._backend.compact()
        return self.report()

    def survey(self, namespaces: Sequence[str] = ()) -> CleanupReport:
        """Return what `run` would report, removing nothing; it reads all entries."""
        for name in namespaces or sorted(self._backend.usage()):
            self._swept[name] = _survey(self._backend.store(name), self._rule(self._logic(name)))
        self._finished = True
        return self.report()

    def report(self) -> CleanupReport:
        """Return what was removed so far."""
        return CleanupReport(
            expired={name: swept.expired for name, swept in self._swept.items()},
            evicted={name: swept.evicted for name, swept in self._swept.items()},
            finished=self._finished,
        )

    def _sweep(self, logic: NamespaceLogic) -> bool:
        """Sweep one namespace and return whether there was time to finish it."""
        store, rule = self._backend.store(logic.name), self._rule(logic)
        self._swept[logic.name] = Swept()
        while self._ends_at is None or time.monotonic() < self._ends_at:
            swept = store.sweep(rule)
            if not swept.expired.entries and not swept.evicted.entries:
                return True
            logic.swept(swept)
            self._swept[logic.name] = _plus(self._swept[logic.name], swept)
        return False

    def _rule(self, logic: NamespaceLogic) -> Sweep:
        now = self._clock()
        idle_before = None if self._older_than is None else now - self._older_than
        return Sweep(now, idle_before, logic.policy.limits._replace(**self._limits))


def _survey(store: Store, rule: Sweep) -> Swept:
    expired = idle = kept = Removed()
    for listed in store.scan():
        one = Removed(1, listed.size)
        if listed.entry is not None and listed.entry.expires_at <= rule.now:
            expired = expired.plus(one)
        elif rule.idle_before is not None and listed.used_at < rule.idle_before:
            idle = idle.plus(one)
        else:
            kept = kept.plus(one)
    return Swept(expired, idle.plus(_over(store, rule, kept)))


def _over(store: Store, rule: Sweep, kept: Removed) -> Removed:
    """Return what would have to go of `kept`, least recently used first."""
    over = Removed()
    for listed in store.scan() if rule.limits.exceeded(*kept) else ():
        if not rule.limits.exceeded(kept.entries - over.entries, kept.bytes - over.bytes):
            break
        expired = listed.entry is not None and listed.entry.expires_at <= rule.now
        idle = rule.idle_before is not None and listed.used_at < rule.idle_before
        if not expired and not idle:
            over = over.plus(Removed(1, listed.size))
    return over


def _plus(one: Swept, other: Swept) -> Swept:
    return Swept(one.expired.plus(other.expired), one.evicted.plus(other.evicted))
