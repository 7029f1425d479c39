"""The eviction `lrfu` by itself: what goes, what is remembered, and how the window adapts."""

from math import exp2, log2
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachectl._backends.eviction.lrfu import (
    GHOSTS,
    HALF_LIFE,
    LEAST_WINDOW,
    MAIN,
    MAIN_GHOSTS,
    WINDOW,
    WINDOW_GHOSTS,
    Lrfu,
    Rank,
    State,
)
from cachectl.testing.plain_lrfu import PlainCache, PlainPlaces

KEYS = st.sampled_from("abcdefghijklmnop")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS),
        st.tuples(st.just("set"), KEYS),
        st.tuples(st.just("get"), KEYS),
        st.tuples(st.just("remove"), KEYS),
        st.tuples(st.just("allow"), st.integers(1, 9)),
    ),
    max_size=80,
)


def worth(*scores: float) -> float:
    """What a score must be whose uses were worth that much each, given as logarithms."""
    return log2(sum(map(exp2, scores)))


class Checked(PlainCache):
    """Checks after each step what is always true."""

    def __init__(self, max_entries: int) -> None:
        super().__init__(max_entries)
        self.expected: set[str] = set()

    def do(self, step: str, argument: str | int) -> None:
        if isinstance(argument, int):
            self.max_entries = argument
        elif step == "set":
            self.check_set(argument)
        elif step == "get":
            assert self.get(argument) == (argument in self.expected)
        else:
            self.order.removed(argument)
            self.expected.discard(argument)
        assert self.index.held() == self.expected
        assert self.order.state.sizes == self.index.sizes()

    def check_set(self, key: str) -> None:
        ghosts = self.order.state.ghosts
        evicted = self.set(key)
        assert key not in evicted
        assert len(set(evicted)) == len(evicted)
        self.expected = (self.expected | {key}) - set(evicted)
        state = self.order.state
        assert len(self.expected) <= self.max_entries
        fewer = ghosts - GHOSTS * len(evicted) - 1
        assert state.ghosts <= max(GHOSTS * state.held, fewer)
        assert LEAST_WINDOW <= state.share < 1


@given(st.integers(1, 9), STEPS)
@example(1, [("set", "a"), ("set", "b"), ("set", "a")])
def test_whatever_is_done_the_sizes_are_right_and_the_newest_stays(max_entries, steps):
    cache = Checked(max_entries)
    for step, argument in steps:
        cache.do(step, argument)


@given(st.integers(2, 9), st.lists(KEYS, min_size=1, max_size=80))
def test_whoever_comes_back_from_the_history_has_its_score_still(max_entries, keys):
    cache = PlainCache(max_entries)
    for key in keys:
        ghost = cache.index.find(key)
        cache.set(key)
        clock = cache.order.state.clock
        expected = clock if ghost is None else worth(ghost.score, clock)
        assert cache.score(key) == pytest.approx(expected)


@given(st.integers(1, 9), st.lists(KEYS, min_size=1, max_size=40))
def test_among_entries_that_were_written_once_the_oldest_goes(max_entries, keys):
    """Without uses and without keys that come back it is first in, first out."""
    cache = PlainCache(max_entries)
    names = [f"{number}{key}" for number, key in enumerate(keys)]
    evicted = [gone for name in names for gone in cache.set(name)]
    assert evicted == names[: max(0, len(names) - max_entries)]


def test_the_history_shrinks_with_the_limit():
    cache = PlainCache(100)
    for number in range(400):
        cache.set(f"{number}")
    assert cache.order.state.ghosts == GHOSTS * 100
    cache.max_entries = 10
    assert len(cache.trim()) == 90
    assert cache.order.state.ghosts == GHOSTS * 10


def test_the_history_shrinks_with_each_write_after_a_removal():
    """After n writes 200 - n are remembered, and 2 * (10 + n) may be: from the 60th on, enough."""
    cache = PlainCache(100)
    for number in range(400):
        cache.set(f"{number}")
    for key in sorted(cache.index.held())[:90]:
        cache.order.removed(key)
    assert (cache.order.state.held, cache.order.state.ghosts) == (10, 200)
    for number in range(80):
        cache.set(f"new{number}")
        expected = (11 + number, 200 - min(60, number + 1))
        assert (cache.order.state.held, cache.order.state.ghosts) == expected


def test_a_use_in_the_window_counts_once_for_each_write():
    index = PlainPlaces()
    order = Lrfu(index, State())
    order.written("a")
    written = index["a"].score
    order.written("b")
    for _ in range(3):
        order.used("a")
    once = worth(written, order.state.clock)
    assert index["a"].score == pytest.approx(once)
    assert index.first(WINDOW) == ("b", index["b"])  # but each moves it to the end
    order.written("a")
    order.used("a")
    again = order.state.clock
    assert index["a"].score == pytest.approx(worth(once, again, again))


def test_a_use_in_the_main_part_counts_each_time():
    cache = PlainCache(3)
    cache.set("a")
    cache.set("b")
    assert cache.index["a"].segment == MAIN
    expected = [cache.score("a")]
    for _ in range(3):
        cache.order.used("a")
        expected.append(cache.order.state.clock)
    assert cache.score("a") == pytest.approx(worth(*expected))


def test_uses_of_what_is_not_held_change_nothing():
    cache = PlainCache(1)
    cache.set("a")
    cache.set("b")
    before = dict(cache.index)
    cache.order.used("a")  # only remembered
    cache.order.used("nothing")
    cache.order.removed("a")
    assert cache.index == before
    assert cache.order.state.sizes == cache.index.sizes()


def test_an_empty_order_has_nothing_to_evict():
    order = Lrfu(PlainPlaces(), State())
    assert order.evict() is None
    order.written("a")
    order.removed("a")
    assert order.evict() is None
    assert order.state.held == 0


def test_what_had_no_order_goes_least_recently_used_first():
    index = PlainPlaces()
    order = Lrfu(index, State())
    order.adopt("abc")
    assert index.sizes() == order.state.sizes == [3, 0, 0, 0]
    order.used("a")
    assert index["a"].score == 0.0  # it may be older than the order: not as good as new
    assert [order.evict() for _ in range(4)] == ["b", "c", "a", None]


def test_half_a_life_after_its_use_an_entry_is_worth_half():
    """Ten times as many writes as are held: the clock, a logarithm, has gone on by one."""
    cache = PlainCache(20)
    for number in range(20):
        cache.set(f"{number}")
    before = cache.order.state.clock
    for number in range(HALF_LIFE * 20):
        cache.set(f"{number % 20}")
    assert cache.order.state.clock == pytest.approx(before + 1)


def test_a_used_entry_stays_while_a_scan_passes():
    """Three may stay. The clock is 0.1 after the first write, then 0.1 / held more each time.

    write a: clock .1, a is the window. write b: clock .2; the window has room for one, so a goes to
    the main part with .1. write c: clock .25, b to the main part with .2; the window is c.
    use a, at .25: a is worth 2^.1 + 2^.25 = 2.26, its logarithm 1.18.
    write d: clock .283; four are held. c (.25), the oldest of the window, beats b (.2), the lowest of
    the main part: b goes. Then e: d (.283) beats c (.25); then f: e beats d. a stays.
    """
    cache = PlainCache(3)
    for key in "abc":
        assert cache.set(key) == []
    assert cache.index["a"] == Rank(MAIN, 0.1, 0.1, credited=True)
    assert cache.index["b"] == Rank(MAIN, 0.2, 0.2, credited=True)
    assert cache.get("a")
    assert [cache.set(key) for key in "def"] == [["b"], ["c"], ["d"]]
    assert cache.score("a") == pytest.approx(log2(2**0.1 + 2**0.25))
    assert cache.index.sizes() == [1, 2, 0, 3]


def test_what_left_the_window_too_early_lets_the_window_grow():
    """Three may stay, and a, b and c are there as above: a and b in the main part.

    use a and b, at .25: both are worth more than any that is written once. write d: c (.25) is
    below them and leaves the window, eviction 1. write c again, after as few evictions as are
    held: of three held it is one, and nothing left the main part, so the share grows by 1 / 3.
    c's score is that of two writes, .25 and .25 + 2 / 30.
    d (.283) is the oldest of the window now, below a and b as well: it leaves, eviction 2.
    """
    cache = PlainCache(3)
    for key in "abc":
        cache.set(key)
    cache.get("a")
    cache.get("b")
    assert cache.set("d") == ["c"]
    assert cache.index["c"] == Rank(WINDOW_GHOSTS, 1, 0.25, credited=True)
    assert cache.set("c") == ["d"]
    assert cache.order.state.share == pytest.approx(LEAST_WINDOW + 1 / 3)
    assert cache.score("c") == pytest.approx(log2(2**0.25 + 2 ** (0.25 + 2 / 30)))
    assert cache.index["d"].order == 2
    cache.set("d")  # the only one that left, still: 1 / 3 more is over the most, 1 - 1 / 3
    assert cache.order.state.share == pytest.approx(1 - 1 / 3)


def test_what_left_the_main_part_too_early_lets_the_window_shrink():
    """As above until the share is 0.1 + 2 / 3 of three, then at most 1 - 1 / 3: a window of two.

    write d: it is back, and c, oldest of the window, is worth 2.44 against 2^.1 + 2^.25 = 2.26 of
    a, so c goes to the main part and a leaves that, eviction 3. write a: of what left, one left
    the main part and none the window, so the share is smaller by 1 / 3.
    """
    cache = PlainCache(3)
    for key in "abc":
        cache.set(key)
    cache.get("a")
    cache.get("b")
    for key in "dcd":
        evicted = cache.set(key)
    assert evicted == ["a"]
    assert cache.index["a"].segment == MAIN_GHOSTS
    cache.set("a")
    assert cache.order.state.share == pytest.approx(1 - 1 / 3 - 1 / 3)


def test_the_part_that_is_rarer_in_the_history_teaches_more():
    """Six left the window, two the main part: one of the two weighs 6 / 2, one of the six 1."""
    index = PlainPlaces({f"{i}": Rank(WINDOW, i, 0.0, credited=True) for i in range(20)})
    index |= {f"w{i}": Rank(WINDOW_GHOSTS, i, 0.0, credited=True) for i in range(1, 7)}
    index |= {f"m{i}": Rank(MAIN_GHOSTS, i, 0.0, credited=True) for i in range(7, 9)}
    order = Lrfu(index, State(share=0.5, entered=20, evictions=8, sizes=[20, 0, 6, 2]))
    order.written("m7")  # with 20 held
    assert order.state.share == pytest.approx(0.5 - 3 / 20)
    order.written("w6")  # with 21 held
    assert order.state.share == pytest.approx(0.5 - 3 / 20 + 1 / 21)
    assert order.state.sizes == index.sizes() == [22, 0, 5, 1]


def test_what_comes_back_late_teaches_nothing():
    """A cache of twice the size would not have had it either."""
    cache = PlainCache(3)
    for key in "abc":
        cache.set(key)
    cache.get("a")
    cache.get("b")
    for key in "cdefgh":
        cache.set(key)
    state = cache.order.state
    rank = cache.index["d"]
    assert (rank.segment, state.evictions - rank.order) == (WINDOW_GHOSTS, 3)
    cache.set("i")
    cache.set("d")
    assert state.share == LEAST_WINDOW


def test_the_order_hits_what_is_popular_more_often_than_recency_would():
    chance = Random(11)
    trace = [f"{int(300 * chance.random() ** 3)}" for _ in range(6000)]
    cache = PlainCache(30)
    recent: dict[str, None] = {}
    hits = recency_hits = 0
    for key in trace:
        hits += (found := cache.get(key))
        if not found:
            cache.set(key)
        recency_hits += key in recent
        recent.pop(key, None)
        recent[key] = None
        if len(recent) > 30:
            del recent[next(iter(recent))]
    assert hits > 1.1 * recency_hits
