"""What each feature costs: the same operation with it and without it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from xxhash import xxh3_64_intdigest

from benchmarks.harness.caches import OPENERS, filled
from benchmarks.harness.measure import each
from benchmarks.harness.registry import Case, Contender, Sample, row
from benchmarks.harness.values import DOCUMENT, LARGE, Kind, dump_json
from cachectl import Cache, Namespace
from cachectl._model.policy import COMPRESSIONS, EVICTIONS

_KEYS: Final = DOCUMENT.names()[:200]
_LRU: Final = EVICTIONS[0]
_OTHERS: Final[tuple[str, ...]] = EVICTIONS[1:]
_NONE: Final = COMPRESSIONS[0]


@row("features-memory", "features", "memory: operations with a feature", "without it")
def in_memory() -> Iterator[Case]:
    with OPENERS["memory"]() as cache:
        yield from _common(cache)


@row("features-file", "features", "file: operations with a feature", "without it")
def in_files() -> Iterator[Case]:
    with OPENERS["file"]() as cache:
        yield from _common(cache)
        yield from _stored(cache)


@row("features-redis", "features", "redis: operations with a feature", "without it")
def in_redis() -> Iterator[Case]:
    with OPENERS["redis"]() as cache:
        yield from _common(cache)
        yield from _stored(cache)


def _common(cache: Cache) -> Iterator[Case]:
    """Yield the features of every backend."""
    plain = filled(cache, "plain", DOCUMENT)
    uncounted = filled(cache, "uncounted", DOCUMENT, metrics=False)
    yield _compared("get", "counters", _gets(plain), _gets(uncounted))
    yield _compared("set", "counters", _sets(plain), _sets(uncounted))
    unlimited = filled(cache, "unlimited", DOCUMENT, max_entries=None)
    yield _compared("set", "max_entries", _sets(plain), _sets(unlimited))
    bounded = filled(cache, "bounded", DOCUMENT, max_bytes="1GiB")
    yield _compared("set", "max_bytes", _sets(bounded), _sets(unlimited))
    full = filled(cache, "full", DOCUMENT, max_entries=len(_KEYS) // 2)
    yield _compared("set", "an eviction each", _sets(full), _sets(plain))
    tags = ("org:42", "model:analyser-2")
    tagged = filled(cache, "tagged", DOCUMENT)
    yield _compared("set", "two tags", _sets(tagged, tags=tags), _sets(plain))
    loading = each(lambda key: plain.get_or_load(key, dict), _KEYS)
    yield _compared("get", "get_or_load", loading, _gets(plain))
    decorated = cache.cached("answers")(_answer)
    yield _compared("get", "the decorator's key", each(decorated, _KEYS), _gets(plain))
    for eviction in _OTHERS:
        yield from _evictions(cache, eviction)


def _evictions(cache: Cache, eviction: str) -> Iterator[Case]:
    """Yield what another eviction policy costs beside LRU."""
    other, usual = (filled(cache, f"{it}-roomy", DOCUMENT, eviction=it) for it in (eviction, _LRU))
    instead = f"eviction {_LRU}"
    yield _compared("get", f"eviction {eviction}", _gets(other), _gets(usual), instead)
    yield _compared("set", f"eviction {eviction}", _sets(other), _sets(usual), instead)
    limit = len(_KEYS) // 2
    other, usual = (
        filled(cache, f"{it}-full", DOCUMENT, eviction=it, max_entries=limit)
        for it in (eviction, _LRU)
    )
    feature = f"an eviction each by {eviction}"
    yield _compared("set", feature, _sets(other), _sets(usual), instead)


def _stored(cache: Cache) -> Iterator[Case]:
    """Yield the features of backends that keep bytes."""
    plain = filled(cache, "plain", DOCUMENT)
    data = dump_json(DOCUMENT.value)
    digests = each(lambda _: xxh3_64_intdigest(data), _KEYS)
    yield _compared("get", "its checksum alone", digests, _gets(plain), "a whole get")
    for kind in (DOCUMENT, LARGE):
        for compress in COMPRESSIONS[1:]:
            with_it = filled(cache, f"packed{kind.keys}", kind, compress=compress)
            without = filled(cache, f"as-is{kind.keys}", kind, compress=_NONE)
            feature = f"compress {compress}, {kind.name}"
            kept, of = with_it.stats().bytes, without.stats().bytes
            note = f"{compress} keeps {kept / of:.0%} of the stored bytes of {kind.name}"
            yield _compared("get", feature, _gets(with_it, kind), _gets(without, kind), note=note)
            yield _compared("set", feature, _sets(with_it, kind), _sets(without, kind), note=note)


def _compared(
    operation: str,
    feature: str,
    with_it: Sample,
    without: Sample,
    instead: str = "without",
    note: str = "",
) -> Case:
    name = f"{operation}: {feature}"
    return Case(name, Contender("with", with_it, note), [Contender(instead, without)], rounds=15)


def _gets(namespace: Namespace, kind: Kind = DOCUMENT) -> Sample:
    return each(namespace.get, kind.names()[: len(_KEYS)])


def _sets(namespace: Namespace, kind: Kind = DOCUMENT, **options: Any) -> Sample:
    store: Callable[[str], object] = partial(_set, namespace, kind.value, **options)
    return each(store, kind.names()[: len(_KEYS)])


def _set(namespace: Namespace, value: object, key: str, **options: Any) -> None:
    namespace.set(key, value, **options)


def _answer(_question: str) -> dict[str, Any]:
    return dict(DOCUMENT.value)
