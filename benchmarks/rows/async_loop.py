"""How long tasks that use a cache keep others from their turn in the event loop."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Self

from benchmarks.harness.caches import POLICY, async_cache, directory, filled_by_tasks
from benchmarks.harness.registry import Case, Contender, Sample, row
from benchmarks.harness.servers import placed, redis_server
from benchmarks.harness.tasks import Async, longest_held
from benchmarks.harness.values import DOCUMENT
from benchmarks.rows.async_redis import reader
from benchmarks.rows.file import NEITHER, TTL, diskcache
from benchmarks.rows.file import fill as fill_diskcache
from benchmarks.rows.redis import PLAIN
from benchmarks.rows.redis import fill as fill_redis
from cachectl import Cache

_FILE_TASKS: Final = 100
_REDIS_TASKS: Final = 1000
_KEYS: Final = DOCUMENT.names()
_ROUNDS: Final = 11


@row(
    "async-loop",
    "peers",
    "the longest time for which tasks held their event loop",
    "diskcache in threads, redis.asyncio",
)
def held() -> Iterator[Case]:
    with asyncio.Runner() as loop:
        yield from _by_files(loop)
        yield from _by_redis(loop)


def _by_files(loop: asyncio.Runner) -> Iterator[Case]:
    value = DOCUMENT.value
    with (
        directory() as path,
        async_cache(loop, backend="file", directory=path / "ours") as cache,
        diskcache.Cache(str(path / "theirs")) as peer,
        Writer(path) as writer,
    ):
        ours = loop.run(filled_by_tasks(cache, "documents", DOCUMENT))
        fill_diskcache(peer, DOCUMENT)
        sample = partial(_beside, writer, loop)
        yield _case(
            f"file get, {_FILE_TASKS} tasks, beside a process that writes",
            Contender("cachectl", sample("cachectl", ours.get)),
            Contender(
                "diskcache, to_thread",
                sample("diskcache", lambda key: asyncio.to_thread(peer.get, key)),
                NEITHER,
            ),
        )
        yield _case(
            f"file set, {_FILE_TASKS} tasks, beside a process that writes",
            Contender("cachectl", sample("cachectl", lambda key: ours.set(key, value))),
            Contender(
                "diskcache, to_thread",
                sample(
                    "diskcache", lambda key: asyncio.to_thread(peer.set, key, value, expire=TTL)
                ),
                NEITHER,
            ),
        )


def _by_redis(loop: asyncio.Runner) -> Iterator[Case]:
    with (
        redis_server() as server,
        server.client() as client,
        placed(server, apart=True),
        async_cache(loop, backend="redis", url=server.url) as cache,
        reader(loop, server) as theirs,
    ):
        fill_redis(client, DOCUMENT)
        ours = loop.run(filled_by_tasks(cache, "documents", DOCUMENT))
        yield _case(
            f"redis get, {_REDIS_TASKS:,} tasks",
            Contender("cachectl", longest_held(loop, ours.get, _KEYS, _REDIS_TASKS)),
            Contender("redis.asyncio", longest_held(loop, theirs, _KEYS, _REDIS_TASKS), PLAIN),
        )


def _case(name: str, ours: Contender, theirs: Contender) -> Case:
    return Case(name, ours, [theirs], rounds=_ROUNDS)


def _beside(writer: "Writer", loop: asyncio.Runner, side: str, function: Async) -> Sample:
    """Return a sample of the longest turn while another process writes to the same side."""
    sample = longest_held(loop, function, _KEYS, _FILE_TASKS)

    def beside(seconds: float) -> float:
        with writer.writing(side):
            return sample(seconds)

    return beside


class Writer:
    """A process that writes documents to one side, one after the other, while it is told to."""

    def __init__(self, path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, path))
        self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pipe.send(None)
        self._process.join()

    @contextmanager
    def writing(self, side: str) -> Iterator[None]:
        self._pipe.send(side)
        self._pipe.recv()  # it has written
        yield
        self._pipe.send("stop")


def _serve(pipe: Connection, path: Path) -> None:
    keys, value = cycle([f"other:{key}" for key in _KEYS]), DOCUMENT.value
    with (
        Cache.open(backend="file", directory=path / "ours") as ours,
        diskcache.Cache(str(path / "theirs")) as theirs,
    ):
        namespace = ours.namespace("documents", **POLICY)
        while (side := pipe.recv()) is not None:
            write = namespace.set if side == "cachectl" else partial(theirs.set, expire=TTL)
            write(next(keys), value)
            pipe.send("written")
            while not pipe.poll():
                write(next(keys), value)
            pipe.recv()
