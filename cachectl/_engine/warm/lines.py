"""Lines of any input, in bounded memory."""

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from cachectl._model.codecs.text import utf8
from cachectl.errors import UsageError

LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes that a line may have."""

_CHUNK: Final = 64 * 1024
_BOM: Final = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line with its end; `number` counts from 1, `end` is the offset after it. `data` is None
    if it was too long to be kept.
    """

    number: int
    end: int
    data: bytes | None

    def text(self) -> str:
        """Return the line as text. Raises `UsageError` if it is too long or not UTF-8."""
        if self.data is None:
            raise UsageError(f"a line of more than {LINE_LIMIT} bytes")
        return utf8(self.data)

    def blank(self) -> bool:
        return self.data is not None and not self.data.strip()


def lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of `file`, without a byte order mark before the first."""
    number = end = 0
    while data := file.readline(LINE_LIMIT + 1):
        number += 1
        end += len(data)
        if len(data) > LINE_LIMIT:
            end += _skip(file, data)
            yield Line(number, end, None)
        else:
            yield Line(number, end, data.removeprefix(_BOM) if number == 1 else data)


def _skip(file: BinaryIO, data: bytes) -> int:
    """Read on to the end of the line that begins with `data`; return how many bytes."""
    skipped = 0
    while data and not data.endswith(b"\n"):
        data = file.readline(_CHUNK)
        skipped += len(data)
    return skipped
