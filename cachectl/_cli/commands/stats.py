"""`cachectl stats`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cachectl._admin import documents
from cachectl._admin.context import Context
from cachectl._admin.namespaces import not_there
from cachectl._admin.overview import PARTS, Asked, check_sort, in_order
from cachectl._admin.thresholds import Alarm, Verdict
from cachectl._cli.alarming import ring
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out, stats_formats
from cachectl._cli.output.metrics import metrics
from cachectl._cli.session import Session, session
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import Stats
from cachectl._model.policy import check_namespace
from cachectl._model.units import parse_duration
from cachectl.errors import BackendError, BackendUnavailable, UsageError

if TYPE_CHECKING:
    from cachectl._admin.comparison import Saved

Show = Callable[[Sequence[Verdict]], None]
"""Shows figures, and what thresholds say of them."""


def stats(
    context: typer.Context,
    namespaces: options.Namespaces = None,
    since: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Count only the last 15m, 1h, 7d …")
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="COLUMN", help="Largest first; COLUMN:asc is smallest first.")
    ] = "",
    columns: Annotated[
        str, typer.Option(metavar="A,B,…", help="Show these columns, whatever the width is.")
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Show what happens, until interrupted.")
    ] = False,
    interval: options.Interval = None,
    diff: Annotated[
        str,
        typer.Option(metavar="FILE", help="Compare with what 'stats --format json' said before."),
    ] = "",
    fail_under: options.FailUnder = None,
    fail_over: options.FailOver = None,
    each: options.Each = False,
    min_lookups: options.MinLookups = None,
    to: options.Textfile = None,
    label: options.Labels = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Begin to count anew, after showing what was counted.")
    ] = False,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    form: options.OutputFormat = Format.TABLE,
) -> None:
    """Show hit rate, entries, memory and savings of each namespace. Counts nothing itself.

    A single NS has a page of its own on a terminal; -v shows every figure with all digits.

    cachectl stats --since 1h

    cachectl stats ai --since 24h

    cachectl stats --diff before.json

    cachectl stats --since 1h --fail-under hit-rate=50% --each --min-lookups 100

    cachectl stats --fail-over full=95%,errors=0

    cachectl stats --format prometheus --to /var/lib/node_exporter/cachectl.prom
    """
    out.use(form, Format.CSV, Format.PROMETHEUS)
    if since is not None and form is Format.PROMETHEUS:
        raise UsageError("Prometheus takes counters since they began, and --since has others")
    alarm = Alarm.of(
        fail_under or [], fail_over or [],
        each=each, min_lookups=min_lookups,
    )  # fmt: skip
    _expose(to, label or [])
    if interval is not None and not watch:
        raise UsageError("--interval goes with --watch")
    if columns and (watch or diff):
        raise UsageError("--columns is of a table alone, without --watch and --diff")
    asked = _asked(namespaces or [], since, sort, columns)
    saved = _saved(diff, sort, watch=watch)
    opened = session(context)
    if reset:
        from cachectl._cli.commands.stats_reset import begin_anew

        if watch or saved is not None or since is not None or columns or alarm.thresholds:
            raise UsageError("--reset goes with NS, --sort, --dry-run and --yes alone")
        begin_anew(opened, asked, dry_run=dry_run, yes=yes)
        return
    if dry_run or yes:
        raise UsageError("--dry-run and --yes go with --reset")
    with _told_if_down(opened), opened.cache() as cache, _told_of_applications(cache):
        alarm = alarm.timed(cache, asked.names)
        if watch:
            from cachectl._cli.commands.stats_watch import watch as follow

            follow(cache, opened.context, asked, alarm, interval or 2.0)
        report, show = _prepared(cache, opened.context, asked, saved)
        verdicts = alarm.verdicts(report, asked.names)
        if report.unknown:
            raise Stop(Exit.NOT_FOUND, not_there(cache, report.unknown))
    show(verdicts)
    stats_formats.tell(report)
    ring(verdicts)


def _expose(path: str | None, labels: Sequence[str]) -> None:
    """Have metrics go to a file, and have labels. Raises `UsageError` where there are none."""
    if path is None and not labels:
        return
    if out.format is not Format.PROMETHEUS:
        raise UsageError("--to and --label go with --format prometheus")
    metrics.expose(path, labels)


def _asked(names: Sequence[str], since: str | None, sort: str, columns: str) -> Asked:
    """Return what is asked for, checked. Raises `UsageError`."""
    if columns and out.format is not Format.TABLE:
        raise UsageError("--columns goes with tables")
    check_sort(sort)
    return Asked(
        [check_namespace(name) for name in names],
        None if since is None else parse_duration(since),
        sort,
        tuple(filter(None, (name.strip() for name in columns.split(",")))),
    )


@contextmanager
def _told_if_down(opened: Session) -> Iterator[None]:
    """Leave in a file of metrics that there are none, if so: it would have those of before."""
    try:
        yield
    except BackendError:
        if metrics.replaces_file:
            from cachectl._admin import prometheus

            metrics.write(prometheus.down(opened.backend, metrics.labels))
        raise


@contextmanager
def _told_of_applications(cache: Cache) -> Iterator[None]:
    """Say what applications are in if the backend cannot be reached: they may work without it."""
    try:
        yield
    except BackendUnavailable:
        found = cache.applications()
        out.beside["applications"] = documents.applications(found)
        stats_formats.tell_of_applications(found)
        raise


def _saved(path: str, sort: str, *, watch: bool) -> "Saved | None":
    """Return the figures that were saved, if there is anything to compare with. Raises `UsageError`."""
    if not path:
        return None
    if watch or out.format in (Format.CSV, Format.PROMETHEUS):
        raise UsageError("--diff goes with a table or JSON, once")
    if sort:
        raise UsageError("--diff has namespaces by name: no --sort")
    from cachectl._admin.comparison import Saved

    return Saved.read(path)


def _prepared(
    cache: Cache, about: Context, asked: Asked, saved: "Saved | None"
) -> tuple[Stats, Show]:
    """Return the figures, and what shows them."""
    if saved is not None:
        from cachectl._cli.commands.stats_diff import compared

        return compared(cache, about, asked, saved)
    if out.format is Format.TABLE:
        from cachectl._cli.commands.stats_shown import prepared  # with Rich

        return prepared(cache, about, asked)
    report = _report(cache, asked)
    names = in_order(report, asked.names, asked.sort)
    return report, lambda verdicts: stats_formats.write(report, names, verdicts)


def _report(cache: Cache, asked: Asked) -> Stats:
    """Return the figures; of one namespace, as JSON, with what its page has beside them."""
    if len(asked.names) == 1 and out.format in (Format.JSON, Format.JSONL):
        return cache.stats(*asked.names, since=asked.since, parts=PARTS, details=True)
    return cache.stats(*asked.names, since=asked.since)
