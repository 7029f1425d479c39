"""Lines on their way to stdout: what a screen shows, or a pipe gets, put together before it is written.

Imported only where there is a table: Rich takes its time to load.
"""

from textwrap import wrap
from typing import Final

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from cachectl._cli.output import layout
from cachectl._cli.output.glyphs import Glyphs, in_signs
from cachectl._cli.output.text import printable
from cachectl._masking import masked

_STATES: Final = {"ok": "green", "degraded": "yellow", "read-only": "yellow"}


class Screen:
    """A screen of `width` cells; None is a pipe, where no line is too long."""

    def __init__(self, console: Console, width: int | None, glyphs: Glyphs) -> None:
        self.width = width
        self.glyphs = glyphs
        self.lines: list[str] = []
        self._console = console

    def context(self, heading: str, *parts: str) -> None:
        """Add a line that says what the rest is about."""
        known = [masked(part) for part in parts if part]
        if self.width is None:
            line = self.glyphs.between.join(known)
            self.lines.append(f"# {printable(heading) + ' ':{layout.HEADING}}{printable(line)}")
            return
        heading = layout.shortened(heading, self.width // 2, self.glyphs)
        line = layout.context(heading, known, self.width, self.glyphs)
        text = Text(line)
        text.stylize("dim", 0, len(heading))
        for state, style in _STATES.items():
            between = self.glyphs.between
            if state in known and (at := line.find(f"{between}{state}")) > 0:
                text.stylize(style, at + len(between), at + len(between) + len(state))
        self.add(text)

    def hanging(self, lead: Text, text: str, indent: int, style: str = "") -> None:
        """Add text behind a `lead`, on as many lines as the width asks for, all but the first indented."""
        text, width = printable(text), self.width or 100_000
        lines = [text]
        if lead.cell_len + cell_len(text) > width:
            first, then = " " * lead.cell_len, " " * indent
            lines = wrap(text, width, initial_indent=first, subsequent_indent=then)
            lines[0] = lines[0].strip()
        self.add(Text.assemble(lead, (lines[0], style)), *(Text(line, style) for line in lines[1:]))

    def blank(self) -> None:
        """Add an empty line, but not as the first one, nor in a pipe."""
        if self.width is not None and self.lines:
            self.lines.append("")

    def add(self, *what: RenderableType) -> None:
        """Add tables or text, whose lines are short enough."""
        with self._console.capture() as capture:
            for each in what:
                self._console.print(each)
        shown = in_signs(capture.get(), self.glyphs)
        self.lines += (line.rstrip() for line in shown.splitlines())
