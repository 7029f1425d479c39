"""Files: beside diskcache, with its defaults and with what it needs to do what we do."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from time import perf_counter
from typing import Any, Final

from benchmarks.harness.caches import POLICY, directory, file_cache, filled
from benchmarks.harness.measure import each
from benchmarks.harness.registry import Case, Contender, Sample, row
from benchmarks.harness.values import DOCUMENT, KINDS, Kind, dump_json, same

diskcache: Final = import_module("diskcache")  # its stub knows only what cachectl uses of it
TTL: Final = 3600.0
COUNTING: Final = {"statistics": True, "eviction_policy": "least-recently-used"}
"""The settings with which diskcache counts hits and evicts what was not used."""
_PICKLE: Final = "pickles values, which runs code that others planted; no checksum"
NEITHER: Final = f"{_PICKLE}; neither counters nor LRU"


@contextmanager
def disk_cache(**settings: Any) -> Iterator[Any]:
    """Provide a cache of diskcache in a directory of its own."""
    with directory() as path, diskcache.Cache(str(path), **settings) as cache:
        yield cache


def fill(cache: Any, kind: Kind) -> None:
    """Put into a cache of diskcache what `filled` puts into ours."""
    for key in kind.names():
        cache.set(key, kind.value, expire=TTL)
    assert same(cache.get(kind.names()[-1]), kind.value)


@row(
    "file-get",
    "charter",
    "file `get` hit, with counters and LRU",
    "diskcache `Cache.get`, its defaults (neither)",
    bar=1.5,
    aim=1.0,
)
def get_hit() -> Iterator[Case]:
    yield from _hits(NEITHER)
    yield from _json_hits()


@row(
    "file-get-counting",
    "charter",
    "file `get` hit, with counters and LRU",
    "diskcache with `statistics=True`, `least-recently-used`",
    bar=0.3,
    aim=0.15,
)
def get_hit_counting() -> Iterator[Case]:
    yield from _hits(_PICKLE, **COUNTING)


def _hits(note: str, **settings: Any) -> Iterator[Case]:
    with file_cache() as cache, disk_cache(**settings) as peer:
        for kind in KINDS:
            namespace = filled(cache, f"kind{KINDS.index(kind)}", kind)
            fill(peer, kind)
            keys = kind.names()
            yield Case(
                kind.name,
                Contender("cachectl", each(namespace.get, keys)),
                [Contender("diskcache", each(peer.get, keys), note)],
                barred=kind is DOCUMENT,
            )


def _json_hits() -> Iterator[Case]:
    """Let diskcache, too, keep JSON: by its own JSONDisk, and as bytes for `json.loads`."""
    keys = DOCUMENT.names()
    with file_cache() as cache, disk_cache() as peer, disk_cache(disk=diskcache.JSONDisk) as zlib:
        ours = filled(cache, "documents", DOCUMENT)
        fill(zlib, DOCUMENT)
        for key in keys:
            peer.set(key, dump_json(DOCUMENT.value), expire=TTL)
        yield Case(
            f"{DOCUMENT.name}, as JSON on both sides",
            Contender("cachectl", each(ours.get, keys)),
            [
                Contender(
                    "diskcache + json.loads",
                    each(lambda key: json.loads(peer.get(key)), keys),
                    "no checksum; neither counters nor LRU",
                ),
                Contender("diskcache JSONDisk", each(zlib.get, keys), "compresses with zlib"),
            ],
        )


@row("file-set", "charter", "file `set`", "diskcache `Cache.set`", bar=1.2, aim=0.8)
def set_() -> Iterator[Case]:
    with file_cache() as cache, disk_cache() as peer:
        for kind in KINDS:
            namespace = filled(cache, f"kind{KINDS.index(kind)}", kind)
            fill(peer, kind)
            yield _sets(f"{kind.name}, replacing", kind, namespace.set, peer.set)
    with file_cache() as cache, disk_cache() as peer:
        namespace, numbers = cache.namespace("new", **POLICY), count()
        yield _new_sets(namespace.set, peer.set, numbers)


def _sets(name: str, kind: Kind, ours: Any, theirs: Any) -> Case:
    value, keys = kind.value, kind.names()[:100]
    return Case(
        name,
        Contender("cachectl", each(lambda key: ours(key, value), keys)),
        [Contender("diskcache", each(lambda key: theirs(key, value, expire=TTL), keys), NEITHER)],
        barred=kind is DOCUMENT,
    )


def _new_sets(ours: Any, theirs: Any, numbers: Iterator[int]) -> Case:
    value, some = DOCUMENT.value, DOCUMENT.names()[:100]
    return Case(
        f"{DOCUMENT.name}, under a new key",
        Contender("cachectl", each(lambda _: ours(f"new:{next(numbers)}", value), some)),
        [
            Contender(
                "diskcache",
                each(lambda _: theirs(f"new:{next(numbers)}", value, expire=TTL), some),
                NEITHER,
            )
        ],
        barred=True,
    )


@row("file-delete", "charter", "file `delete`", "diskcache `delete`", bar=1.2, aim=0.8)
def delete() -> Iterator[Case]:
    with file_cache() as cache, disk_cache() as peer:
        ours = filled(cache, "documents", DOCUMENT)
        fill(peer, DOCUMENT)
        value, keys = DOCUMENT.value, [f"gone:{key}" for key in DOCUMENT.names()[:100]]

        def write_ours() -> None:
            ours.set_many(dict.fromkeys(keys, value))

        def write_theirs() -> None:
            with peer.transact():
                for key in keys:
                    peer.set(key, value, expire=TTL)

        yield Case(
            "present",
            Contender("cachectl", deleting(write_ours, ours.delete, keys)),
            [Contender("diskcache", deleting(write_theirs, peer.delete, keys), NEITHER)],
            barred=True,
        )
        absent = [f"absent:{key}" for key in keys]
        yield Case(
            "absent",
            Contender("cachectl", each(ours.delete, absent)),
            [Contender("diskcache", each(peer.delete, absent), NEITHER)],
            barred=True,
        )


def deleting(write: Callable[[], None], delete: Callable[[str], object], keys: list[str]) -> Sample:
    """Return a sample of deleting keys that are there: they are written again in between."""

    def sample(seconds: float) -> float:
        spent, rounds = 0.0, 0
        while spent < seconds:
            write()
            started = perf_counter()
            for key in keys:
                delete(key)
            spent, rounds = spent + perf_counter() - started, rounds + 1
        return spent / rounds / len(keys)

    return sample


@row("file-operations", "peers", "file: miss, `get_or_load`, decorator", "diskcache")
def operations() -> Iterator[Case]:
    keys, value = DOCUMENT.names(), DOCUMENT.value
    absent = [f"absent:{key}" for key in keys]

    def answer(_question: str) -> Any:
        return value

    with file_cache() as cache, disk_cache() as peer:
        ours = filled(cache, "documents", DOCUMENT)
        fill(peer, DOCUMENT)
        yield Case(
            "miss",
            Contender("cachectl", each(ours.get, absent)),
            [Contender("diskcache", each(peer.get, absent), NEITHER)],
        )
        memoized = each(peer.memoize(expire=TTL)(answer), keys)
        yield Case(
            "get_or_load, hit",
            Contender("cachectl", each(lambda key: ours.get_or_load(key, dict), keys)),
            [Contender("diskcache memoize", memoized, f"{NEITHER}; no lock for a load")],
        )
        yield Case(
            "decorator, hit",
            Contender("cachectl", each(cache.cached("answers")(answer), keys)),
            [Contender("diskcache memoize", memoized, f"{NEITHER}; no lock for a load")],
        )
    with file_cache() as cache, disk_cache(**COUNTING) as peer:
        ours = filled(cache, "documents", DOCUMENT)
        fill(peer, DOCUMENT)
        yield Case(
            "miss, counted",
            Contender("cachectl", each(ours.get, absent)),
            [Contender("diskcache, statistics=True", each(peer.get, absent), _PICKLE)],
        )
