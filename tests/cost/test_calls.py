"""What a hit in memory costs: calls, bytecodes, memory that it keeps, locks that it waits for; and
the calls of a write on files.
"""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from operator import le
from threading import Lock, RLock
from types import FrameType
from typing import Any, Final

import pytest

from cachectl import Cache
from cachectl._engine.namespace import Namespace
from cachectl._engine.singleflight import flights
from cachectl._model.turn import Turn
from tests.support.openers import Opener, settings

HIT: Final = [
    "Namespace.get", "time", "MemoryStore.get", "OrderedDict.move_to_end", "Recorder.record_hit",
]  # fmt: skip
"""The calls of a hit, in their order."""

BYTECODES: Final = {(3, 11): 91}
"""Bytecodes of a hit, by the version of Python."""
DECORATED: Final = {(3, 11): 138}
"""The same for a decorated function of one argument."""
WRITES: Final = {(3, 11): (106, 110, 72, 51)}
"""Calls of a write on files at most: one that replaces an entry, that adds one, that removes one, and
that has none to remove. By the version of Python."""
MEMORY_WRITE: Final = {(3, 11): 78}
"""The same in memory, of one that adds an entry for which another has to go."""
LOCKS: Final = (type(Lock()), type(RLock()), Turn)


@pytest.fixture
def cache() -> Iterator[Cache]:
    """A cache in memory, by the clock of the system."""
    with Cache.of(settings("memory", memory__publish=False), strict=True) as opened:
        yield opened


@pytest.fixture
def namespace(cache) -> Namespace:
    """One with a TTL and a limit, in which `k` was hit before."""
    found: Namespace = cache.namespace("a", ttl="1h", max_entries=100)
    found.set("k", "value")
    assert found.get_or_load("k", str) == "value"
    return found


def answer(question: object, repeat: int = 1) -> object:
    """What is decorated."""
    return question


def calls(operation: Callable[..., object], *arguments: object) -> list[str]:
    """Return the functions that a call runs, itself and those made in C among them."""
    names: list[str] = []

    def note(frame: FrameType, event: str, called: Any) -> None:
        if event == "call":
            names.append(frame.f_code.co_qualname)
        elif event == "c_call":
            names.append(called.__qualname__)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        operation(*arguments)
    finally:
        sys.setprofile(before)
    return names[:-1]  # without that of `sys.setprofile`


def bytecodes(operation: Callable[..., object], *arguments: object) -> Counter[str]:
    """Return how many bytecodes a call runs, by function."""
    counts: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: object) -> Any:
        frame.f_trace_opcodes = True
        counts[frame.f_code.co_qualname] += event == "opcode"
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        operation(*arguments)
    finally:
        sys.settrace(before)
    return counts


def kept(operation: Callable[..., object], *arguments: object) -> int:
    """Return how many more blocks of memory there are after a thousand calls."""
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        for _ in range(1000):
            operation(*arguments)
        return sys.getallocatedblocks() - before
    finally:
        gc.enable()


def test_a_hit_is_three_functions_of_ours_and_two_of_python(namespace):
    """The clock, and moving the entry to the end."""
    assert calls(namespace.get, "k") == HIT


def test_a_cached_load_is_one_call_more_than_a_hit(namespace):
    """Nothing of what a load needs is made before it is known that there is one."""
    assert calls(namespace.get_or_load, "k", str) == ["Namespace.get_or_load", *HIT]


def test_a_decorated_function_is_one_call_more_than_a_hit(cache, namespace):
    """Its own: the key of a call is remembered, and looked up in a dictionary."""
    function = cache.cached("a")(answer)
    function("k")

    assert calls(function, "k") == ["_sync_calls.<locals>.call_by_remembered_key", *HIT]


def test_a_decorated_function_with_a_key_is_three_calls_more_than_a_hit(cache, namespace):
    """Its own and that of the key."""
    function = cache.cached("a", key="k{}".format)(str)
    function("")

    assert calls(function, "") == [
        "_sync_calls.<locals>.call", "GivenKeys.key", "str.format", *HIT,
    ]  # fmt: skip


def test_a_key_of_two_arguments_is_made_by_sixty_calls_at_most(cache):
    """Python's own binding of arguments, by far the longest way, is not among them."""
    function = cache.cached("a")(answer)

    found = calls(function.key, 1)
    assert len(found) <= 60, Counter(found)
    assert "Signature.bind" not in found
    assert len(calls(function.key, 1)) <= 6


def test_a_hit_of_a_decorated_function_runs_a_known_number_of_bytecodes(cache):
    """With those of the lookup, that of its key among them."""
    expected = DECORATED.get(sys.version_info[:2])
    if expected is None:
        pytest.skip("no number of bytecodes is known for this version of Python")
    function = cache.cached("a")(answer)
    function("k")

    counted = bytecodes(function, "k")
    assert counted.total() == expected, counted


def test_a_hit_runs_a_known_number_of_bytecodes(namespace):
    """A statement more in any of its functions is seen here."""
    expected = BYTECODES.get(sys.version_info[:2])
    if expected is None:
        pytest.skip("no number of bytecodes is known for this version of Python")

    counted = bytecodes(namespace.get, "k")
    assert counted.total() == expected, counted


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_a_write_on_files_takes_no_more_calls_than_are_known(opener: Opener):
    """Each layer that it passes costs as much as a good part of a statement."""
    expected = WRITES.get(sys.version_info[:2])
    if expected is None:
        pytest.skip("no number of calls is known for this version of Python")
    namespace = opener(strict=False).namespace("a", ttl="1h")
    for _ in range(2):
        namespace.set("k", "value")
    namespace.delete("absent")

    rounds = [  # of which one may wait for the flush of this second
        [
            len(calls(namespace.set, "k", f"other {number}")),
            len(calls(namespace.set, f"new {number}", "value")),
            len(calls(namespace.delete, f"new {number}")),
            len(calls(namespace.delete, f"new {number}")),
        ]
        for number in range(3)
    ]
    counted = [min(each) for each in zip(*rounds, strict=True)]
    assert all(map(le, counted, expected)), counted


def test_a_write_in_memory_takes_no_more_calls_than_are_known(cache):
    """Of a new key where another has to go, as after a miss in a full cache."""
    expected = MEMORY_WRITE.get(sys.version_info[:2])
    if expected is None:
        pytest.skip("no number of calls is known for this version of Python")
    namespace = cache.namespace("full", ttl="1h", max_entries=2)
    for key in ("a", "b", "c"):
        namespace.set(key, "value")

    rounds = [calls(namespace.set, f"new {number}", "value") for number in range(3)]
    found = min(rounds, key=len)  # one may wait for the flush of this second
    assert len(found) <= expected, found


def test_lookups_keep_no_memory(namespace):
    """Neither hits nor misses, of which there may be any number."""
    kept(namespace.get, "k")

    assert kept(namespace.get, "k") < 100
    assert kept(namespace.get, "absent") < 100


def test_hits_of_a_decorated_function_keep_no_memory(cache):
    """Not even where its argument cannot be remembered."""
    function = cache.cached("a")(answer)
    for argument in ("k", [1], "long" * 1000):
        kept(function, argument)
        assert kept(function, argument) < 500  # what Python itself keeps at hand for exceptions


def test_a_hit_waits_for_no_lock(cache, namespace):
    """It is answered while others hold every lock there is: those that write, flush or load."""
    function = cache.cached("a", key="k{}".format)(str)
    remembered = cache.cached("a")(answer)
    assert remembered("value") == "value"
    hits: list[tuple[Any, ...]] = [
        (namespace.get, "k"),
        (namespace.get_or_load, "k", str),
        (function, ""),
        (remembered, "value"),
    ]

    with ThreadPoolExecutor(1) as threads, ExitStack() as held:
        threads.submit(namespace.get, "k").result()  # a thread that counts makes itself known once
        for lock in locks(cache, "a"):
            lock.acquire()
            held.callback(lock.release)
        answers = [threads.submit(*hit).result(timeout=30) for hit in hits]

    assert answers == ["value"] * 4


def locks(cache: Cache, namespace: str) -> list[Any]:
    """Return the locks of all that a namespace works with, at least one of each."""
    backend: Any = cache._core.backend
    store = backend.store(namespace)
    found = []
    for owner in (
        cache._core.counting.buffer,
        cache._core.counting.flusher,
        cache._core.backend,
        store,
        flights,
    ):
        own = [value for value in vars(owner).values() if isinstance(value, LOCKS)]
        assert own, f"{owner} has no lock any more"
        found += own
    return found
