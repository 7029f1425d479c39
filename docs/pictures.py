"""`make pictures`: what the tool shows on terminals, as `docs/pictures/*.svg`, dark and light.

The real command runs on a terminal of its own, before a cache that was at work for some days; what it
writes is drawn, escape codes and all.
"""

import html
import os
import pty
import random
import re
import select
import shlex
import signal
import sqlite3
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from cachectl import Cache, Namespace

DIRECTORY: Final = Path(__file__).parent / "pictures"
DAY: Final = 86_400
CONFIG: Final = """
[file]
directory = "~/cache"
[namespaces]
agent-config = { ttl = "1m" }
ai = { ttl = "21d", max_entries = 2000, max_bytes = "1MiB", eviction = "lrfu" }
embeddings = { ttl = "30d", max_entries = 3000 }
prompts = { ttl = "10m" }
rag = { ttl = "5m", max_entries = 500 }
sessions = { ttl = "1h" }
tts = { ttl = "6h", max_entries = 100 }
"""


class Picture(NamedTuple):
    """A command, and how wide the terminal is; with `seconds` it is interrupted after that time."""

    name: str
    command: str
    columns: int = 80
    seconds: float | None = None


PICTURES: Final = (
    Picture("stats", "cachectl stats --since 24h"),
    Picture("stats-wide", "cachectl stats --since 24h", 160),
    Picture("stats-narrow", "cachectl stats --since 24h", 40),
    Picture("namespace", "cachectl stats tts --since 24h"),
    Picture("records", "cachectl -v stats tts --since 24h"),
    Picture("inspect", "cachectl inspect ai --sort size --limit 5"),
    Picture("clear", "cachectl clear tts --dry-run"),
    Picture("watch", "cachectl stats --watch", 80, 1.5),
)
DARK: Final = TerminalTheme(
    (30, 32, 36), (214, 216, 220),
    [(30, 32, 36), (224, 108, 117), (126, 192, 110), (224, 175, 84), (97, 175, 239),
     (198, 120, 221), (86, 182, 194), (214, 216, 220)],
    [(120, 124, 132), (224, 108, 117), (126, 192, 110), (224, 175, 84), (97, 175, 239),
     (198, 120, 221), (86, 182, 194), (255, 255, 255)],
)  # fmt: skip
LIGHT: Final = TerminalTheme(
    (255, 255, 255), (36, 41, 47),
    [(36, 41, 47), (196, 43, 43), (26, 127, 55), (154, 103, 0), (9, 105, 218),
     (130, 80, 223), (27, 124, 131), (110, 119, 129)],
    [(87, 96, 106), (196, 43, 43), (26, 127, 55), (154, 103, 0), (9, 105, 218),
     (130, 80, 223), (27, 124, 131), (140, 149, 159)],
)  # fmt: skip
SVG: Final = """\
<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: "DejaVu Sans Mono", Menlo, Consolas, ui-monospace, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    {styles}
    </style>
    <rect width="{terminal_width}" height="{terminal_height}" rx="8" fill="BACKGROUND"/>
    <g transform="translate(9, 22)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


_HEIGHT: Final = 20
_CELL: Final = 12.04
"""Pixels of a sign, which Rich draws 20 high."""
_TEXT: Final = r'<text (class="[^"]*") x="([\d.]+)" (y="[\d.]+") textLength="[\d.]+" clip-path="[^"]*">([^<]*)</text>'


def main() -> None:
    DIRECTORY.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cachectl-pictures-") as home:
        environment = prepared(Path(home))
        for picture in PICTURES:
            seen = shown(picture, environment)
            for name, theme in (("dark", DARK), ("light", LIGHT)):
                path = DIRECTORY / f"{picture.name}-{name}.svg"
                path.write_text(drawn(picture, seen, theme))


def prepared(home: Path) -> dict[str, str]:
    """Return the environment of a user who has a cache that was at work."""
    (home / "cachectl.toml").write_text(CONFIG)
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "CACHECTL_CONFIG": str(home / "cachectl.toml"),
        "TERM": "xterm-256color",
    }
    os.environ.update(environment)
    choice = random.Random(4)
    for hours in (400, *range(23, -1, -1)):
        work(choice, hours)
    damage(home / "cache" / "cache.db")
    return environment


def work(choice: random.Random, hours: int) -> None:
    """Let an application be at work for one hour, some hours ago: more by day than by night."""
    busy = 40 + 10 * min(abs(12 - hours), 12)
    voices = 80 + 8 * max(0, 14 - hours)  # in the end more than have room
    with Cache.open(strict=True, clock=lambda: time.time() - hours * 3600 - 40) as cache:
        for _ in range(busy):
            ask(cache.namespace("ai"), popular(choice, 1500), 700, cost="0.005", seconds=0.6)
            ask(cache.namespace("agent-config"), choice.randrange(8), 80, seconds=0.01)
            ask(cache.namespace("embeddings"), popular(choice, 900), 1024, seconds=1.2)
            ask(cache.namespace("prompts"), choice.randrange(11), 77, seconds=0.01)
            ask(cache.namespace("rag"), choice.randrange(10**9), 200, seconds=0.4)
            ask(cache.namespace("sessions"), popular(choice, 300), 90, seconds=0.2)
            for _ in range(3):
                voice = choice.randrange(voices)
                ask(cache.namespace("tts"), voice, 3000, cost="0.0004", seconds=1.1)


def popular(choice: random.Random, most: int) -> int:
    """Return a number below `most`: small ones come more often."""
    return min(most, int(choice.paretovariate(0.6))) - 1


def ask(namespace: Namespace, number: int, size: int, *, seconds: float, cost: str = "0") -> None:
    """Look a value up, and store it where there is none."""
    key = f"{namespace.name}:{number}"
    if namespace.get(key, default=None) is None:
        namespace.set(key, "x" * size, cost=cost, load_seconds=seconds)


def damage(database: Path) -> None:
    """Let a disk have been at work as well."""
    keys = [f"embeddings:{number}" for number in range(3)]
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "UPDATE entries SET value = zeroblob(64) WHERE key = ?", [(key,) for key in keys]
        )
    connection.close()
    with Cache.open(strict=True) as cache:
        for key in keys:
            cache.namespace("embeddings").get(key)


def shown(picture: Picture, environment: dict[str, str]) -> str:
    """Return what a command writes on a terminal, with its escape codes; of several screens the last."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, picture.columns))
    words = [sys.executable, "-m", "cachectl", *shlex.split(picture.command)[1:]]
    with subprocess.Popen(
        words, env=environment, cwd=environment["HOME"], stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen = read(ours, picture.seconds)
        process.send_signal(signal.SIGINT)
        seen += read(ours, None)
    os.close(ours)
    text = seen.decode().replace("\r\n", "\n").replace("\x1b[K", "")
    frames = re.split(r"\x1b\[H|\x1b\[J|\x1b\[\?\d+[hl]", text)
    return next(frame for frame in reversed(frames) if frame.strip())


def read(terminal: int, seconds: float | None) -> bytes:
    """Return what is written until the end, or for some seconds."""
    seen, end = b"", None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        if not select.select([terminal], [], [], None if end is None else 0.1)[0]:
            continue
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # nobody has the other end open any more
            break
        seen += data
    return seen


def drawn(picture: Picture, seen: str, theme: TerminalTheme) -> str:
    """Return the picture of a terminal."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            record=True, file=nowhere, width=picture.columns, height=60, force_terminal=True,
            color_system="truecolor", highlight=False, legacy_windows=False,
        )  # fmt: skip
        console.print(Text(f"$ {picture.command}", "bold"), Text.from_ansi(seen), sep="\n")
    svg = console.export_svg(
        theme=theme,
        code_format=SVG.replace("BACKGROUND", theme.background_color.hex),
        unique_id=picture.name,
        font_aspect_ratio=_CELL / _HEIGHT,
    )
    return re.sub(_TEXT, _in_columns, svg)


def _in_columns(text: re.Match[str]) -> str:
    """Return a text in pieces that begin where they should, however wide a font draws what is before."""
    style, begin, rest, content = text.groups()
    content = html.unescape(content).replace("\xa0", " ")
    pieces = []
    for piece in re.finditer(r"\S+(?: \S+)*", content):
        x = float(begin) + cell_len(content[: piece.start()]) * _CELL
        length = cell_len(piece[0]) * _CELL
        shown = html.escape(piece[0]).replace(" ", "&#160;")
        pieces.append(f'<text {style} x="{x:g}" {rest} textLength="{length:g}">{shown}</text>')
    return "".join(pieces)


if __name__ == "__main__":
    main()
