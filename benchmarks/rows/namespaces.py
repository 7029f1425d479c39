"""The same entries in one namespace, in ten and in a thousand: nothing should take longer for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, cycle
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.harness.caches import directory
from benchmarks.harness.measure import each, looped
from benchmarks.harness.pace import Pace
from benchmarks.harness.registry import Case, Contender, Found, paced_row
from benchmarks.harness.servers import redis_server
from benchmarks.rows.commands import cachectl, written
from benchmarks.rows.growth import PREFIX, TTL, VALUE
from benchmarks.rows.million import store
from cachectl import Cache, Namespace

ENTRIES: Final = 100_000
NUMBERS: Final = (1_000, 10, 1)
_COMMANDS: Final = (
    ("stats", "--format", "table"),
    ("stats", "--format", "json"),
    ("stats", "--since", "1h", "--format", "json"),
)
_ROUNDS: Final = 5


class Spread(NamedTuple):
    """A cache with so many namespaces, which share the entries."""

    number: int
    config: Path
    cache: Cache
    namespaces: list[Namespace]

    @property
    def name(self) -> str:
        return "1 namespace" if self.number == 1 else f"{self.number:,} namespaces"


@paced_row(
    "growth-namespaces",
    "growth",
    "100 000 entries in 1 000 namespaces",
    "in 10, and in 1",
    bar=3,
)
def in_namespaces(pace: Pace) -> Iterator[Found]:
    for backend in ("file", "redis"):
        with ExitStack() as open_:
            spreads = [_spread(open_, backend, number, pace) for number in NUMBERS]
            yield from _operations(backend, spreads)
            yield from _commands(backend, *spreads)


def _spread(open_: ExitStack, backend: str, number: int, pace: Pace) -> Spread:
    path = open_.enter_context(directory())
    url = open_.enter_context(redis_server()).url if backend == "redis" else "redis://localhost"
    config = written(path, backend, url)
    cache = open_.enter_context(Cache.open(config))
    namespaces = [cache.namespace(f"space{it:04d}", ttl=TTL) for it in range(number)]
    for namespace in namespaces:
        store(namespace, pace.entries(ENTRIES) // number, PREFIX, VALUE)
        namespace.get(f"{PREFIX}:{0:07d}")  # so that there is a hit to report
    cache.flush()
    return Spread(number, config, cache, namespaces)


def _operations(backend: str, spreads: list[Spread]) -> Iterator[Case]:
    sets = [Contender(it.name, each(_setter(it.namespaces), ["new"] * 100)) for it in spreads]
    yield Case(f"{backend}: set, new", sets[0], sets[1:], rounds=_ROUNDS)
    cleanups = [Contender(it.name, looped(it.cache.cleanup)) for it in spreads]
    yield Case(f"{backend}: cleanup, nothing to do", cleanups[0], cleanups[1:], rounds=_ROUNDS)


def _setter(namespaces: list[Namespace]) -> Callable[[str], object]:
    turns, numbers = cycle(namespaces), count()
    return lambda _: next(turns).set(f"new:{next(numbers):012d}", VALUE)


def _commands(backend: str, many: Spread, few: Spread, _one: Spread) -> Iterator[Case]:
    for command in _COMMANDS:
        yield Case(
            f"{backend}: {' '.join(command)}",
            cachectl(many.config, *command)._replace(name=many.name),
            [cachectl(few.config, *command)._replace(name=few.name)],
            barred=True,
            rounds=_ROUNDS,
        )
