"""Keys of recent calls: each is made once, and no more are remembered than was said."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from cachectl._engine.decorator.recent_keys import CALLS, LARGEST, RecentKeys, signature_of

VALUES = (1, 1.0, True, "1", b"1", None, (1,), (1.0,), (True,), ((1,),), (), ("a", 1), "")


def told(*args, **kwargs):
    return signature_of(args, kwargs)


def test_signatures_differ_where_types_do():
    calls = [told(value) for value in VALUES]
    calls += [told(value, value) for value in VALUES]
    calls += [told(a=value) for value in VALUES]
    calls += [told(value, a=1) for value in VALUES]
    calls += [told(1, b=1), told("a", 1), told(a=1, b=2), told(b=1, a=2), told()]
    assert len(set(calls)) == len(calls)


def test_what_could_change_or_be_equal_to_another_has_no_signature():
    class Text(str):
        __slots__ = ()

    for value in ([1], {}, object(), Text("1"), ([1],), (Text("1"),), int, 1j, frozenset()):
        assert told(value) is told(a=value) is None


def test_recent_calls_are_remembered_and_old_ones_forgotten():
    recent = RecentKeys()
    for number in range(5 * CALLS):
        recent.add(told(number), str(number))
        assert recent.find(told(0)) == "0"  # what is asked for stays
        assert len(recent) <= 2 * CALLS
    assert recent.find(told(4 * CALLS)) is not None
    assert recent.find(told(1)) is None


def test_large_arguments_are_not_kept():
    recent = RecentKeys()
    for value in ("x" * LARGEST, b"x" * LARGEST, ("x" * 1500,) * 3, 2 ** (8 * LARGEST)):
        recent.add(told(value), "key")
    assert len(recent) == 0


@pytest.mark.parametrize("length", [1, 300, 3000])
def test_what_is_remembered_stays_below_five_megabytes(length):
    recent = RecentKeys()
    tracemalloc.start()
    try:
        for number in range(3 * CALLS):
            recent.add(told(f"{number:0{length}}"), f"module.function:{number:064}")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 5 * 2**20


def same(text):
    return text


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_threads_get_the_keys_of_their_own_calls(opener):
    cached = opener().cached("a")(same)
    expected = {str(number): cached.key(str(number)) for number in range(CALLS + 1000)}

    def check(_):
        return all(cached.key(text) == key for text, key in expected.items())

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(check, range(4)))
    assert len(cached._parts.keys.recent) <= 2 * CALLS + 4
