"""`cachectl stats` for people: a table, the page of a namespace, or records."""

from collections.abc import Callable, Sequence
from functools import partial

from cachectl._admin.context import Context
from cachectl._admin.overview import Asked, Overview, overview
from cachectl._admin.thresholds import Verdict
from cachectl._cli.output import found, out, stats_screen
from cachectl._cli.output.screen import Screen
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import Stats
from cachectl._model.policy import Policy
from cachectl._model.units import format_bytes

Add = Callable[[Overview, Screen], str | None]
"""Adds figures to a screen, and returns what there is to say beside it."""


def prepared(
    cache: Cache, about: Context, asked: Asked
) -> tuple[Stats, Callable[[Sequence[Verdict]], None]]:
    """Return the figures, and what shows them, once the cache is closed."""
    is_page = _is_page(asked)
    seen = overview(cache, asked.names, asked.since, details=is_page)
    if seen.report.unknown or not is_page:
        return seen.report, partial(_show, about, seen, partial(_add_rows, asked))
    policy = cache.namespace(asked.names[0]).policy
    return seen.report, partial(_show, about, seen, partial(_add_page, asked, policy))


def _as_records(asked: Asked) -> bool:
    return not asked.columns and (out.level > 0 or out.accessible)


def _is_page(asked: Asked) -> bool:
    is_one = len(asked.names) == 1 and not asked.columns
    return is_one and out.width is not None and not _as_records(asked)


def _show(about: Context, seen: Overview, add: Add, verdicts: Sequence[Verdict]) -> None:
    """Write the figures that `add` adds, and then what that has to say."""
    seen = seen.judged(verdicts)
    screen = out.screen()
    if out.level >= 0:
        stats_screen.add_context(screen, about, seen)
    said = add(seen, screen)
    out.show(screen)
    if said:
        out.note(said)
    if screen.width is None:  # which has no room for it
        for sentence in found.sentences(seen.findings):
            out.note(sentence)
    if out.level > 0:
        _tell_details(seen.report)


def _add_page(asked: Asked, policy: Policy, seen: Overview, screen: Screen) -> None:
    stats_screen.add_page(screen, seen, seen.row(asked.names[0]), policy)


def _add_rows(asked: Asked, seen: Overview, screen: Screen) -> str | None:
    is_untouched = seen.is_untouched and not asked.names
    if is_untouched and screen.width is not None:
        stats_screen.add_first_day(screen, seen.report)
        return None
    if is_untouched:  # a pipe gets the headings
        stats_screen.add_table(screen, seen, [], asked.columns)
        return stats_screen.untouched(seen.report)
    rows = seen.rows(asked.names, asked.sort)
    if _as_records(asked):
        stats_screen.add_records(screen, seen, rows)
        return None
    no_room = stats_screen.add_table(screen, seen, rows, asked.columns)
    if not no_room:
        return None
    return f"no room for {', '.join(no_room)}: a wider screen or a pipe has some"


def _tell_details(report: Stats) -> None:
    """Say what the backend tells of itself."""
    for name, fact in report.backend.details.items():
        if fact != 0 or isinstance(fact, bool):
            out.detail(f"{name.replace('_', ' ')}: {_said(name, fact)}")
    if report.totals.uncertainty:
        out.detail(f"entries and sizes are estimates, within {report.totals.uncertainty:.1%}")


def _said(name: str, fact: object) -> object:
    """Return a fact about the backend as people read it."""
    if isinstance(fact, bool):
        return "on" if fact else "off"
    if isinstance(fact, list):
        return ", ".join(fact) or "none"
    return format_bytes(fact) if name.endswith("_bytes") and isinstance(fact, int) else fact
