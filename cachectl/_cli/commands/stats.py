"""`cachectl stats`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cachectl._admin import documents
from cachectl._admin.context import Context
from cachectl._admin.namespaces import not_there
from cachectl._admin.overview import PARTS, Asked, check_sort, in_order
from cachectl._admin.thresholds import Threshold
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out, stats_formats
from cachectl._cli.session import session
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import Stats
from cachectl._model.policy import check_namespace
from cachectl._model.units import parse_duration
from cachectl.errors import BackendUnavailable, UsageError

if TYPE_CHECKING:
    from cachectl._admin.comparison import Saved


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
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How often to, with --watch.")
    ] = 2.0,
    diff: Annotated[
        str,
        typer.Option(metavar="FILE", help="Compare with what 'stats --format json' said before."),
    ] = "",
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

    A single NS has a page of its own on a terminal; -v shows every figure with all digits.

    cachectl stats --since 1h

    cachectl stats ai --since 24h

    cachectl stats --diff before.json

    cachectl stats --since 1h --fail-under hit-rate=50% --each --min-lookups 100
    """
    out.use(form, Format.CSV, Format.PROMETHEUS)
    if since is not None and form is Format.PROMETHEUS:
        raise UsageError("Prometheus takes counters since they began, and --since has others")
    alarm = Alarm.of(fail_under, each=each, min_lookups=min_lookups)
    asked = _asked(namespaces or [], since, sort, columns)
    saved = _saved(diff, watch=watch)
    opened = session(context)
    with opened.cache() as cache, _told_of_applications(cache):
        if watch:
            from cachectl._cli.commands.stats_watch import watch as follow

            follow(
                cache, opened.context, asked, lambda of: alarm.crossed(of, asked.names), interval
            )
        report, show = _prepared(cache, opened.context, asked, saved)
        crossed = alarm.crossed(report, asked.names)
        if report.unknown:
            raise Stop(Exit.NOT_FOUND, not_there(cache, report.unknown))
    show()
    stats_formats.tell(report)
    if crossed:
        raise Stop(Exit.THRESHOLD, crossed)


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


class Alarm(NamedTuple):
    """What `--fail-under` and its companions say."""

    threshold: Threshold | None
    each: bool

    @classmethod
    def of(cls, fail_under: str | None, *, each: bool, min_lookups: int | None) -> "Alarm":
        """Return it. Raises `UsageError`."""
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


def _saved(path: str, *, watch: bool) -> "Saved | None":
    """Return the figures that were saved, if there is anything to compare with. Raises `UsageError`."""
    if not path:
        return None
    if watch or out.format in (Format.CSV, Format.PROMETHEUS):
        raise UsageError("--diff goes with a table or JSON, once")
    from cachectl._admin.comparison import Saved

    return Saved.read(path)


def _prepared(
    cache: Cache, about: Context, asked: Asked, saved: "Saved | None"
) -> tuple[Stats, Callable[[], None]]:
    """Return the figures, and what shows them."""
    if saved is not None:
        from cachectl._cli.commands.stats_diff import compared

        return compared(cache, about, asked, saved)
    if out.format is Format.TABLE:
        from cachectl._cli.commands.stats_shown import prepared  # with Rich

        return prepared(cache, about, asked)
    report = _report(cache, asked)
    return report, lambda: stats_formats.write(report, in_order(report, asked.names, asked.sort))


def _report(cache: Cache, asked: Asked) -> Stats:
    """Return the figures; of one namespace, as JSON, with what its page has beside them."""
    if len(asked.names) == 1 and out.format in (Format.JSON, Format.JSONL):
        return cache.stats(*asked.names, since=asked.since, parts=PARTS, details=True)
    return cache.stats(*asked.names, since=asked.since)
