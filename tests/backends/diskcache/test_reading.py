"""What is read is what the application wrote."""

import math
import time
from functools import partial
from typing import Any

import diskcache
import pytest

from cachectl import MISSING, BackendRefused, Cache
from cachectl._backends.diskcache import rows, schema
from cachectl._model.codecs import codec_name
from cachectl.errors import UsageError
from tests.support.foreign import KINDS, crashed, fill

LRU = "least-recently-used"
LFU = "least-frequently-used"


@pytest.fixture
def entries(filled, opened):
    return opened.namespace("diskcache")


def kinds(namespace):
    """Return the type of each listed entry by its name."""
    return {info.key: codec_name(info.entry.codec) for info in namespace.entries()}


def test_the_constants_are_those_of_the_library():
    core = diskcache.core
    assert (rows.MODE_RAW, rows.MODE_BINARY, rows.MODE_TEXT, rows.MODE_PICKLE) == (
        core.MODE_RAW, core.MODE_BINARY, core.MODE_TEXT, core.MODE_PICKLE,
    )  # fmt: skip
    assert set(schema.EVICTION_POLICIES) == set(diskcache.EVICTION_POLICY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "hello"), ("7", 42), ("'7'", 1.5), ("2.5", "inf"), (r"b'\xff\x00'", b"\x01\x02"),
        ("tagged", "v"), ("large text", "é" * 50_000), ("large bytes", b"\xff" * 100_000),
    ],
)  # fmt: skip
def test_what_is_not_pickled_is_got_under_the_name_of_its_key(entries, name, value):
    assert entries.get(name) == value


def test_what_has_expired_or_is_not_there_is_a_miss(entries):
    assert entries.get("expired") is MISSING
    assert entries.get("nothing") is MISSING
    assert entries.peek("expired").expires_at < time.time()


@pytest.mark.parametrize("name", ["none", "object", "large object", "pickled:9"])
def test_a_pickled_value_is_named_and_never_got(entries, name):
    assert repr(entries.peek(name).value) == "pickled, not read"
    with pytest.raises(BackendRefused, match="the value is pickled"):
        entries.get(name)


def test_a_value_under_a_pickled_key_is_got_by_the_number_of_its_row(entries):
    assert entries.get("pickled:8") == "under a pickled key"
    assert entries.get("pickled:1") is MISSING  # that row has a key that is no pickle


def test_each_entry_is_listed_with_its_type_and_size(entries):
    assert kinds(entries) == {
        "text": "text", "7": "json", "'7'": "json", "2.5": "json", r"b'\xff\x00'": "bytes",
        "none": "pickle", "object": "pickle", "pickled:8": "text", "pickled:9": "pickle",
        "tagged": "text", "expired": "text", "large text": "text", "large bytes": "bytes",
        "large object": "pickle",
    }  # fmt: skip
    sizes = {info.key: info.size for info in entries.entries()}
    assert (sizes["text"], sizes["large text"], sizes["large bytes"]) == (5, 100_000, 100_000)


def test_expiry_tag_and_time_of_storing_are_those_of_the_application(entries):
    entry = entries.peek("tagged")
    assert entry.tags == ("org:42",)
    assert entry.expires_at - entry.created_at == pytest.approx(3600)
    assert entry.created_at == pytest.approx(time.time(), abs=60)
    assert math.isinf(entries.peek("text").expires_at)
    assert [info.key for info in entries.entries("org:42")] == ["tagged"]


def test_under_lru_the_listing_begins_with_what_was_not_used_longest(directory, opened):
    with diskcache.Cache(directory, eviction_policy=LRU) as cache:
        for key in "abc":
            cache[key] = 1
        cache.get("a")
    namespace = opened.namespace("diskcache")
    assert [info.key for info in namespace.entries()] == ["b", "c", "a"]
    assert namespace.details("a")["used_at"] > namespace.peek("a").created_at
    assert namespace.details("a")["access_count"] is None


@pytest.mark.parametrize("policy", sorted(set(diskcache.EVICTION_POLICY) - {"none"}))
@pytest.mark.parametrize("shards", [1, 2])
def test_the_listing_is_in_the_order_in_which_diskcache_culls(directory, opened, policy, shards):
    kind: Any = diskcache.Cache if shards == 1 else partial(diskcache.FanoutCache, shards=shards)
    with kind(directory, eviction_policy=policy, cull_limit=0) as cache:
        for number in range(30):
            cache[f"k{number}"] = b"x" * 1000
        for number in (0, 0, 0, 1, 1, 2, 17, 17, 4):
            cache.get(f"k{number}")
        order = [info.key for info in opened.namespace("diskcache").entries()]
        cache.reset("size_limit", 0)
        cache.reset("cull_limit", 7)
        cache.set("new", "x")  # culls in its shard
        gone = [key for key in order if key not in cache]
        held = [key for key in order if _shard(cache, key) is _shard(cache, "new")]
    assert gone == held[:7]


def _shard(cache, key):
    """Return where the library keeps a key: what it culls is in one place."""
    return cache._shards[cache._hash(key) % 2] if hasattr(cache, "_shards") else cache


@pytest.mark.parametrize("policy", ["none", "least-recently-stored"])
def test_where_use_is_not_kept_the_listing_is_in_the_order_of_storing(directory, opened, policy):
    with diskcache.Cache(directory, eviction_policy=policy) as cache:
        for key in "abc":
            cache[key] = 1
        cache["a"] = 2
        cache.get("b")
    namespace = opened.namespace("diskcache")
    assert [info.key for info in namespace.entries()] == ["b", "c", "a"]
    assert namespace.details("b") == {"used_at": None, "access_count": None, "file": None}


def test_under_lfu_the_listing_begins_with_what_was_used_least(directory, opened):
    with diskcache.Cache(directory, eviction_policy=LFU) as cache:
        for key in "abc":
            cache[key] = 1
        cache.get("a")
    namespace = opened.namespace("diskcache")
    assert [info.key for info in namespace.entries()] == ["b", "c", "a"]
    assert namespace.details("a") == {"used_at": None, "access_count": 1, "file": None}


def test_a_listing_goes_on_over_many_pages(directory, opened):
    with diskcache.Cache(directory) as cache, cache.transact():
        for number in range(1234):
            cache[number] = number
    names = [info.key for info in opened.namespace("diskcache").entries()]
    assert names == [str(number) for number in range(1234)]


def test_what_jsondisk_writes_is_bytes(directory, opened):
    with diskcache.Cache(directory, disk=diskcache.JSONDisk) as cache:
        cache["key"] = {"a": 1}
    assert set(kinds(opened.namespace("diskcache")).values()) == {"bytes"}


@pytest.mark.parametrize("policy", sorted(diskcache.EVICTION_POLICY))
def test_figures_limit_and_policy_are_those_of_the_application(directory, opened, policy):
    with diskcache.Cache(
        directory, statistics=True, eviction_policy=policy, size_limit=10**6
    ) as cache:
        cache["a"] = "x" * 100_000
        for key in "aab":
            cache.get(key)
        volume = cache.volume()
    stats = opened.stats()
    figures = stats.namespaces["diskcache"]
    assert (figures.hits, figures.misses, figures.entries) == (2, 1, 1)
    assert (figures.bytes, figures.max_bytes, figures.ttl) == (volume, 10**6, None)
    assert figures.hit_rate == pytest.approx(2 / 3)
    assert stats.backend.details == {"eviction_policy": policy, "statistics": True, "shards": 1}


def test_without_statistics_there_is_no_rate_and_a_note_says_how_to_get_one(directory, opened):
    with diskcache.Cache(directory, statistics=True) as cache:
        cache.get("a")
        cache.stats(enable=False)
    stats = opened.stats()
    assert stats.totals.hit_rate is None
    assert "cache.stats(enable=True)" in stats.backend.notes[0]


def test_the_shards_of_a_fanout_cache_are_one_cache(directory, trace, opened):
    with diskcache.FanoutCache(directory, shards=3, statistics=True, size_limit=9 * 10**6) as cache:
        fill(cache, trace)
        cache.get("text")
        volume = cache.volume()
    namespace, figures = opened.namespace("diskcache"), opened.stats().namespaces["diskcache"]
    assert (figures.entries, figures.bytes, figures.hits) == (KINDS, volume, 1)
    assert figures.max_bytes == 9 * 10**6
    assert [namespace.get(name) for name in ("text", "7")] == ["hello", 42]
    listed = [info.key for info in namespace.entries()]
    assert len(listed) == KINDS
    pickled = [name for name in listed if name.startswith("pickled:")]
    assert [name.partition("/")[1] for name in pickled] == ["/", "/"]
    assert "under a pickled key" in [namespace.peek(name).value for name in pickled]


def test_writes_of_an_application_that_runs_are_seen_at_once(directory, opened):
    namespace = opened.namespace("diskcache")
    with diskcache.Cache(directory) as cache:
        for number in range(5):
            cache["n"] = number
            assert namespace.get("n") == number
    assert namespace.get("n") == 4


def test_what_a_crash_left_in_the_log_is_read(directory, opened):
    crashed(directory)
    assert opened.usage()["diskcache"].entries == 20
    (directory / "cache.db-shm").unlink()
    assert opened.usage()["diskcache"].entries == 20


@pytest.mark.parametrize("mode", ["delete", "truncate", "memory"])
def test_a_database_without_write_ahead_log_is_read(directory, opened, mode):
    with diskcache.Cache(directory, sqlite_journal_mode=mode) as cache:
        cache["a"] = 1
        assert opened.namespace("diskcache").get("a") == 1
    assert opened.namespace("diskcache").get("a") == 1


def test_a_lookup_by_a_name_with_two_meanings_finds_what_is_there(directory, opened):
    with diskcache.Cache(directory) as cache:
        cache["5"] = "text"
        assert opened.namespace("diskcache").get("5") == "text"
        cache[5] = "number"
    namespace = opened.namespace("diskcache")
    assert (namespace.get("5"), namespace.get("'5'")) == ("number", "text")


def test_there_is_one_namespace(filled, opened):
    assert list(opened.usage()) == list(opened.stats().namespaces) == ["diskcache"]
    for operation in (opened.namespace, opened.stats, opened.policy):
        with pytest.raises(UsageError, match="a diskcache directory has one, diskcache"):
            operation("other")


def test_a_window_cannot_be_asked_for(filled, opened):
    with pytest.raises(UsageError, match="diskcache counts without times"):
        opened.stats(since="1h")


def test_an_application_opens_it_by_the_name_of_the_directory(filled, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with Cache.open(backend="diskcache", directory=filled) as cache:
        assert cache.namespace("diskcache").get("text") == "hello"
        assert not cache.namespace("diskcache").set("text", "other")
