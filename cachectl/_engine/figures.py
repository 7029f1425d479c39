"""What a cache says of itself: figures, status, namespaces, and who uses it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from cachectl._backends.capabilities import (
    SupportsDiscovery,
    SupportsExpiredEntries,
    SupportsPolicies,
    SupportsState,
    SupportsStatus,
)
from cachectl._backends.protocols import Backend
from cachectl._backends.selection import counts_of, usage_of
from cachectl._engine.counting import Counting
from cachectl._engine.policies import Policies
from cachectl._metrics.counters import Counts, Series
from cachectl._metrics.sketches import NOTHING, Sketch
from cachectl._model.arguments import check_whole
from cachectl._model.deadline import call_began, one_call
from cachectl._model.importing import importing
from cachectl._model.policy import Limits, Policy, check_namespaces, is_namespace
from cachectl._model.records import Usage, with_expired
from cachectl._model.units import Duration, window_of
from cachectl.errors import BackendError, BackendUnavailable

if TYPE_CHECKING:  # imported where they are used: a lookup needs none of them
    from cachectl._metrics.details import Details, MissedKey
    from cachectl._metrics.reports import Application, Stats, Status
    from cachectl._metrics.windows import Window

_MOST_MISSED: Final = 10
"""Keys that a report names."""


class Figures:
    """Made for one question. `policy` returns the policy of a namespace and who sets it; `configured`
    and `in_use` are namespaces that are known though they may hold nothing.
    """

    def __init__(
        self,
        backend: Backend,
        counting: Counting,
        policies: Policies,
        clock: Callable[[], float],
        policy: Callable[[str], tuple[Policy, str]],
        configured: Collection[str],
        in_use: Collection[str],
    ) -> None:
        self._backend = backend
        self._counting = counting
        self._policies = policies
        self._clock = clock
        self._policy = cache(policy)
        self._configured = configured
        self._in_use = in_use

    def stats(
        self,
        names: Collection[str],
        since: Duration | None,
        parts: int | None = None,
        *,
        details: bool = False,
    ) -> "Stats":
        from cachectl._metrics.reports import Stats
        from cachectl._metrics.windows import Window

        now, names = self._clock(), check_namespaces(names)
        if parts is not None:
            check_whole("parts", parts, 1)
        window = Window.last(window_of(since), now)
        with one_call(call_began()):
            (counts, notes), usage = self._counting.read(window, names), self._held(names, now)
            status = self.status()
            status = replace(status, notes=(*status.notes, *notes))
            self._policies.read(names)
        known = {*counts, *usage}
        if not isinstance(self._backend, SupportsPolicies):
            known |= {*self._configured, *self._in_use}
        unknown = self._unknown(names, known, window)
        chosen, limits = names or sorted(known), Limits() if names else self._policies.limits()

        def figures(counts: Mapping[str, Counts], window: Window) -> Stats:
            return Stats.of(chosen, usage, counts, self._policy, window, status, unknown, limits)

        found = figures(counts, window)
        if parts is not None:
            found = self._with_trends(found, parts, figures)
        if details:
            found = replace(
                found, details=self._details(list(found.namespaces), window, _MOST_MISSED)
            )
        return replace(found, applications=self.applications())

    def _with_trends(
        self,
        found: "Stats",
        parts: int,
        figures: "Callable[[Mapping[str, Counts], Window], Stats]",
    ) -> "Stats":
        """Return figures with what was counted in the parts of their window, and since counting began, as
        far as that is written, and can be read.
        """
        from cachectl._metrics.details import Trend, counting_since
        from cachectl._metrics.windows import Window

        with suppress(BackendError), one_call(call_began()):
            window, series = found.window, self._series(found, found.window, parts)
            began = counting_since(series.values(), window.end)
            if window.ring is None and began is not None:
                window = Window.last(window.end - began, window.end)
                series = self._series(found, window, parts)
            if window.ring is not None:
                totals = {name: one.total for name, one in series.items()}
                return replace(
                    found,
                    trends={name: Trend.of(window, [one], parts) for name, one in series.items()},
                    trend=Trend.of(window, series.values(), parts),
                    all_time=figures(totals, found.window._replace(ring=None, start=None)),
                )
        return found

    def _series(self, found: "Stats", window: "Window", parts: int) -> dict[str, Series]:
        """Return the series of all namespaces of a report, also of those that never counted."""
        names = list(found.namespaces)
        series = self._backend.counters.series(window, parts, names) if names else {}
        return {name: series.get(name) or Series.of_nothing(window, parts) for name in names}

    def top_misses(self, name: str, limit: int, since: Duration | None) -> "Sequence[MissedKey]":
        from cachectl._metrics.windows import Window

        check_whole("limit", limit, 1)
        window = Window.last(window_of(since), self._clock())
        with one_call(call_began()):
            self._counting.write()
        return self._details([name], window, limit)[name].top_misses

    def _details(
        self, names: Sequence[str], window: "Window", limit: int
    ) -> "Mapping[str, Details]":
        """Return what is noted beside the counts, as far as that is written, and can be read."""
        from cachectl._metrics.details import Details

        sketches: Mapping[str, Sketch] = {}
        with suppress(BackendError), one_call(call_began()):
            sketches = self._backend.counters.sketches(window, names) if names else {}
        return {name: Details.of(sketches.get(name, NOTHING), window, limit) for name in names}

    def _unknown(
        self, names: Collection[str], known: Collection[str], window: "Window"
    ) -> list[str]:
        """Return which names are of no namespace, though it may have counted nothing in the window; none
        where the backend would have to be asked and is away.
        """
        unknown = [name for name in names if name not in known]
        if not unknown or window.ring is None:
            return unknown
        with suppress(BackendUnavailable):
            ever = counts_of(self._backend, unknown, window._replace(ring=None, start=None))
            return [name for name in unknown if name not in ever]
        return []

    def status(self) -> "Status":
        if isinstance(self._backend, SupportsStatus):
            status = self._backend.status()
        else:
            from cachectl._metrics.reports import Status

            status = Status(self._backend.name, self._backend.name, "ok", 0)
        return self._with_trouble(status)

    def status_seen(self) -> "Status":
        """Return the status as far as it is known without asking anybody."""
        from cachectl._metrics.reports import Status

        if isinstance(self._backend, SupportsState):
            return self._with_trouble(self._backend.state())
        return self._with_trouble(Status(self._backend.name, self._backend.name, "ok", 0))

    def applications(self) -> "Sequence[Application]":
        with importing:
            from cachectl._engine.publishing import applications

        return applications(self._backend)

    def _with_trouble(self, status: "Status") -> "Status":
        """Return a status that says what was refused lately."""
        trouble = self._counting.troubles.current()
        if trouble is None or status.status == "fallback_only":
            return status
        since, text, kind = trouble
        return replace(status, status="refusing", since=since, last_error=text, kind=kind)

    def usage(self, names: Collection[str] = ()) -> Mapping[str, Usage]:
        usage = self._held(check_namespaces(names), self._clock())
        return {name: usage[name] for name in sorted(usage)}

    def _held(self, names: Collection[str], now: float) -> Mapping[str, Usage]:
        usage = usage_of(self._backend, names)
        if self._backend.live:
            usage = self._counting.with_known(usage)
        if isinstance(self._backend, SupportsExpiredEntries):
            with suppress(BackendUnavailable):  # since just now: what it holds is known
                return with_expired(usage, self._backend.expired_entries(now, names))
        return usage

    def namespaces(self, *, remember: bool = False) -> list[str]:
        """Return the namespaces that hold anything, or are in use: what is loaded is held soon. What
        somebody gave a name that none can have is not one.
        """
        if isinstance(self._backend, SupportsDiscovery):
            found: Collection[str] = self._backend.find_namespaces(remember=remember)
        else:
            found = self._backend.usage()
        return sorted({*filter(is_namespace, found), *self._in_use})
