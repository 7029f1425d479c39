"""`cachectl stats`."""

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from cachectl._admin import documents
from cachectl._admin.thresholds import Threshold
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Interrupted, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.session import session
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import Stats
from cachectl._model.policy import check_namespace
from cachectl._model.units import parse_duration


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
        typer.Option(metavar="hit-rate=50%", help="Exit with 8 if the hit rate is lower."),
    ] = None,
    form: options.OutputFormat = Format.TABLE,
) -> None:
    """Show hit rate, entries, memory and savings of each namespace. Counts nothing itself.

    cachectl stats --since 1h

    cachectl stats ai --format json --fail-under hit-rate=50%
    """
    out.use(form, Format.CSV, Format.PROMETHEUS)
    threshold = None if fail_under is None else Threshold.parse(fail_under)
    names = [check_namespace(name) for name in namespaces or []]
    seconds = None if since is None else parse_duration(since)
    with session(context).cache() as cache:
        if watch:
            _watch(cache, names, seconds, interval)
        report = cache.stats(*names, since=seconds)
    shown = names or list(report.namespaces)
    _show(report, shown)
    for note in report.backend.notes:
        out.note(note)
    if threshold is not None and (crossed := threshold.crossed(report, names)):
        raise Stop(Exit.THRESHOLD, crossed)


def _watch(cache: Cache, names: Sequence[str], since: float | None, interval: float) -> None:
    """Show the figures every `interval` seconds until interrupted."""
    if out.format is Format.JSON:
        out.format = Format.JSONL  # one document a line, so that a reader can follow
    try:
        while True:
            report = cache.stats(*names, since=since)
            out.clear_screen()
            _show(report, names or list(report.namespaces))
            time.sleep(interval)
    except Interrupted:
        raise Stop(Exit.DONE) from None


def _show(report: Stats, names: Sequence[str]) -> None:
    if out.format is Format.TABLE:
        from cachectl._cli.output import tables

        out.table(tables.stats(report, names), fold=False)
        for name, fact in report.backend.details.items():
            said = {True: "on", False: "off"}[fact] if isinstance(fact, bool) else fact
            out.detail(f"{name.replace('_', ' ')}: {said}")
        if report.window.start is not None:
            out.detail(f"counted since {tables.moment(report.window.start)}")
    elif out.format is Format.CSV:
        figures = [(name, documents.figures(report.namespaces[name])) for name in names]
        header = ["namespace", *documents.figures(report.totals)]
        out.csv(header, ([name, *values.values()] for name, values in figures))
    elif out.format is Format.PROMETHEUS:
        from cachectl._admin import prometheus

        for line in prometheus.lines(report, names):
            out.line(line)
    else:
        out.document("stats", documents.stats(report, names))
