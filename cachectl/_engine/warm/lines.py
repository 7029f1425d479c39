"""Lines of any input, in bounded memory."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

from cachectl._model.codecs.text import utf8
from cachectl.errors import UsageError

LINE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes that a line may have."""

CR_ALONE: Final = "a line that ends with CR alone, not with LF or CRLF"

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
        """Return the line as text, without its end. Raises `UsageError` if it is too long, not UTF-8, or
        several lines whose ends are none here.
        """
        if self.data is None:
            raise UsageError(f"a line of more than {LINE_LIMIT} bytes")
        text = utf8(self.data).removesuffix("\n").removesuffix("\r")
        if "\r" in text:  # in a JSON text there is no need of one
            raise UsageError(CR_ALONE)
        return text

    def blank(self) -> bool:
        return self.data is not None and not self.data.strip()


def lines(
    file: BinaryIO, skipped: Callable[[bytes], object] = lambda _: None
) -> Iterator[Line]:  # fmt: skip
    """Yield the lines of `file`, without a byte order mark before the first. What is too long to be
    kept is told to `skipped`, piece by piece, before its line comes.
    """
    number = end = 0
    while data := file.readline(LINE_LIMIT + 1):
        number += 1
        end += len(data)
        if len(data) > LINE_LIMIT:
            skipped(data)
            end += _skip(file, data, skipped)
            yield Line(number, end, None)
        else:
            yield Line(number, end, data.removeprefix(_BOM) if number == 1 else data)


def _skip(file: BinaryIO, data: bytes, skipped: Callable[[bytes], object]) -> int:
    """Read on to the end of the line that begins with `data`; return how many bytes."""
    size = 0
    while data and not data.endswith(b"\n"):
        data = file.readline(_CHUNK)
        skipped(data)
        size += len(data)
    return size
