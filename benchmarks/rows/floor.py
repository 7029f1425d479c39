"""The floor: what the bare steps cost that no cache of this kind can do without."""

import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.harness.caches import POLICY, directory, file_cache, filled
from benchmarks.harness.measure import each, looped
from benchmarks.harness.registry import Case, Contender, Sample, row
from benchmarks.harness.servers import Server, placed
from benchmarks.harness.values import DOCUMENT, dump_json
from benchmarks.rows.bulk import PIPELINED, pipeline
from benchmarks.rows.commands import CACHECTL, importing, process, set_command
from benchmarks.rows.redis import side_by_side
from cachectl import Namespace, Write
from cachectl._backends.file.rows import microseconds
from cachectl._backends.file.schema import make
from cachectl._backends.place import Place
from cachectl._backends.sqlite import Connection

_KEYS: Final = DOCUMENT.names()[:200]
_DATA: Final = dump_json(DOCUMENT.value)
_UPSERT: Final = (
    "INSERT INTO entries(namespace_id, key, used_at, expires_at, due_at, size, value)"
    " VALUES(1, ?, ?, ?, ?, ?, ?) ON CONFLICT(namespace_id, key) DO UPDATE SET"
    " expires_at = excluded.expires_at, size = excluded.size, value = excluded.value"
)
_MANY: Final = [f"key:{number:06d}" for number in range(5_000)]
_SELECT: Final = "SELECT value FROM entries WHERE namespace_id = 1 AND key = ?"


class BareTable:
    """The tables of the file backend, with nothing but the statements that must be."""

    def __init__(self, path: Path) -> None:
        (path / "cache.db").touch()
        made = Connection(Place(path / "cache.db", puts_aside=False))
        make(made, path)
        made.close()
        self._connection = sqlite3.connect(path / "cache.db", isolation_level=None)
        self._connection.execute("PRAGMA synchronous = 1")
        self._connection.execute("PRAGMA mmap_size = 67108864")
        self.close = self._connection.close

    def begin(self, _key: str) -> None:
        """Do a transaction that writes nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("COMMIT")

    def set(self, key: str) -> None:
        self.set_many([key])

    def set_many(self, keys: list[str]) -> None:
        now = microseconds(time.time())
        row = (now, now + 3_600_000_000, now + 3_600_000_000, len(_DATA), _DATA)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_UPSERT, [(key, *row) for key in keys])
        self._connection.execute("COMMIT")

    def get(self, key: str) -> bytes:
        found: tuple[bytes] = self._connection.execute(_SELECT, (key,)).fetchone()
        return found[0]


@contextmanager
def _bare_table() -> Iterator[BareTable]:
    with directory() as path, closing(BareTable(path)) as table:
        yield table


@row("floor-file", "floor", "file `get` and `set`", "the bare statements of SQLite")
def file() -> Iterator[Case]:
    with file_cache() as cache, _bare_table() as bare:
        ours, value = filled(cache, "documents", DOCUMENT), DOCUMENT.value
        yield Case(
            "set",
            Contender("cachectl", each(lambda key: ours.set(key, value), _KEYS)),
            [
                Contender("one upsert in a transaction", each(bare.set, _KEYS)),
                Contender("an empty transaction", each(bare.begin, _KEYS)),
            ],
        )
        numbers = count()
        yield Case(
            "set under a new key",
            Contender("cachectl", each(lambda _: ours.set(f"new:{next(numbers)}", value), _KEYS)),
            [
                Contender(
                    "one upsert in a transaction",
                    each(lambda _: bare.set(f"new:{next(numbers)}"), _KEYS),
                )
            ],
        )
        yield Case(
            "get",
            Contender("cachectl", each(ours.get, _KEYS)),
            [Contender("one SELECT", each(bare.get, _KEYS))],
        )


class BareSocket:
    """A connection to Redis without a client: ready commands out, bytes in."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(server.socket))
        self.close = self._socket.close

    def get(self, key: str) -> bytes:
        name = key.encode()
        self._socket.sendall(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(name), name))
        return self._socket.recv(65536)

    def set_many(self, commands: list[bytes]) -> None:
        """Send commands a thousand at a time, and read `+OK` for each."""
        for start in range(0, len(commands), PIPELINED):
            some = commands[start : start + PIPELINED]
            self._socket.sendall(b"".join(some))
            left = len(some) * len(b"+OK\r\n")
            while left:
                left -= len(self._socket.recv(left))

    def set(self, key: str) -> bytes:
        self._socket.sendall(set_command(key.encode(), _DATA))
        return self._socket.recv(65536)


@row("floor-redis", "floor", "redis `get` and `set`", "the same exchange over a bare socket")
def redis() -> Iterator[Case]:
    with (
        side_by_side() as (cache, server),
        placed(server, apart=False),
        server.client() as client,
        closing(BareSocket(server)) as bare,
    ):
        ours, value = filled(cache, "documents", DOCUMENT), DOCUMENT.value
        yield Case(
            "set",
            Contender("cachectl", each(lambda key: ours.set(key, value), _KEYS)),
            [
                Contender(
                    "redis-py, no encoding",
                    each(lambda key: client.set(key, _DATA, ex=3600), _KEYS),
                ),
                Contender("a bare socket", each(bare.set, _KEYS)),
            ],
        )
        numbers = count()
        yield Case(
            "set under a new key",
            Contender("cachectl", each(lambda _: ours.set(f"new:{next(numbers)}", value), _KEYS)),
            [
                Contender(
                    "one upsert in a transaction",
                    each(lambda _: bare.set(f"new:{next(numbers)}"), _KEYS),
                )
            ],
        )
        yield Case(
            "get",
            Contender("cachectl", each(ours.get, _KEYS)),
            [
                Contender("redis-py, no decoding", each(client.get, _KEYS)),
                Contender("a bare socket", each(bare.get, _KEYS)),
            ],
        )


@row("floor-bulk", "floor", "many entries in one go", "one transaction, one pipeline")
def bulk() -> Iterator[Case]:
    with file_cache() as cache, _bare_table() as bare:
        ours = cache.namespace("documents", **POLICY)
        yield Case(
            "file, replacing, per entry",
            Contender("cachectl set_many", _set_many(ours)),
            [Contender("executemany", looped(lambda: bare.set_many(_MANY), len(_MANY)))],
            rounds=11,
        )
    with (
        side_by_side() as (cache, server),
        placed(server, apart=True),
        server.client() as client,
        closing(BareSocket(server)) as exchange,
    ):
        ready = [set_command(key.encode(), _DATA) for key in _MANY]
        yield Case(
            "redis, replacing, per entry",
            Contender("cachectl set_many", _set_many(cache.namespace("documents", **POLICY))),
            [
                Contender(
                    "redis-py pipeline",
                    looped(lambda: pipeline(client, _MANY, _DATA), len(_MANY)),
                ),
                Contender("a bare socket", looped(lambda: exchange.set_many(ready), len(_MANY))),
            ],
            rounds=11,
        )


def _set_many(namespace: Namespace) -> Sample:
    value = DOCUMENT.value
    return looped(
        lambda: namespace.set_many(Write(key, value) for key in _MANY),
        len(_MANY),
    )


@row("floor-start", "floor", "the start of a process", "less and less of it")
def start() -> Iterator[Case]:
    yield Case(
        "cachectl --version",
        Contender("cachectl --version", process(CACHECTL, "--version")),
        [
            importing("typer"),
            importing("sqlite3, json"),
            Contender("python -c pass", process(sys.executable, "-c", "pass")),
        ],
        rounds=11,
    )
