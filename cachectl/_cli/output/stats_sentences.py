"""What is said of a namespace in words, on its page and in records."""

from collections.abc import Iterator

from cachectl._admin.figures import lookups
from cachectl._admin.overview import Row
from cachectl._cli.output import cells
from cachectl._metrics.reports import NamespaceStats
from cachectl._model.records import MOST_EXPIRED


def hit_rate(row: Row, now: float) -> str:
    """Return the hit rate, of what, and when the last hit was."""
    return "; ".join((_rate(row), *_since_last_hit(row, now)))


def _rate(row: Row) -> str:
    """Return the hit rate, of what, and that of all time where it is another."""
    figures = row.now
    if figures.hit_rate is None:
        text = "no lookups"
    else:
        text = f"{cells.rate(figures.hit_rate)}: {figures.hits:,} of {lookups(figures):,} lookups"
    if row.ever is not figures and row.ever.hit_rate is not None:
        text += f"; {cells.rate(row.ever.hit_rate)} all time"
    return text


def _since_last_hit(row: Row, now: float) -> Iterator[str]:
    """Yield when the last hit was, if there was one."""
    if row.now.last_hit_at is not None:
        yield f"last hit {cells.ago(now - row.now.last_hit_at)}"


def stale(figures: NamespaceStats) -> str:
    """Return how many entries are held that have expired; nothing if none are."""
    expired = figures.expired_entries
    least = "at least " if expired == MOST_EXPIRED else ""
    return f"{least}{expired:,} of them not fresh" if expired else ""


def memory(size: int) -> str:
    """Return what the backend spends on entries."""
    return f"about {cells.said_size(size)}, with all that the backend needs"


def sets(figures: NamespaceStats) -> str:
    """Return how often something was stored."""
    return f"{figures.sets:,} {'set' if figures.sets == 1 else 'sets'}"


def shared(figures: NamespaceStats) -> str:
    """Return how many lookups waited for others."""
    return f"{figures.shared:,} more lookups waited for the load of another"
