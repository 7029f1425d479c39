"""`stats` for people: what it is about, the figures, and below them what was found."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.text import Text

from cachectl._admin.context import Context
from cachectl._admin.findings import Finding, window_name
from cachectl._admin.overview import Overview, Row
from cachectl._cli.output import cells, found, stats_table
from cachectl._cli.output.screen import Screen
from cachectl._cli.output.stats_columns import Look
from cachectl._metrics.reports import Stats
from cachectl._model.units import format_day, format_moment

if TYPE_CHECKING:
    from cachectl._model.policy import Policy

_LONG: Final = 60  # seconds of counting that are worth a word


def look(screen: Screen, overview: Overview) -> Look:
    """Return how figures are shown on a screen."""
    window = "" if overview.since is None else window_name(overview.since)
    return Look(screen.glyphs, screen.width, window, overview.report.generated_at)


def add_context(screen: Screen, about: Context, overview: Overview) -> None:
    """Add which cache it is, and which time."""
    report = overview.report
    is_empty = not overview.all_time.totals.entries
    state = about.state(report.backend, report.applications, is_empty=is_empty)
    screen.context("cache", *about.parts(state))
    screen.context("window", *_window(overview))


def _window(overview: Overview) -> tuple[str, ...]:
    now, began = overview.report.generated_at, overview.counting_since
    moment = f"{format_moment(now, now)} UTC"
    if overview.is_untouched:
        return ("begins with the first lookup",)
    if overview.since is not None:
        since = f"counting since {format_day(began, now)}" if began is not None else ""
        return f"last {window_name(overview.since)}, to {moment}", since
    if began is None:
        return "all time", f"read {moment}"
    long = f" ({cells.age(now - began)})" if now - began > _LONG else ""
    return f"all since {format_day(began, now)}{long}", f"read {moment}"


def untouched(report: Stats) -> str:
    """Return what there is to say where nothing was ever stored or looked up."""
    said = "Nothing is stored, nothing was looked up yet."
    return f"{said} Configured: {', '.join(report.namespaces)}." if report.namespaces else said


def add_first_day(screen: Screen, report: Stats) -> None:
    """Add what helps there: perhaps it is another cache than was meant."""
    screen.blank()
    screen.hanging(Text(), untouched(report), 0)
    for heading, command in (
        ("try it", "cachectl set demo hello world"),
        ("fill it", "cachectl warm MANIFEST --namespace NS"),
        ("elsewhere?", "cachectl stats --config FILE, or CACHECTL_CONFIG, or --url URL"),
    ):
        screen.hanging(Text(f"  {heading:12}"), command, 14, "cyan")


def add_table(
    screen: Screen, seen: Overview, rows: Sequence[Row], asked: Sequence[str]
) -> Sequence[str]:
    """Add a table, and what was found. Return which of the columns that were asked for found no room."""
    table = stats_table.made(seen, rows, look(screen, seen), asked)
    screen.blank()
    screen.add(table)
    of_namespaces = any(each.namespace for each in seen.findings)
    _add_findings(screen, seen.findings, "cachectl stats NS" if of_namespaces else "")
    return asked[table.columns - 1 :] if asked else ()


def add_records(screen: Screen, seen: Overview, rows: Sequence[Row]) -> None:
    """Add a record for each namespace, and, where there are several, for the total."""
    from cachectl._cli.output import stats_records

    about = [each for each in seen.findings if not each.namespace]
    total = [seen.total] if len(rows) > 1 else []
    screen.blank()
    stats_records.add(screen, about, [*rows, *total], seen.report.generated_at)


def add_page(screen: Screen, seen: Overview, row: Row, policy: "Policy") -> None:
    """Add the page of a namespace, and what was found of it."""
    from cachectl._cli.output import stats_page

    if screen.lines:  # there is a context
        screen.context(row.name, *_policy(policy))
    stats_page.add(screen, row, seen.details(row.name), seen.report.generated_at)
    about = [each for each in seen.findings if each.namespace in ("", row.name)]
    _add_findings(screen, about)


def _add_findings(screen: Screen, findings: Sequence[Finding], hint: str = "") -> None:
    if screen.width is not None:
        found.add(screen, findings, hint)


def _policy(policy: "Policy") -> tuple[str, ...]:
    ttl, *limits = policy.summary.split(", ", 1)
    return ttl, policy.eviction, *limits
