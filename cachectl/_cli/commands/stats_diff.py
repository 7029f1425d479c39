"""`cachectl stats --diff`."""

from collections.abc import Callable, Sequence

from cachectl._admin.comparison import Comparison, Saved
from cachectl._admin.context import Context
from cachectl._admin.overview import Asked
from cachectl._admin.thresholds import Verdict, document
from cachectl._cli.output import Format, found, out
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import Stats


def compared(
    cache: Cache, about: Context, asked: Asked, saved: Saved
) -> tuple[Stats, Callable[[Sequence[Verdict]], None]]:
    """Return the figures of now, and what shows them beside those that were saved. Raises `UsageError`."""
    report = cache.stats(
        *asked.names, since=asked.since, parts=1
    )  # which say since when each counts
    comparison = Comparison.of(saved, report, () if report.unknown else asked.names)
    return report, lambda verdicts: _show(about, asked, comparison, verdicts)


def _show(
    about: Context, asked: Asked, comparison: Comparison, verdicts: Sequence[Verdict]
) -> None:
    if out.format is not Format.TABLE:
        out.document("comparison", {**comparison.document(), **document(verdicts)})
        return
    from cachectl._cli.output import stats_diff

    screen = out.screen()
    report = comparison.report
    if out.level >= 0:
        screen.context("cache", *about.parts(about.state(report.backend, report.applications)))
        stats_diff.add_context(screen, comparison, asked.since)
    stats_diff.add(screen, comparison)
    out.show(screen)
    if screen.width is None:
        for sentence in found.sentences([row.finding for row in comparison.rows if row.finding]):
            out.note(sentence)
