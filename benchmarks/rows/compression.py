"""Zstandard beside zlib on each kind of value: how small, and how fast both ways."""

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from benchmarks.harness.measure import looped
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.values import DOCUMENT, IMAGE, LARGE, VECTOR

Compress = Callable[[bytes], bytes]
_ZLIB_LEVEL: Final = 6


@row("decision-compression", "decisions", "zstandard", "backports.zstd and zlib")
def compression() -> Iterator[Case]:
    import zstandard
    from backports import zstd

    decompressor = zstandard.ZstdDecompressor()
    for kind in (DOCUMENT, LARGE, VECTOR, IMAGE):
        data = kind.dumps(kind.value)
        for level in (1, 3):
            compressor = zstandard.ZstdCompressor(level=level)
            yield _case(
                f"compress, {kind.name}, level {level}",
                data,
                {
                    "zstandard": compressor.compress,
                    "backports.zstd": partial(zstd.compress, level=level),
                    f"zlib, level {_ZLIB_LEVEL}": partial(zlib.compress, level=_ZLIB_LEVEL),
                },
            )
        packed = zstandard.ZstdCompressor(level=1).compress(data)
        deflated = zlib.compress(data, _ZLIB_LEVEL)
        yield Case(
            f"decompress, {kind.name}",
            Contender("zstandard", looped(partial(decompressor.decompress, packed))),
            [
                Contender("backports.zstd", looped(partial(zstd.decompress, packed))),
                Contender("zlib", looped(partial(zlib.decompress, deflated))),
            ],
            rounds=11,
        )


def _case(name: str, data: bytes, compressors: dict[str, Compress]) -> Case:
    """Return a case whose contenders say what they leave of the bytes."""
    ours, *peers = (
        Contender(
            f"{name} → {len(compress(data)) / len(data):.0%}", looped(partial(compress, data))
        )
        for name, compress in compressors.items()
    )
    return Case(name, ours, peers, rounds=11)
