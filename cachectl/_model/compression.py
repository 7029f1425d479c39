"""Compression of encoded values with Zstandard, kept where it pays.

Level 1: higher ones take longer and hardly save more. A context takes much longer to make than to
use on a small value, so contexts are kept for their next use
(`make bench ROW=decision-compression`). Zstandard is Yann Collet's (RFC 8878).
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from cachectl._model.importing import importing
from cachectl.errors import DamagedEntry

if TYPE_CHECKING:
    from zstandard import ZstdCompressor, ZstdDecompressor

Context = TypeVar("Context")

NONE: Final = 0
ZSTD: Final = 1
"""How a payload is compressed, in the order of `policy.COMPRESSIONS`: stored, and for ever."""

SMALLEST: Final = 256
"""Bytes from which compression is tried: below, it saves less than backends spend on an entry."""
_WORTHWHILE: Final = 0.9  # random floats come to 0.95: too little to decompress at every hit
_LEVEL: Final = 1
_SAMPLED: Final = 128 * 1024
_SAMPLE: Final = 16 * 1024


def compress(payload: bytes) -> bytes | None:
    """Return the payload compressed, or None if that does not pay.

    Of a large one a sample is tried first, so that an image is given up at once.
    """
    size = len(payload)
    if size < SMALLEST or (size >= _SAMPLED and _smaller(_sample(payload)) is None):
        return None
    return _smaller(payload)


def decompress(payload: bytes | memoryview, limit: int) -> bytes:
    """Return what `compress` took. Raises `DamagedEntry` for whatever it did not return.

    A frame that claims to hold more than `limit` bytes is refused before it is given memory.
    """
    zstandard = _zstandard()
    try:
        if len(payload) < zstandard.frame_content_size(payload) <= limit:
            decompressor = _decompressors.take()
            decompressed: bytes = decompressor.decompress(payload, allow_extra_data=False)
            _decompressors.give_back(decompressor)
            return decompressed
    except (zstandard.ZstdError, MemoryError) as error:
        raise DamagedEntry(f"not a compressed value: {type(error).__name__}") from None
    raise DamagedEntry("a compressed value of a size that cannot be")


def _smaller(payload: bytes) -> bytes | None:
    compressor = _compressors.take()
    compressed = compressor.compress(payload)
    _compressors.give_back(compressor)
    return compressed if len(compressed) <= len(payload) * _WORTHWHILE else None


def _sample(payload: bytes) -> bytes:
    """Return the beginning, which may be a header, and a part of the middle."""
    middle = len(payload) // 2
    return payload[:_SAMPLE] + payload[middle : middle + _SAMPLE]


class _Contexts(Generic[Context]):
    """Contexts that wait for their next use; in use, each belongs to one thread."""

    def __init__(self, make: Callable[[], Context]) -> None:
        self._make = make
        self._waiting: list[Context] = []

    def take(self) -> Context:
        try:
            return self._waiting.pop()
        except IndexError:
            return self._make()

    def give_back(self, context: Context) -> None:
        self._waiting.append(context)


@cache
def _zstandard() -> Any:
    """Return the library, imported when it is first needed: a hit takes no lock for it."""
    with importing:
        import zstandard

    return zstandard


def _make_compressor() -> "ZstdCompressor":
    made: ZstdCompressor = _zstandard().ZstdCompressor(level=_LEVEL)
    return made


def _make_decompressor() -> "ZstdDecompressor":
    made: ZstdDecompressor = _zstandard().ZstdDecompressor()
    return made


_compressors: Final = _Contexts(_make_compressor)
_decompressors: Final = _Contexts(_make_decompressor)
