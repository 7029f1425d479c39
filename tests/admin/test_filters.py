"""Filters of a listing, against plain Python over what was stored."""

import random
import time
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachectl import UsageError
from cachectl._admin.filters import Filters
from cachectl._admin.listing import Listing
from cachectl._admin.sorting import MOST, Order
from cachectl._model.entry import NEVER

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
VALUES = {"json": {"a": [1]}, "text": "text", "bytes": b"\0" * 3000, "npy": np.zeros(9)}


class Stored(NamedTuple):
    """What a test knows of an entry that it stored, without asking anybody."""

    key: str
    type: str
    size: int
    age: float
    idle: float
    left: float
    cost: float
    tags: tuple[str, ...]
    label: str
    used: bool


COMPARED = {
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, "=": lambda a, b: a == b, "!=": lambda a, b: a != b,
}  # fmt: skip
signs = st.sampled_from(sorted(COMPARED))
durations = st.sampled_from(
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 2 * DAY), ("3600", 3600)]
)


def compared(name, values, figure):
    """Return filters that compare a figure, each with what they mean."""
    return st.tuples(signs, values).map(
        lambda drawn: (
            f"{name}{drawn[0]}{drawn[1][0]}",
            lambda one: figure(one) is not None and COMPARED[drawn[0]](figure(one), drawn[1][1]),
        )
    )


def of_text(name, texts, find):
    """Return filters that compare texts, each with what they mean."""
    exact = st.tuples(st.sampled_from(["=", "!="]), st.sampled_from(texts)).map(
        lambda drawn: (
            f"{name}{drawn[0]}{drawn[1]}",
            lambda one: (drawn[1] in find(one)) == (drawn[0] == "="),
        )
    )
    globs = st.tuples(
        st.sampled_from(["~", "!~"]), st.sampled_from(["*", "a*", "*:1?", "[ab]*", "x"])
    ).map(
        lambda drawn: (
            f"{name}{drawn[0]}{drawn[1]}",
            lambda one: any(fnmatchcase(text, drawn[1]) for text in find(one)) == (drawn[0] == "~"),
        )
    )
    return exact | globs


def left(one):
    return one.left if one.left > 0 else None


filters = st.one_of(
    compared("size", st.sampled_from([("100", 100), ("1kB", 1000), ("0", 0), ("2KiB", 2048)]), lambda one: one.size),
    compared("age", durations, lambda one: one.age),
    compared("idle", durations, lambda one: one.idle),
    compared("ttl", durations, left),
    compared("cost", st.sampled_from([("0", 0), ("0.005", 0.005), ("$0.01", 0.01)]), lambda one: one.cost),
    of_text("tag", ["a", "b", "org:42"], lambda one: one.tags),
    of_text("type", ["json", "text", "npy", "npz"], lambda one: [one.type]),
    of_text("key", ["a:11", "b:12", "none"], lambda one: [one.key]),
    of_text("label", ["a label", "other"], lambda one: [one.label]),
    st.sampled_from([
        ("ttl=none", lambda one: one.left == NEVER), ("ttl!=none", lambda one: one.left != NEVER),
        ("uses=0", lambda one: not one.used), ("uses>0", lambda one: one.used),
        ("uses!=0", lambda one: one.used), ("expired", lambda one: one.left <= 0),
        ("fresh", lambda one: one.left > 0), ("damaged", lambda one: False),
    ]),
)  # fmt: skip


@pytest.fixture
def stored(opener, clock):
    """A cache, and what is in it: entries of all kinds and ages, a third used, some expired."""
    chance, cache, made = random.Random(7), opener(), []
    ns, began = cache.namespace("a"), clock()
    for number in range(60):
        clock.advance(chance.choice([30.0, 10 * MINUTE, HOUR]))
        kind = chance.choice(sorted(VALUES))
        one = {
            "key": f"{chance.choice('ab')}:{number}", "type": kind, "at": clock(),
            "ttl": chance.choice([NEVER, 40 * DAY, 30 * DAY + 5 * MINUTE]),
            "cost": chance.choice([0, 0.005, 0.02]),
            "tags": tuple(sorted(chance.sample(["a", "b", "org:42"], chance.choice([0, 1, 2])))),
            "label": chance.choice(["", "a label", "other: é"]),
        }  # fmt: skip
        ns.set(
            one["key"], VALUES[kind], ttl="none" if one["ttl"] == NEVER else one["ttl"],
            cost=one["cost"], tags=one["tags"], label=one["label"],
        )  # fmt: skip
        made.append(one)
    used = {}
    for one in made[::3]:
        clock.advance(MINUTE)
        ns.get(one["key"])
        used[one["key"]] = clock()
    cache.flush()
    clock.advance(began + 30 * DAY + 2 * HOUR - clock())
    sizes, now = {info.key: info.size for info in ns.entries()}, clock()
    return cache, [
        Stored(
            one["key"], one["type"], sizes[one["key"]], now - one["at"],
            now - used.get(one["key"], one["at"]), one["at"] + one["ttl"] - now, one["cost"],
            one["tags"], one["label"], one["key"] in used,
        )
        for one in made
    ], now  # fmt: skip


def test_a_listing_has_what_all_its_filters_want(stored):
    """On every backend, whatever the filters."""
    cache, known, now = stored

    @settings(max_examples=150)
    @given(st.lists(filters, max_size=3))
    def check(drawn):
        wanted = Filters.parse(text for text, _ in drawn)
        found = [row.info.key for row in Listing(cache, ["a"], wanted, now).rows()]
        meant = {one.key for one in known if all(holds(one) for _, holds in drawn)}
        assert len(found) == len(set(found))
        assert set(found) == meant

    check()


@pytest.mark.parametrize("order", ["size", "age", "idle", "ttl", "cost", "key"])
@pytest.mark.parametrize("way", ["", ":asc", ":desc"])
def test_an_order_is_that_of_plain_python(stored, order, way):
    """With a limit, which holds no more than it shows, as without."""
    cache, known, now = stored
    figures = {
        "size": lambda one: one.size, "age": lambda one: one.age, "idle": lambda one: one.idle,
        "ttl": lambda one: one.left, "cost": lambda one: one.cost, "key": lambda one: one.key,
    }  # fmt: skip
    rank = {one.key: figures[order](one) for one in known}
    descending = (way or {"ttl": ":asc", "key": ":asc"}.get(order, ":desc")) == ":desc"
    expected = sorted(rank.values(), reverse=descending)
    parsed = Order.parse(order + way)
    for limit in (0, 1, 7, 60, 100):
        rows = parsed.sort(Listing(cache, ["a"], Filters(), now).rows(), limit)
        assert [rank[row.info.key] for row in rows] == expected[: limit or None]


@pytest.mark.parametrize(
    "text",
    ["", "size", "size>", "size>big", "size>1MB junk", "foo>1", "SIZE>1", "age>yesterday", "age>none",
     "ttl~5m", "ttl>none", "uses=1", "uses<0", "uses>5", "tag>a", "tag=", "type=pickles",
     "cost>cheap", "key", "damaged=1", "-1", "size>-1", "ttl<0"],
)  # fmt: skip
def test_what_is_no_filter_is_refused_in_words(text):
    with pytest.raises(UsageError, match="not a filter: "):
        Filters.parse([text])


@pytest.mark.parametrize("opener", ["file"], indirect=True)
@pytest.mark.parametrize(("text", "count"), [("key=a\nb", 1), ("key~a\n*", 2), ("key!=a\nb", 2)])
def test_a_key_of_several_lines_can_be_named(opener, clock, text, count):
    cache = opener()
    cache.namespace("a").set_many({"a\nb": 1, "a\nc": 2, "a": 3})
    assert len([*Listing(cache, ["a"], Filters.parse([text]), clock()).rows()]) == count


def test_an_unknown_filter_is_told_what_can_be_written():
    with pytest.raises(UsageError, match=r"size>1MB.*ttl=none.*tag=org:42.*or damaged"):
        Filters.parse(["bytes>1"])


def test_uses_are_not_counted_and_that_is_said():
    with pytest.raises(UsageError, match="uses are not counted: uses=0 is what was not used"):
        Filters.parse(["uses>5"])


@pytest.mark.parametrize("text", ["", "bytes", "size:up", "size:", ":asc", "size:asc:desc"])
def test_what_is_no_order_is_refused_in_words(text):
    with pytest.raises(UsageError, match=r"not an order: .*size, age, idle, ttl, cost, key"):
        Order.parse(text)


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_more_than_can_be_held_are_sorted_with_a_limit_alone(opener, clock):
    cache = opener()
    cache.namespace("a").set("k", 1)
    (row,) = Listing(cache, ["a"], Filters(), clock()).rows()
    order = Order.parse("size")

    assert len(order.sort([row] * MOST, 0)) == MOST
    with pytest.raises(UsageError, match="more than 100,000 entries to sort: say --limit N"):
        order.sort([row] * (MOST + 1), 0)
    with pytest.raises(UsageError, match="at most 100,000 entries can be sorted"):
        order.sort([row], MOST + 1)
    assert len(order.sort([row] * (MOST + 1), 5)) == 5


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_damage_is_found_in_values_as_well(opener, clock):
    """Which a listing does not read unless it is asked for what is damaged."""
    cache = opener()
    ns = cache.namespace("a")
    ns.set_many({f"{number}": "value" * 10 for number in range(5)})
    damage(opener, "1", slice(-1, None))
    damage(opener, "3", slice(0, 4))
    rows = {row.info.key: row for row in Listing(cache, ["a"], Filters(), time.time()).rows()}
    found = Listing(cache, ["a"], Filters.parse(["damaged"]), clock()).rows()

    assert {row.info.key: row.damage for row in found} == {
        "1": "checksum does not match", "3": "not written by cachectl",
    }  # fmt: skip
    assert [key for key, row in rows.items() if row.damage] == ["3"]
    assert rows["3"].info.entry is None
    assert [row.info.key for row in Order.parse("age").sort(rows.values(), 0)][-1] == "3"


def damage(opener, key, place):
    """Write something else into the bytes of an entry."""
    import sqlite3

    with sqlite3.connect(opener.directory / "cache.db") as database:
        (value,) = database.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        changed = bytearray(value)
        changed[place] = bytes(byte ^ 0xFF for byte in changed[place])
        database.execute("UPDATE entries SET value = ? WHERE key = ?", (bytes(changed), key))
    database.close()
