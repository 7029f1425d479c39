"""Memory: hits beside cachetools, and the other operations beside caches of Python and Rust."""

import functools
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from threading import RLock
from typing import Any, Final

from benchmarks.harness.caches import POLICY, filled, memory_cache
from benchmarks.harness.measure import each
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.values import DOCUMENT, KINDS, SMALL, VECTOR, Kind, same

SIZE: Final = POLICY["max_entries"]
TTL: Final = 3600.0
_UNLOCKED: Final = "not safe between threads"
_PLAIN: Final = "no counters shared with other processes, no tags, no limit in bytes"


class Locked:
    """A cache of cachetools as its documentation has it used by threads."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache
        self._lock = RLock()

    def get(self, key: str) -> Any:
        with self._lock:
            return self.cache.get(key)

    def item(self, key: str) -> Any:
        """Do the same by subscription, which cachetools does in half the time."""
        with self._lock:
            try:
                return self.cache[key]
            except KeyError:
                return None

    def set(self, key: str, value: Any) -> None:
        with self._lock:
            self.cache[key] = value


def locked_ttl_cache(kind: Kind) -> Locked:
    """Return a `TTLCache` under an `RLock` that holds what `filled` puts into ours."""
    from cachetools import TTLCache

    locked = Locked(TTLCache(SIZE, TTL))
    for key in kind.names():
        locked.set(key, kind.value)
    assert same(locked.get(kind.names()[-1]), kind.value)
    return locked


@row(
    "memory-get",
    "charter",
    "memory `get` hit (TTL + LRU + counters, thread-safe)",
    "cachetools `TTLCache` under an `RLock`",
    bar=0.8,
    aim=0.4,
)
def get_hit() -> Iterator[Case]:
    with memory_cache() as cache:
        for kind in KINDS:
            namespace = filled(cache, f"kind{KINDS.index(kind)}", kind)
            locked, keys = locked_ttl_cache(kind), kind.names()
            peers = {f"{kind.name}, its get": locked.get, f"{kind.name}, its [key]": locked.item}
            for name, peer in peers.items():
                yield Case(
                    name,
                    Contender("cachectl", each(namespace.get, keys)),
                    [Contender("TTLCache + RLock", each(peer, keys), _PLAIN)],
                    barred=kind is DOCUMENT,
                )


@row(
    "decorator",
    "charter",
    "decorator hit in memory",
    "`cachetools.cached` with an `RLock`",
    bar=2,
    aim=1.2,
)
def decorator_hit() -> Iterator[Case]:
    from cachetools import TTLCache, cached

    value, keys = DOCUMENT.value, DOCUMENT.names()

    def answer(_question: str, _model: str = "") -> Any:
        return value

    with memory_cache() as cache:
        cache.namespace("answers", ttl=TTL, max_entries=SIZE)
        ours = cache.cached("answers")(answer)
        theirs = cached(TTLCache(SIZE, TTL), lock=RLock())(answer)
        for name, names, barred in (
            ("1,000 questions again and again", keys[:1000], True),
            ("more questions than are remembered", [*keys, *map(str, range(9000))], False),
        ):
            yield Case(
                name,
                Contender("cachectl", each(ours, names)),
                [Contender("cachetools.cached", each(theirs, names), _PLAIN)],
                barred=barred,
            )


@row(
    "memory-set",
    "charter",
    "memory `set` (checked, copied, weighed, counted; TTL, LRU, limit)",
    "cachetools `TTLCache` under an `RLock`",
    bar=10,
    aim=8,
)
def set_value() -> Iterator[Case]:
    """A new key in a full cache, as after a miss, and the same keys again and again."""
    unchecked = f"{_PLAIN}; takes any object unseen, where we copy what can be stored"
    with memory_cache() as cache:
        for kind in (DOCUMENT, SMALL, VECTOR):
            full = cache.namespace(f"full{kind.keys}{len(kind.name)}", ttl=TTL, max_entries=500)
            yield Case(kind.name, *_evicting(full.set, kind.value, unchecked), kind is DOCUMENT)
        ours, locked, value = (
            filled(cache, "held", DOCUMENT),
            locked_ttl_cache(DOCUMENT),
            DOCUMENT.value,
        )
        keys = DOCUMENT.names()
        yield Case(
            f"{DOCUMENT.name}, replaced",
            Contender("cachectl", each(lambda key: ours.set(key, value), keys)),
            [
                Contender(
                    "TTLCache + RLock", each(lambda key: locked.set(key, value), keys), unchecked
                )
            ],
        )


@row("memory-peers", "peers", "memory `get` hit", "other caches in memory")
def get_hit_of_others() -> Iterator[Case]:
    import cachebox
    from cachetools import LRUCache, TTLCache
    from theine import Cache as TheineCache

    keys, value = DOCUMENT.names(), DOCUMENT.value
    others: dict[str, Any] = {
        "cachetools LRUCache": LRUCache(SIZE),
        "cachetools TTLCache": TTLCache(SIZE, TTL),
        "cachebox LRUCache": cachebox.LRUCache(SIZE),
        "cachebox TTLCache": cachebox.TTLCache(SIZE, TTL),
    }
    for other in others.values():
        other.update(dict.fromkeys(keys, value))
    with memory_cache() as cache, closing(TheineCache[str, Any](SIZE)) as theine:
        for key in keys:
            theine.set(key, value, timedelta(seconds=TTL))
        notes = {name: _UNLOCKED if "cachetools" in name else _PLAIN for name in others}
        yield Case(
            DOCUMENT.name,
            Contender("cachectl", each(filled(cache, "documents", DOCUMENT).get, keys)),
            [Contender(name, each(it.get, keys), notes[name]) for name, it in others.items()]
            + [Contender("theine Cache", each(theine.get, keys), _PLAIN)],
        )


@row("memory-operations", "peers", "memory: miss, `set`, `get_or_load`, decorator", "its peers")
def operations() -> Iterator[Case]:
    import cachebox
    from theine import Cache as TheineCache

    keys, value = DOCUMENT.names(), DOCUMENT.value
    absent = [f"absent:{key}" for key in keys]
    locked, box = locked_ttl_cache(DOCUMENT), cachebox.TTLCache[str, Any](SIZE, TTL)
    box.update(dict.fromkeys(keys, value))
    with memory_cache() as cache, closing(TheineCache[str, Any](SIZE)) as theine:
        ours = filled(cache, "documents", DOCUMENT)
        yield Case(
            "miss",
            Contender("cachectl", each(ours.get, absent)),
            [
                Contender("TTLCache.get + RLock", each(locked.get, absent), _PLAIN),
                Contender("cachebox TTLCache", each(box.get, absent), _PLAIN),
                Contender("theine Cache", each(theine.get, absent), _PLAIN),
            ],
        )
        lasting = timedelta(seconds=TTL)
        setters: dict[str, Callable[[str], object]] = {
            "TTLCache + RLock": lambda key: locked.set(key, value),
            "cachebox TTLCache": lambda key: box.insert(key, value),
            "theine Cache": lambda key: theine.set(key, value, lasting),
        }
        unchecked = f"{_PLAIN}; takes any object unseen, where we check that it can be stored"
        yield Case(
            "set",
            Contender("cachectl", each(lambda key: ours.set(key, value), keys)),
            [Contender(name, each(it, keys), unchecked) for name, it in setters.items()],
        )
        full = cache.namespace("full", ttl=TTL, max_entries=500)
        yield Case("set, evicting", *_evicting(full.set, value, unchecked))
    yield from _loads()


def _evicting(
    ours: Callable[[str, Any], object], value: Any, note: str
) -> tuple[Contender, list[Contender]]:
    """Return writes of ever new keys to caches that are full."""
    from cachetools import TTLCache

    theirs, new = Locked(TTLCache(500, TTL)), map(str, count())
    numbers = [str(number) for number in range(1000)]
    return (
        Contender("cachectl", each(lambda _: ours(next(new), value), numbers)),
        [
            Contender(
                "TTLCache + RLock", each(lambda _: theirs.set(next(new), value), numbers), note
            )
        ],
    )


def _loads() -> Iterator[Case]:
    import cachebox
    from cachetools import TTLCache, cached

    value, keys = DOCUMENT.value, DOCUMENT.names()

    def answer(_question: str) -> Any:
        return value

    box = cachebox.TTLCache[str, Any](SIZE, TTL)
    with memory_cache() as cache:
        ours = filled(cache, "documents", DOCUMENT)
        others: dict[str, Callable[[str], object]] = {
            "cachetools @cached + RLock": cached(TTLCache(SIZE, TTL), lock=RLock())(answer),
            "cachebox @cached": cachebox.cached(box)(answer),
            "functools.lru_cache": functools.lru_cache(SIZE)(answer),
        }
        peers = [
            Contender(name, each(function, keys), "keys of plain hashes, in this process only")
            for name, function in others.items()
        ]
        load: Callable[[str], object] = lambda key: ours.get_or_load(key, dict)  # noqa: E731
        yield Case("get_or_load, hit", Contender("cachectl", each(load, keys)), peers)
        decorated = cache.cached("answers")(answer)
        yield Case("decorator, hit", Contender("cachectl", each(decorated, keys)), peers)
