"""A million entries: reports must not slow down, and plan_cleanup must get through them."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.caches import directory
from benchmarks.harness.measure import Work, prepared
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.servers import redis_server
from benchmarks.rows.commands import cachectl, written
from benchmarks.rows.file import diskcache
from cachectl import Cache, Namespace, Write
from cachectl._model.outcome import Outcome

MILLION: Final = 1_000_000
THOUSAND: Final = 1_000
_TTL: Final = 3600.0
_STATS: Final = ("stats", "--format", "table")
_COPY: Final = (
    "INSERT INTO Cache(key, raw, store_time, expire_time, access_time, access_count, tag, size,"
    " mode, filename, value) WITH RECURSIVE numbers(n) AS"
    " (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
    " SELECT printf('%s:%07d', ?, n), raw, store_time, expire_time + n * 1e-6, access_time, access_count,"
    " tag, size, mode, filename, value FROM Cache, numbers WHERE key = ?"
)


@row(
    "stats-million",
    "charter",
    "`stats`, 1 000 000 entries (file)",
    "the same command, 1 000 entries",
    bar=1.5,
    aim=1.1,
)
def stats() -> Iterator[Case]:
    with directory() as large, directory() as small:
        yield _stats(written(large, "file"), written(small, "file"))


@row(
    "stats-million-redis",
    "charter",
    "`stats`, 1 000 000 entries (redis)",
    "the same command, 1 000 entries",
    bar=1.5,
    aim=1.1,
)
def stats_redis() -> Iterator[Case]:
    with directory() as large, directory() as small, redis_server() as one, redis_server() as two:
        yield _stats(written(large, "redis", one.url), written(small, "redis", two.url))


def _stats(large: Path, small: Path) -> Case:
    for config, entries in ((large, MILLION), (small, THOUSAND)):
        with Cache.open(config) as cache:
            store(cache.namespace("documents", ttl=_TTL), entries)
    return Case(
        "stats --format table",
        cachectl(large, *_STATS)._replace(name=f"{MILLION:,} entries"),
        [cachectl(small, *_STATS)._replace(name=f"{THOUSAND:,} entries")],
        barred=True,
        rounds=11,
    )


def store(namespace: Namespace, entries: int, prefix: str = "key", value: bytes = b"value") -> None:
    """Store so many small entries."""
    writes = (Write(f"{prefix}:{number:07d}", value) for number in range(entries))
    assert namespace.set_many(writes).count(Outcome.STORED) == entries


@row(
    "cleanup-million",
    "charter",
    "`cleanup` of 1 000 000 expired (file)",
    "diskcache `expire()` until nothing is left",
    bar=0.5,
    aim=0.2,
)
def cleanup() -> Iterator[Case]:
    yield from _cleanup(MILLION, 0)
    yield from _cleanup(MILLION // 5, MILLION // 5)


def _cleanup(expired: int, fresh: int) -> Iterator[Case]:
    """Yield the plan_cleanup of a cache that is opened for it, a new copy each time."""
    with directory() as path:
        for clock, entries, prefix in (
            (_two_hours_ago, expired, "expired"),
            (time.time, fresh, "fresh"),
        ):
            with Cache.open(backend="file", directory=path / "ours", clock=clock) as cache:
                store(cache.namespace("documents", ttl=_TTL), entries, prefix)
        fill_diskcache(path / "theirs", expired, expire=-_TTL, prefix="expired")
        if fresh:
            fill_diskcache(path / "theirs", fresh, expire=_TTL, prefix="fresh")
        ours, theirs = partial(_clean, fresh), partial(_expire, fresh)
        yield Case(
            f"{expired:,} expired, {fresh:,} fresh, per entry",
            Contender("cachectl cleanup", prepared(partial(_copy, path / "ours", ours), expired)),
            [
                Contender(
                    "diskcache expire()",
                    prepared(partial(_copy, path / "theirs", theirs), expired),
                    "keeps no totals per namespace; no two entries expire at the same time,"
                    " which it would take longer for",
                )
            ],
            barred=not fresh,
            rounds=3,
        )


def _two_hours_ago() -> float:
    return time.time() - 2 * _TTL


def fill_diskcache(
    path: Path, entries: int, *, expire: float, prefix: str = "key", value: bytes = b"value"
) -> None:
    """Let diskcache store one entry, and SQLite copy it: `set` would take half a minute."""
    with diskcache.Cache(str(path), cull_limit=0) as cache:
        first = f"{prefix}:{0:07d}"
        cache.set(first, value, expire=expire)
        cache._sql(_COPY, (entries - 1, prefix, first))  # noqa: SLF001 - there is no public way


@contextmanager
def _copy(prepared_cache: Path, clean: Any) -> Iterator[Work]:
    """Provide the plan_cleanup of a copy of a cache."""
    copy = prepared_cache.with_name("copy")
    shutil.copytree(prepared_cache, copy)
    try:
        yield partial(clean, copy)
    finally:
        shutil.rmtree(copy)


def _clean(left: int, path: Path) -> None:
    with Cache.open(backend="file", directory=path) as cache:
        cache.cleanup("documents")
        assert cache.namespace("documents").stats().entries == left


def _expire(left: int, path: Path) -> None:
    with diskcache.Cache(str(path)) as cache:
        while cache.expire():
            pass
        assert len(cache) == left
