"""The measurements behind the table "Decisions" in ARCHITECTURE.md."""

import io
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from itertools import cycle
from typing import Any
from unittest.mock import patch

import numpy as np
from xxhash import xxh3_64_intdigest

from benchmarks.harness.caches import POLICY, directory, file_cache
from benchmarks.harness.measure import each, looped
from benchmarks.harness.registry import Case, Contender, Sample, row
from benchmarks.harness.values import DOCUMENT, IMAGE, LARGE, SMALL, VECTOR
from benchmarks.rows.commands import importing
from benchmarks.rows.file import diskcache
from cachectl import Namespace
from cachectl._backends.file import table
from cachectl._model import codecs


@row("decision-rows", "decisions", "a value in its SQLite row", "in a file of its own")
def rows() -> Iterator[Case]:
    for size in (16_384, 65_536, 131_072, 262_144, 524_288, 1_048_576):
        keys = [f"key:{number}" for number in range(50)]
        with file_cache() as one, file_cache() as other:
            in_row, in_file = (cache.namespace("values", **POLICY) for cache in (one, other))
            writes = (each(_replacing(it, size), keys) for it in (in_row, in_file))
            to_row, to_file = map(_bordered, writes, (10 * size, 0))
            yield Case(
                f"set, {size:,} bytes", Contender("row", to_row), [Contender("file", to_file)]
            )
            yield Case(
                f"get, {size:,} bytes",
                Contender("row", each(in_row.get, keys)),
                [Contender("file", each(in_file.get, keys))],
            )


def _replacing(namespace: Namespace, size: int) -> Callable[[str], object]:
    """Return what sets a key to another value each time: SQLite leaves pages that do not change."""
    values = cycle([IMAGE.value[at : at + size] for at in range(3)])
    return lambda key: namespace.set(key, next(values))


def _bordered(sample: Sample, limit: int) -> Sample:
    """Return a sample while values up to so many bytes go to rows."""

    def bordered(seconds: float) -> float:
        with patch.object(table, "ROW_LIMIT", limit):
            return sample(seconds)

    return bordered


@row("decision-reading", "decisions", "opening a cache to read one value", "through diskcache")
def reading() -> Iterator[Case]:
    with directory() as path:
        diskcache.Cache(str(path)).close()
        database = path / diskcache.core.DBNAME

        def open_bare() -> None:
            connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            connection.execute("SELECT value FROM Cache WHERE key = 'key' AND raw = 1").fetchone()
            connection.close()

        def open_diskcache() -> None:
            with diskcache.Cache(str(path)) as cache:
                cache.get("key")

        yield Case(
            "open, look up, close",
            Contender("sqlite3, read-only", looped(open_bare)),
            [Contender("diskcache", looped(open_diskcache))],
        )
    yield Case("import", importing("sqlite3"), [importing("diskcache")], rounds=11)


@row("decision-checksum", "decisions", "XXH3 as checksum", "zlib.crc32, blake2b")
def checksum() -> Iterator[Case]:
    for kind in (DOCUMENT, IMAGE):
        data = kind.dumps(kind.value)
        yield Case(
            kind.name,
            Contender("XXH3", looped(partial(xxh3_64_intdigest, data))),
            [
                Contender("zlib.crc32", looped(partial(zlib.crc32, data))),
                Contender("blake2b", looped(partial(_blake2b, data))),
            ],
        )


def _blake2b(data: bytes) -> bytes:
    return blake2b(data).digest()


@row("decision-arrays", "decisions", "arrays behind a header of our own", "the .npy format")
def arrays() -> Iterator[Case]:
    number, payload = codecs.encode(VECTOR.value)
    file = io.BytesIO()
    np.save(file, VECTOR.value, allow_pickle=False)
    npy, view = file.getvalue(), memoryview(payload)
    yield Case(
        f"read, {VECTOR.name}",
        Contender("cachectl", looped(lambda: codecs.decode(number, view))),
        [Contender(".npy", looped(lambda: np.load(io.BytesIO(npy), allow_pickle=False)))],
    )
    yield Case(
        f"write, {VECTOR.name}",
        Contender("cachectl", looped(lambda: codecs.encode(VECTOR.value))),
        [
            Contender(
                ".npy", looped(lambda: np.save(io.BytesIO(), VECTOR.value, allow_pickle=False))
            )
        ],
    )


@row(
    "decision-json",
    "decisions",
    "our JSON, which refuses what does not come back",
    "other encoders",
)
def json_codecs() -> Iterator[Case]:
    import msgspec
    import orjson

    loose = "takes what does not come back equal: NaN, keys that are numbers, tuples, dates"
    encoders: dict[str, Callable[[Any], object]] = {
        "json": json.JSONEncoder(separators=(",", ":")).encode,
        "orjson": orjson.dumps,
        "msgspec": msgspec.json.Encoder().encode,
    }
    decoders: dict[str, Callable[[bytes], object]] = {
        "json": json.loads,
        "orjson": orjson.loads,
        "msgspec": msgspec.json.Decoder().decode,
    }
    for kind in (SMALL, DOCUMENT, LARGE):
        value, (number, payload) = kind.value, codecs.encode(kind.value)
        view = memoryview(payload)
        yield Case(
            f"encode, {kind.name}",
            Contender("cachectl, checked", looped(partial(codecs.encode, value))),
            [Contender(name, looped(partial(it, value)), loose) for name, it in encoders.items()],
        )
        yield Case(
            f"decode, {kind.name}",
            Contender("cachectl, checked", looped(partial(codecs.decode, number, view))),
            [Contender(name, looped(partial(it, payload))) for name, it in decoders.items()],
        )
