"""`cachectl stats`."""

import re
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from cachectl.cache import Cache
from cachectl.cli import documents, options
from cachectl.cli.exits import Exit, Interrupted, Stop
from cachectl.cli.output import Format, out
from cachectl.cli.session import session
from cachectl.errors import UsageError
from cachectl.policy import check_namespace
from cachectl.reports import NamespaceStats, Stats
from cachectl.units import parse_duration


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
    threshold = None if fail_under is None else _threshold(fail_under)
    names = [check_namespace(name) for name in namespaces or []]
    seconds = None if since is None else parse_duration(since)
    with session(context).cache() as cache:
        if watch:
            _watch(cache, names, seconds, interval)
        report = cache.stats(*names, since=seconds)
    shown = names or list(report.namespaces)
    _show(report, shown)
    if threshold is not None:
        _require_hit_rate([report.namespaces[name] for name in names] or [report.totals], threshold)


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
        from cachectl.cli import tables

        out.table(tables.stats(report, names), fold=False)
        if report.window.start is not None:
            out.detail(f"counted since {tables.moment(report.window.start)}")
    elif out.format is Format.CSV:
        figures = [(name, documents.figures(report.namespaces[name])) for name in names]
        header = ["namespace", *documents.figures(report.totals)]
        out.csv(header, ([name, *values.values()] for name, values in figures))
    elif out.format is Format.PROMETHEUS:
        from cachectl.cli import prometheus

        for line in prometheus.lines(report, names):
            out.line(line)
    else:
        out.document("stats", documents.stats(report, names))


def _threshold(text: str) -> float:
    match = re.fullmatch(r"hit-rate=(\d+(?:\.\d+)?)(%?)", text)
    rate = float(match[1]) / (100 if match[2] else 1) if match else -1
    if not 0 <= rate <= 1:
        raise UsageError(f"not a threshold: {text!r} (write hit-rate=50% or hit-rate=0.5)")
    return rate


def _require_hit_rate(figures: Sequence[NamespaceStats], threshold: float) -> None:
    """End with the threshold's code if a rate is lower; without lookups there is no rate."""
    rates = [part.hit_rate for part in figures if part.hit_rate is not None]
    if rates and min(rates) < threshold:
        raise Stop(Exit.THRESHOLD, f"hit rate {min(rates):.1%} is under {threshold:.1%}")
