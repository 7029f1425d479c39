"""All printing: data goes to stdout, everything else to stderr.

Tables are for people, the other formats for programs. Whatever comes from a cache is made
harmless before a terminal sees it.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any, Final

from cachectl._cli.exits import NOTHING, NotWritten
from cachectl._cli.output.streams import size
from cachectl._cli.output.text import printable
from cachectl._masking import masked
from cachectl.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from cachectl._cli.output.glyphs import Glyphs
    from cachectl._cli.output.grid import Grid
    from cachectl._cli.output.redrawing import Redrawing
    from cachectl._cli.output.screen import Screen

_LEAST_WIDTH: Final = 40


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PROMETHEUS = "prometheus"


class Output:
    """Where one call prints. `level` is -1 for quiet, 1 for verbose."""

    def __init__(self) -> None:
        self.level = 0
        self.format = Format.TABLE
        self.beside: dict[str, Any] = {}
        """What is known, and the document of an error has beside it."""
        self.cache: Callable[[], str] = str
        """Says which cache is worked with; nothing if none was opened."""
        self.is_plugin = False
        """Whether a monitoring system reads one line on stdout, and nothing else."""
        self.directory = ""
        """Where the files are that are worked with; nothing if there are none."""
        self._answered = False
        self._noted: set[str] = set()  # what `note_once` said, and can still be read

    def use(self, form: Format, *others: Format) -> None:
        """Print in `form`: a table, JSON or, where a command has them, one of `others`."""
        self.format = form
        if form not in (Format.TABLE, Format.JSON, Format.JSONL, *others):
            raise UsageError(f"there is no format {form} here")

    def note(self, message: str) -> None:
        """Say something beside the data, unless told to be quiet."""
        if self.level >= 0:
            self._say(message)

    def note_once(self, message: str) -> None:
        """Say something that stays true, unless it was said before and can still be read."""
        if message not in self._noted:
            self._noted.add(message)
            self.note(message)

    def detail(self, message: str) -> None:
        """Say something that only people watching, or asking for it, want to know."""
        if self.level > 0 or (self.level == 0 and sys.stderr.isatty()):
            self._say(message)

    def error(self, message: str, code: int, helps: Mapping[str, str] = NOTHING) -> None:
        """Say why the command ends with `code`, and what `helps`; as a document too, where one is due."""
        message, helps = masked(message), {name: masked(text) for name, text in helps.items()}
        self.complain(
            "".join([message, *(f"\n  {name:<5} {text}" for name, text in helps.items())])
        )
        if self.format in (Format.JSON, Format.JSONL) and not self._answered:
            self.document("error", {"error": message, "exit_code": code, **helps, **self.beside})

    def fault(self, message: str) -> None:
        """Say what failed, and the rest went on, also with --quiet."""
        self._say(message)

    def unknown(self, message: str) -> None:
        """Tell a monitoring system that nothing is known, and why."""
        from cachectl._admin.check import State
        from cachectl._cli.output import plugin

        self.line(plugin.line(State.UNKNOWN, masked(message)))

    def complain(self, message: str) -> None:
        """Say what went wrong."""
        self._say(f"cachectl: {message}")

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.raw_parts((data,))

    def raw_parts(self, parts: Iterable[bytes]) -> None:
        """Write bytes as they are, part by part."""
        sys.stdout.flush()
        for part in parts:
            try:
                sys.stdout.buffer.write(part)
            except OSError as error:
                raise NotWritten(error) from None
        sys.stdout.flush()

    def line(self, text: str) -> None:
        """Write one line that is already safe."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def flush(self) -> None:
        """Write what waits. Raises `NotWritten`, like everything that writes."""
        sys.stdout.flush()

    def document(self, kind: str, content: Mapping[str, Any]) -> None:
        """Write one JSON document with its schema, on one line for JSONL."""
        indent = None if self.format is Format.JSONL else 2
        document = {"schema": schema(kind), **content}
        self._answered = True
        self.line(json.dumps(document, indent=indent, allow_nan=False))

    def stream(
        self,
        kind: str,
        head: Mapping[str, Any],
        name: str,
        rows: Iterable[Any],
        is_complete: Callable[[], bool],
    ) -> None:
        """Write a JSON document with a long list, without holding the list.

        Its last member, `complete`, is false if the list ended with an error, or is not all there is.
        """
        opening = json.dumps({"schema": schema(kind), **head}, indent=2)
        iterator = iter(rows)
        first = list(islice(iterator, 1))  # what fails at once is no list at all
        self._answered, complete = True, False
        sys.stdout.write(f'{opening.removesuffix("}").rstrip()},\n  "{name}": [')
        try:
            for number, row in enumerate(chain(first, iterator)):
                sys.stdout.write(f"{',' if number else ''}\n    {json.dumps(row)}")
            complete = is_complete()
        finally:
            self.line(f'\n  ],\n  "complete": {json.dumps(complete)}\n}}')

    def records(self, kind: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write one JSON object a line, each with its schema."""
        head = {"schema": schema(kind)}
        for row in rows:
            sys.stdout.write(f"{json.dumps({**head, **row})}\n")
        self._answered = True
        self.flush()

    def csv(self, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write rows as CSV."""
        from cachectl._cli.output import comma_separated

        comma_separated.write(sys.stdout, header, rows)

    @property
    def width(self) -> int | None:
        """The cells of a line of the terminal on stdout; None for a file or a pipe, where none is too long."""
        return max(_LEAST_WIDTH, size(sys.stdout).columns) if sys.stdout.isatty() else None

    @property
    def glyphs(self) -> "Glyphs":
        """The signs that stdout can show."""
        from cachectl._cli.output.glyphs import glyphs_for

        return glyphs_for(sys.stdout)

    def context(self, heading: str, *parts: str) -> None:
        """Write in front of a table what it is about. Of what is too long for a screen the last parts go
        first, and then the middle of the first one. With --quiet there are rows alone.
        """
        if self.level >= 0:
            screen = self.screen()
            screen.context(heading, *parts)
            self.show(screen)

    def screen(self) -> "Screen":
        """Return an empty screen, as wide as stdout and with the signs that it can show."""
        from cachectl._cli.output.screen import Screen

        return Screen(_console(sys.stdout, fold=False), self.width, self.glyphs)

    def show(self, screen: "Screen") -> None:
        """Write what is on a screen."""
        for line in screen.lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def gap(self) -> None:
        """Leave a line free below what `context` wrote, on a screen."""
        if self.width is not None and self.level >= 0:
            self.line("")

    def redrawing(self) -> "Redrawing":
        """Return what shows one screen after the other: in place, where the terminal can do that and nobody
        has it read to him.
        """
        from cachectl._cli.output.redrawing import Redrawing

        moves = sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
        return Redrawing(_height if moves and not self.accessible else None)

    @property
    def accessible(self) -> bool:
        """Whether somebody has it read to him, which `ACCESSIBLE=1` says."""
        return os.environ.get("ACCESSIBLE", "") not in {"", "0"}

    def table(self, table: "Grid", *, fold: bool = True) -> None:
        """Write a table; on a terminal its cells may fold, elsewhere every row is a line."""
        console = _console(sys.stdout, fold=fold)
        with console.capture() as capture:
            console.print(table)
        for line in capture.get().splitlines():
            sys.stdout.write(f"{line.rstrip()}\n")
        sys.stdout.flush()  # before what is said beside it

    def lines(self, lines: Iterable["str | Text"]) -> None:
        """Write lines as they come, those that have a style with it where stdout shows any."""
        console = None
        for line in lines:
            if not isinstance(line, str):
                console = console or _console(sys.stdout, fold=False)
                with console.capture() as capture:
                    console.print(line, soft_wrap=True, end="")
                sys.stdout.write(f"{capture.get()}\n")
            else:
                sys.stdout.write(f"{line}\n")

    def watcher(self) -> "Console | None":
        """Return the terminal to show progress on; None if there is none, or with --quiet."""
        watched = sys.stderr.isatty() and self.level >= 0 and self.format is Format.TABLE
        return _console(sys.stderr) if watched else None

    def confirm(self, question: str) -> bool:
        """Ask on the terminal; anything but yes is no."""
        sys.stderr.write(f"{printable(masked(question))} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def _say(self, message: str) -> None:
        """Write to stderr, below what stdout has: in a file of both, or on a terminal."""
        with suppress(NotWritten):  # which is said at the end
            sys.stdout.flush()
        lines = masked(message).split("\n")
        sys.stderr.write("".join(f"{printable(line)}\n" for line in lines))
        sys.stderr.flush()


def schema(kind: str) -> str:
    """Return which schema a document of a kind has."""
    return f"cachectl.{kind}/1"


def _height() -> int:
    """Return the lines of the terminal on stdout, which may change at any time."""
    return size(sys.stdout).lines


def _console(stream: IO[str], *, fold: bool = True) -> "Console":
    from rich.console import Console

    if fold and stream.isatty():
        return Console(file=stream, highlight=False, markup=False, emoji=False)
    return Console(
        file=stream, width=100_000, height=100,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip


out = Output()
