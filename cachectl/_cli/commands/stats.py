"""`cachectl stats`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, NamedTuple

import typer

from cachectl._admin import documents
from cachectl._admin.applications import described
from cachectl._admin.namespaces import said, unknown
from cachectl._admin.thresholds import Threshold
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Interrupted, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable
from cachectl._cli.session import session
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import Application, Stats
from cachectl._model.policy import check_namespace
from cachectl._model.units import format_bytes, parse_duration
from cachectl.errors import BackendUnavailable, UsageError


def stats(
    context: typer.Context,
    namespaces: options.Namespaces = None,
    since: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Count only the last 15m, 1h, 7d …")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Print again and again, until interrupted.")
    ] = False,
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How often to, with --watch.")
    ] = 2.0,
    fail_under: Annotated[
        str | None,
        typer.Option(
            metavar="hit-rate=50%", help="Exit with 8 if that of a named NS, or in total, is lower."
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="With --fail-under: every namespace by itself.")
    ] = False,
    min_lookups: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="With --fail-under: fewer lookups are no alarm."),
    ] = None,
    form: options.OutputFormat = Format.TABLE,
) -> None:
    """Show hit rate, entries, memory and savings of each namespace. Counts nothing itself.

    cachectl stats --since 1h

    cachectl stats --since 1h --fail-under hit-rate=50% --each --min-lookups 100
    """
    out.use(form, Format.CSV, Format.PROMETHEUS)
    if since is not None and form is Format.PROMETHEUS:
        raise UsageError("Prometheus takes counters since they began, and --since has others")
    alarm = _Alarm.of(fail_under, each=each, min_lookups=min_lookups)
    names = [check_namespace(name) for name in namespaces or []]
    seconds = None if since is None else parse_duration(since)
    opened = session(context)
    with opened.cache() as cache, _told_of_applications(cache):
        if watch:
            _watch(cache, names, seconds, interval, alarm)
        report = cache.stats(*names, since=seconds)
    if out.format is Format.TABLE:
        _say_which(opened.about, empty=not names and not report.totals.entries)
    _answer(report, names, alarm)


@contextmanager
def _told_of_applications(cache: Cache) -> Iterator[None]:
    """Say what applications are in if the backend cannot be reached: they may work without it."""
    try:
        yield
    except BackendUnavailable:
        found = cache.applications()
        out.beside["applications"] = documents.applications(found)
        _say_what_they_are_in(found)
        raise


def _say_what_they_are_in(found: Sequence[Application]) -> None:
    for each in found:
        say = out.detail if each.status == "ok" else out.note
        say(described(each, time.time()))


class _Alarm(NamedTuple):
    """What `--fail-under` and its companions say."""

    threshold: Threshold | None
    each: bool

    @classmethod
    def of(cls, fail_under: str | None, *, each: bool, min_lookups: int | None) -> "_Alarm":
        if fail_under is not None:
            return cls(Threshold.parse(fail_under, min_lookups or 1), each)
        if each or min_lookups is not None:
            raise UsageError("--each and --min-lookups go with --fail-under")
        return cls(None, each)

    def crossed(self, report: Stats, names: Sequence[str]) -> str | None:
        """Return in words what is under the threshold. Raises `UsageError` for unknown names."""
        if self.threshold is None:
            return None
        return self.threshold.crossed(report, list(report.namespaces) if self.each else names)


def _answer(report: Stats, names: Sequence[str], alarm: _Alarm) -> None:
    """Show the figures, and end the command if there is an alarm."""
    crossed = alarm.crossed(report, names)
    _show(report, names or list(report.namespaces))
    for note in report.backend.notes:
        out.note_once(note)
    _say_what_they_are_in(report.applications)
    for name in report.unknown:
        out.note(unknown(name))
    if crossed:
        raise Stop(Exit.THRESHOLD, crossed)


def _say_which(about: str, *, empty: bool) -> None:
    """Say which cache a table is about; to everybody if it is an empty one, perhaps the wrong one."""
    if empty:
        out.note(f"nothing is cached {about}")
    else:
        out.detail(about)


def _watch(
    cache: Cache, names: Sequence[str], since: float | None, interval: float, alarm: _Alarm
) -> None:
    """Show the figures every `interval` seconds until interrupted, or alarmed."""
    if out.format is Format.JSON:
        out.format = Format.JSONL  # one document a line, so that a reader can follow
    try:
        while True:
            report = cache.stats(*names, since=since)
            out.clear_screen()
            _answer(report, names, alarm)
            time.sleep(interval)
    except Interrupted:
        raise Stop(Exit.DONE) from None


def _show(report: Stats, names: Sequence[str]) -> None:
    if out.format is Format.TABLE:
        from cachectl._cli.output import tables

        out.table(tables.stats(report, names, verbose=out.level > 0), fold=False)
        for name, fact in report.backend.details.items():
            if fact != 0 or isinstance(fact, bool):
                out.detail(f"{name.replace('_', ' ')}: {_said(name, fact)}")
        if report.totals.uncertainty:
            out.detail(f"entries and sizes are estimates, within {report.totals.uncertainty:.1%}")
        for name in names if out.level > 0 else ():
            out.detail(
                f"{name}: TTL and limits are from {said(report.namespaces[name].policy_from)}"
            )
        if report.window.start is not None:
            out.detail(f"counted since {tables.moment(report.window.start)}")
    elif out.format is Format.CSV:
        figures = [(name, documents.figures(report.namespaces[name])) for name in names]
        header = ["namespace", *documents.figures(report.totals)]
        out.csv(header, ([name, *values.values()] for name, values in figures))
    elif out.format is Format.PROMETHEUS:
        from cachectl._admin import prometheus

        for line in prometheus.lines(report, names):
            out.line(printable(line))
    else:
        out.document("stats", documents.stats(report, names))


def _said(name: str, fact: object) -> object:
    """Return a fact about the backend as people read it."""
    if isinstance(fact, bool):
        return "on" if fact else "off"
    if isinstance(fact, list):
        return ", ".join(fact) or "none"
    return format_bytes(fact) if name.endswith("_bytes") and isinstance(fact, int) else fact
