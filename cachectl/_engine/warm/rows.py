"""Rows of CSV, in bounded memory: each is read, or refused, as a whole, through the quote that ends it."""

import csv
import re
from typing import BinaryIO, Final

from cachectl._engine.warm.lines import CR_ALONE, LINE_LIMIT, Line, lines
from cachectl._model.codecs.text import utf8
from cachectl.errors import UsageError

_QUOTED: Final = re.compile(rb'"(?:[^"]++|"")*+')  # without the quote at its end
_FIELDS: Final = re.compile(rb'(?>(?:(?:"(?:[^"]++|"")*+"|(?!"))[^,]*+,){0,1000})')
"""Some fields that are at their end. All of them would be a possessive `*+`, in which alternatives are
matched wrongly before CPython 3.11.5 (its issue 106052); a limit keeps what this remembers small.
"""


class Quotes:
    """Which field of a row comes next. It is told of the row piece by piece, right or wrong."""

    def __init__(self) -> None:
        self._field = b""  # how the field begins, as far as what ends it depends on that
        self.has_opened: bool = False
        """Whether a quote was opened since somebody set this to False."""

    @property
    def is_open(self) -> bool:
        """Whether what comes next is still in quotes, be it another line."""
        return self._field == b'"'

    def feed(self, data: bytes) -> None:
        """Take what comes next."""
        text = self._field + data
        ended = _end_of_fields(text)
        before, self._field = self._field, _beginning(text[ended:])
        self.has_opened |= self.is_open and (ended > 0 or before != self._field)

    def end(self) -> None:
        """Begin the next row."""
        self._field = b""


def _end_of_fields(text: bytes) -> int:
    """Return where the field begins that is not at its end."""
    at, fields = -1, _FIELDS.match(text)
    while fields and fields.end() > at:
        at = fields.end()
        fields = _FIELDS.match(text, at)
    return max(at, 0)


def _beginning(field: bytes) -> bytes:
    quoted = _QUOTED.match(field)
    if quoted is None:
        return field[:1]
    rest = field[quoted.end() :]
    if rest == b'"':
        return b'""'  # the end of the quotes, or one half of a quote in them
    return b"-" if rest else b'"'


class Rows:
    """Reads rows. The last one began on `line`, has `size` bytes, and ended at `end`."""

    def __init__(self, file: BinaryIO) -> None:
        self.line: int = 0
        self.size: int = 0
        self.end: int = 0
        self._quotes = Quotes()
        self._opened = 0
        self._lines = lines(file, self._quotes.feed)
        # It is one number for the whole process, and too low for us.
        csv.field_size_limit(max(csv.field_size_limit(), LINE_LIMIT))

    def read(self) -> list[str] | None:
        """Return the next row that is not blank; None at the end. Raises `UsageError`."""
        row: list[str] | None = []
        while row == []:
            row = self._next()
        return row

    def _next(self) -> list[str] | None:
        self.line = self.size = 0
        self._quotes.end()
        line = next(self._lines, None)
        if line is None:
            return None
        self._begin_or_go_on(line)
        row = None
        if line.data is not None and self.size <= LINE_LIMIT:
            row = _cells_of_line(line.data)  # most rows are one, and all is well with them
        return _cells(utf8(self._rest(line))) if row is None else row

    def _rest(self, line: Line | None) -> bytes:
        """Return the bytes of a row that begins with a line, after all of it has been read."""
        parts: list[bytes] | None = []
        while line is not None:
            self._look_at(line.number, line.data)
            if line.data is None or self.size > LINE_LIMIT:
                parts = None
            elif parts is not None:
                parts.append(line.data)
            if not self._quotes.is_open:
                return _joined(parts)
            line = next(self._lines, None)
            if line is not None:
                self._begin_or_go_on(line)
        where = f"the quote that opens in line {self._opened} is never closed"
        raise UsageError(f"{where}: nothing after it was read")

    def _begin_or_go_on(self, line: Line) -> None:
        self.line = self.line or line.number
        self.size += line.end - self.end
        self.end = line.end

    def _look_at(self, number: int, data: bytes | None) -> None:
        if data is not None:  # what was too long to be kept has been looked at
            self._quotes.feed(data)
        if self._quotes.has_opened:
            self._opened = number
            self._quotes.has_opened = False


def _joined(parts: list[bytes] | None) -> bytes:
    if parts is None:
        raise UsageError(f"a row of more than {LINE_LIMIT} bytes")
    return b"".join(parts)


def _cells_of_line(data: bytes) -> list[str] | None:
    """Return the cells of a row in one line; None if it has more, or is wrong."""
    try:
        return next(csv.reader((data.decode(),), strict=True))
    except (csv.Error, UnicodeDecodeError):
        return None


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader((text,), strict=True))
    except csv.Error as error:
        if str(error).startswith("new-line character"):
            raise UsageError(CR_ALONE) from None
        raise UsageError(f"not CSV: {error}") from None
