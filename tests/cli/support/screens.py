"""What `stats` shows of one cache at one moment, on screens of many kinds.

`python -m tests.cli.support.screens` writes it to `tests/cli/screens`: to be read before it is believed.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from rich.console import Console

from cachectl._admin.context import Context
from cachectl._admin.findings import DAY
from cachectl._admin.overview import Asked, Overview
from cachectl._admin.watching import Moment
from cachectl._backends.file.backend import FileBackend
from cachectl._cli.output import stats_screen, stats_watch
from cachectl._cli.output.glyphs import ASCII, UNICODE, Glyphs
from cachectl._cli.output.screen import Screen
from cachectl._config import load
from cachectl._model.policy import Policy
from tests.cli.support import voice

DIRECTORY: Final = Path(__file__).parents[1] / "screens"
WIDTHS: Final = (40, 63, 64, 80, 120, 200)
POLICY: Final = Policy(ttl=21 * DAY, max_entries=2_000_000, max_bytes=2**32, eviction="lrfu")
PLACE: Final = "/var/cache/voice"

Draw = Callable[[Screen], object]


def screens() -> Iterator[tuple[str, str]]:
    """Yield all of them: the name of a file, and what is in it."""
    for width in WIDTHS:
        for name, draw in _DRAWN.items():
            yield f"{name}-{width}", drawn(draw, width)
    yield "stats-pipe", drawn(table, None)
    yield "since-pipe", drawn(since, None)
    yield "since-80-ascii", drawn(since, 80, ASCII)
    yield "page-80-ascii", drawn(page, 80, ASCII)
    yield "watch-80-low", drawn(lambda screen: watch(screen, height=14), 80)


def drawn(draw: Draw, width: int | None, glyphs: Glyphs = UNICODE) -> str:
    """Return what is on a screen, without colours."""
    console = Console(width=100_000, height=100, highlight=False, markup=False, emoji=False)
    screen = Screen(console, width, glyphs)
    draw(screen)
    return "".join(f"{line}\n" for line in screen.lines)


def table(screen: Screen) -> None:
    _table(screen, voice.overview())


def since(screen: Screen) -> None:
    _table(screen, voice.overview(DAY))


def _table(screen: Screen, seen: Overview) -> None:
    stats_screen.add_context(screen, about(), seen)
    stats_screen.add_table(screen, seen, seen.rows(), ())


def page(screen: Screen) -> None:
    seen = voice.overview(DAY)
    stats_screen.add_context(screen, about(), seen)
    stats_screen.add_page(screen, seen, seen.row("ai"), POLICY)


def records(screen: Screen) -> None:
    seen = voice.overview(DAY)
    stats_screen.add_context(screen, about(), seen)
    stats_screen.add_records(screen, seen, seen.rows(["sessions", "tts"]))


def watch(screen: Screen, height: int | None = None) -> None:
    seen = voice.overview()
    began = {name: figures.entries - 7 for name, figures in seen.report.namespaces.items()}
    moment = Moment(seen, voice.LAST_MINUTE, Asked((), None, "", ()), began)
    stats_watch.add(screen, about(), moment, 2.0, height)


def first_day(screen: Screen) -> None:
    seen = voice.untouched()
    stats_screen.add_context(screen, about(), seen)
    stats_screen.add_first_day(screen, seen.report)


_DRAWN: Final[dict[str, Draw]] = {
    "stats": table,
    "since": since,
    "page": page,
    "records": records,
    "watch": watch,
    "first-day": first_day,
}


def about() -> Context:
    """Return what is said of the cache; nothing is there."""
    settings = load(environ={"HOME": "/nowhere"}, directory=PLACE)
    settings.remember(Path("/etc/cachectl.toml"), ())
    return Context(FileBackend(directory=Path(PLACE)), settings)


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for name, text in screens():
        (DIRECTORY / f"{name}.txt").write_text(text)
