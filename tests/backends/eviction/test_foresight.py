"""What is foreseen is what would be evicted, whatever was done before."""

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from cachectl._backends.eviction.foresight import Foresight, by_rank, in_order
from cachectl._backends.eviction.lrfu import LEAST_WINDOW, MAIN, Lrfu, Place
from cachectl.testing.plain_lrfu import PlainCache

KEYS = st.integers(0, 40).map(str)
USES = st.lists(st.tuples(st.sampled_from(["get", "set", "set", "adopt", "remove"]), KEYS))


def used(uses: list[tuple[str, str]], most: int) -> PlainCache:
    """Return a cache with such a past; scores are equal where several were taken in at once."""
    cache = PlainCache(most)
    for what, key in uses:
        if what == "get":
            cache.get(key)
        elif what == "set":
            cache.set(key)
        elif what == "adopt" and key not in cache.index:
            cache.order.adopt([key])
        elif what == "remove":
            cache.order.removed(key)
    return cache


def evicted(cache: PlainCache) -> list[str]:
    """Return the keys in the order in which they are evicted, until none is held."""
    index = deepcopy(cache.index)
    order, keys = Lrfu(index, deepcopy(cache.order.state)), []
    while (key := order.evict()) is not None:
        keys.append(key)
    return keys


@settings(max_examples=300)
@given(USES, st.integers(1, 30), st.sampled_from([LEAST_WINDOW, 0.5, 0.97]))
def test_the_order_is_that_in_which_everything_would_be_evicted(uses, most, share):
    cache = used(uses, most)
    cache.order.state.share = share
    held = [(key, rank) for key, rank in cache.index.items() if rank.segment <= MAIN]
    assert list(by_rank(held, share)) == evicted(cache)


@settings(max_examples=100)
@given(USES, st.sets(KEYS))
def test_what_goes_before_is_left_out_as_if_it_had_been_removed(uses, gone):
    cache = used(uses, 30)
    share = cache.order.state.share
    ranks = cache.index.items()
    left = [(key, rank) for key, rank in ranks if rank.segment <= MAIN and key not in gone]
    for key in gone:
        cache.order.removed(key)
    assert list(by_rank(left, share)) == evicted(cache)


def test_everything_comes_once_though_there_is_more_or_less_than_was_counted():
    """Others write while a listing goes on."""
    for in_window, in_main in ((0, 0), (3, 50), (50, 3), (1000, 1000)):
        places = [Place(float(number), f"{number}", number) for number in range(40)]
        foreseen = in_order(
            Foresight[int](in_window, in_main, 0.3), iter(places[:15]), iter(places[15:])
        )
        assert sorted(foreseen) == list(range(40))
