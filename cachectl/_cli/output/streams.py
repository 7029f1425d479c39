"""The three standard streams: all there, none of them failing in a way of its own."""

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

from cachectl._cli.exits import NotWritten


class Guarded(io.TextIOWrapper):
    """A stream that takes any character, and raises `NotWritten` where others do `OSError`."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise NotWritten(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise NotWritten(error) from None


def guard_streams() -> None:
    """Guard stdout and stderr, and stand in for streams that the caller has closed."""
    # Like one that was closed, this stdout cannot be written.
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, mode), number)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = _guarded(sys.stdout or os.fdopen(1, "w", closefd=False))
    sys.stderr = _guarded(sys.stderr or os.fdopen(2, "w", closefd=False))


def discard_output() -> None:
    """Let what is still buffered go nowhere, so that the interpreter can end in peace."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except NotWritten:
            os.dup2(null, stream.fileno())
            with suppress(NotWritten):
                stream.flush()


def size(terminal: TextIO) -> os.terminal_size:
    """Return how wide and high a terminal is, as `COLUMNS` and `LINES` say or else itself. `shutil` would
    ask the stdout that Python began with, which is another since streams are guarded.
    """
    itself = os.get_terminal_size(terminal.fileno())
    columns, lines = _said("COLUMNS"), _said("LINES")
    return os.terminal_size((columns or itself.columns or 80, lines or itself.lines or 24))


def _said(variable: str) -> int:
    number = os.environ.get(variable, "")
    return int(number) if number.isdecimal() else 0


def _guarded(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    encoding, lines = stream.encoding, stream.line_buffering
    return Guarded(
        stream.detach(), encoding=encoding, errors="backslashreplace", line_buffering=lines
    )
