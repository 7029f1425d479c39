"""The measurements behind the table "Decisions" in ARCHITECTURE.md."""

import io
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
from xxhash import xxh3_64_intdigest

from benchmarks.harness.caches import directory
from benchmarks.harness.measure import each, looped
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.values import DOCUMENT, IMAGE, LARGE, SMALL, VECTOR
from benchmarks.rows.commands import importing
from benchmarks.rows.file import diskcache
from cachectl._model import codecs

_KEYS: Final = [f"key:{number}" for number in range(10)]


class BlobTable:
    """Values in the rows of a table, or in files that its rows name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path / "values.db", isolation_level=None)
        for pragma in ("journal_mode = wal", "synchronous = 1", "mmap_size = 67108864"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE Cache(key PRIMARY KEY, name TEXT, value BLOB)")
        self.close = self._connection.close

    def set_in_row(self, key: str, value: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO Cache VALUES(?, NULL, ?)", (key, value))

    def set_in_file(self, key: str, value: bytes) -> None:
        name = f"{key}.value"
        (self._path / name).write_bytes(value)
        self._connection.execute(
            "INSERT OR REPLACE INTO Cache VALUES(?, ?, NULL)", (f"file:{key}", name)
        )

    def get_from_row(self, key: str) -> bytes:
        return bytes(self._find(key)[1])

    def get_from_file(self, key: str) -> bytes:
        name: str = self._find(f"file:{key}")[0]
        return (self._path / name).read_bytes()

    def _find(self, key: str) -> Any:
        select = "SELECT name, value FROM Cache WHERE key = ?"
        return self._connection.execute(select, (key,)).fetchone()


@row("decision-rows", "decisions", "a value in its SQLite row", "in a file of its own")
def rows() -> Iterator[Case]:
    for size in (16_384, 65_536, 262_144, 1_048_576, 3_000_000):
        with directory() as path, closing(BlobTable(path)) as table:
            value = IMAGE.value[:size]
            yield Case(
                f"set, {size:,} bytes",
                Contender("row", each(partial(table.set_in_row, value=value), _KEYS)),
                [Contender("file", each(partial(table.set_in_file, value=value), _KEYS))],
            )
            yield Case(
                f"get, {size:,} bytes",
                Contender("row", each(table.get_from_row, _KEYS)),
                [Contender("file", each(table.get_from_file, _KEYS))],
            )


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
