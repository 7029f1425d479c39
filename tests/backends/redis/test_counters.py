"""Counters on Redis: added once, and gone with their ring."""

import logging

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._metrics.counters import Batch, Counts
from cachectl._metrics.sketches import KEYS, SKETCHED, Sketch
from cachectl._metrics.windows import RINGS, Window
from cachectl.errors import BackendRefused
from tests.support.openers import Opener


def test_counters_are_added_exactly_once(backend, raw, clock):
    """A batch that is sent again after a lost reply changes nothing; another client's does."""
    counts = {"ns": Counts(hits=3, last_hit_us=50), "other": Counts(missed_absent=1)}
    for client, sequence in [("a", 1), ("a", 1), ("a", 2), ("b", 1), ("a", 1)]:
        backend.counters.add(Batch(client, sequence, clock(), counts))
    read = backend.counters.read(Window(None, None, clock()))
    assert read == {"ns": Counts(hits=9, last_hit_us=50), "other": Counts(missed_absent=3)}
    assert 0 < raw.ttl("app:{ns}:seen:a") <= 86_400


def test_counter_buckets_end_with_their_ring(backend, raw, clock):
    """Buckets expire on the server a bucket after their ring has moved on; totals never do."""
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}))
    for ring in RINGS:
        left = raw.ttl(f"app:{{ns}}:c:{ring.width}:{ring.bucket(clock())}")
        assert ring.span < left <= ring.span + ring.width
    assert raw.ttl("app:{ns}:c") == -1


def foreign_field(value: str):
    return lambda raw: raw.hset("app:{ns}:c", "hits", value)


def foreign_type(raw):
    raw.delete("app:{ns}:c")
    raw.set("app:{ns}:c", "not a table")


def foreign_memory_of_batches(raw):
    raw.delete("app:{ns}:seen:a")
    raw.lpush("app:{ns}:seen:a", "not a number")


def foreign_last_hit(raw):
    raw.hset("app:{ns}:c", "last_hit_us", "soon")


@pytest.mark.parametrize(
    ("damage", "hits"),
    [
        (foreign_field("foo"), 1),
        (foreign_field("9223372036854775807"), 1),
        (foreign_field("-7"), 1),
        (foreign_field("1.5"), 1),
        (foreign_field(" 5"), 1),
        (foreign_field(""), 1),
        (foreign_field("005"), 6),
        (foreign_type, 1),
        (foreign_memory_of_batches, 4),
        (foreign_last_hit, 4),
    ],
    ids=[
        "text",
        "largest",
        "negative",
        "fraction",
        "space",
        "empty",
        "zeros",
        "type",
        "seen",
        "last",
    ],
)
def test_what_is_damaged_among_the_counters_is_mended_once_and_nothing_is_added_twice(
    backend, raw, clock, damage, hits
):
    """It counts from what can be read, which is what was shown before; others keep all they had."""
    window = Window(None, None, clock())
    first = Counts(hits=3, missed_absent=2, last_hit_us=40)
    backend.counters.add(Batch("a", 1, clock(), {"ns": first, "other": first}))
    damage(raw)
    shown = backend.counters.read(window).get("ns", Counts())
    batch = Batch(
        "a", 2, clock(), {"ns": Counts(hits=1, missed_absent=1, last_hit_us=50), "other": first}
    )
    for _ in range(3):
        backend.counters.add(batch)
    read = backend.counters.read(window)
    assert (read["ns"].hits, read["ns"].last_hit_us) == (hits, 50)
    assert read["ns"].hits == shown.hits + 1
    assert read["ns"].misses == shown.misses + 1
    assert read["other"] == first.plus(first)


def test_an_amount_that_nobody_can_have_counted_is_left_out(backend, clock):
    counts = Counts(hits=2**63 - 1, missed_absent=-5, sets=1)
    backend.counters.add(Batch("a", 1, clock(), {"ns": counts}))
    assert backend.counters.read(Window(None, None, clock()))["ns"] == Counts(sets=1)


def test_a_namespace_whose_keys_are_forbidden_does_not_keep_the_counts_of_others_waiting(
    raw, redis_url, clock, caplog
):
    """Its own are lost, and that is said once."""
    raw.execute_command(
        "ACL", "SETUSER", "app", "on", ">pass", "resetkeys", "~cachectl:{b}:*", "~cachectl:names*",
        "+@all",
    )  # fmt: skip
    url = redis_url.replace("://", "://app:pass@")
    opener = Opener({"backend": "redis", "redis.url": url}, clock)
    try:
        cache = opener(strict=False)
        for _ in range(3):
            for name in ("a", "b"):
                cache.namespace(name).get("absent")
            cache.flush()
        assert cache.stats("b").namespaces["b"].misses == 3
    finally:
        raw.execute_command("ACL", "DELUSER", "app")
    warnings = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
    assert len([text for text in warnings if "counts of namespace a" in text]) == 1


@pytest.mark.parametrize("command", ["get", "hmget", "hset", "expire", "hincrby", "set", "sadd"])
def test_what_cannot_be_added_whole_is_not_added_at_all(raw, redis_url, clock, command):
    """Whichever command of the script is not permitted: nothing is added again and again."""
    raw.execute_command("ACL", "SETUSER", "app", "on", ">pass", "~*", "+@all", f"-{command}")
    backend = RedisBackend(url=redis_url.replace("://", "://app:pass@"))
    try:
        for _ in range(3):
            with pytest.raises(BackendRefused, match="does not permit"):
                backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=3, last_hit_us=9)}))
        raw.execute_command("ACL", "SETUSER", "app", f"+{command}")
        backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=3, last_hit_us=9)}))
        for window in (Window(None, None, clock()), Window.last(60, clock())):
            assert backend.counters.read(window)["ns"] == Counts(hits=3, last_hit_us=9)
    finally:
        backend.close()
        raw.execute_command("ACL", "DELUSER", "app")


def test_what_an_older_version_counted_is_kept_and_its_misses_have_no_reason(backend, raw, clock):
    raw.sadd("app:namespaces", "ns")
    raw.hset("app:{ns}:c", mapping={"misses": 3, "hits": 1})
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(missed_expired=1)}))

    found = backend.counters.series(Window.last(60, clock()), 1)["ns"]
    assert found.total == Counts(hits=1, missed_absent=3, missed_expired=1)
    assert found.parts == [Counts(missed_expired=1)]
    assert found.since is None


SKETCH = Sketch({"hit": {-5: 2}, "load": {7: 1}}, {"a": 3, "b": 1})


def sketch_of(backend, clock) -> Sketch:
    return backend.counters.sketches(Window.last(60, clock()), ["ns"])["ns"]


def test_sketches_are_added_once_and_end_with_their_ring(backend, raw, clock):
    for sequence in (1, 1, 2, 1):
        backend.counters.add(Batch("a", sequence, clock(), {"ns": Counts(hits=1)}, {"ns": SKETCH}))

    found = sketch_of(backend, clock)
    assert found.missed == {"a": 6, "b": 2}
    assert found.times == {"hit": {-5: 4}, "miss": {}, "load": {7: 2}}
    for table in "tm":
        left = raw.ttl(f"app:{{ns}}:{table}:{SKETCHED.width}:{SKETCHED.bucket(clock())}")
        assert SKETCHED.span < left <= SKETCHED.span + SKETCHED.width


def test_the_keys_that_are_kept_are_bounded(backend, raw, clock):
    missed = {f"{number}": 1 for number in range(2 * KEYS)} | {"hot": 3}
    for sequence in range(1, 4):
        sketch = Sketch({}, missed)
        backend.counters.add(Batch("a", sequence, clock(), {"ns": Counts(hits=1)}, {"ns": sketch}))

    found = sketch_of(backend, clock)
    assert len(found.missed) == KEYS
    assert found.missed["hot"] == 9
    place = f"{SKETCHED.width}:{SKETCHED.bucket(clock())}"
    assert raw.hlen(f"app:{{ns}}:b:{place}") <= KEYS + 1


FOREIGN = ["foo", "", "-7", "1.5", "inf", "nan", "9" * 19, " 5"]


@pytest.mark.parametrize("value", FOREIGN)
def test_times_that_were_damaged_count_from_nothing(backend, raw, clock, value):
    place = f"{SKETCHED.width}:{SKETCHED.bucket(clock())}"
    raw.hset(f"app:{{ns}}:t:{place}", "hit:-5", value)
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}, {"ns": SKETCH}))
    assert sketch_of(backend, clock).times["hit"] == {-5: 2}


@pytest.mark.parametrize("bucket", ["99999", "9" * 5000, "-749", "1.5", "٣", "", "-"])
def test_times_in_no_bucket_of_ours_are_none(backend, raw, clock, bucket):
    place = f"{SKETCHED.width}:{SKETCHED.bucket(clock())}"
    raw.hset(f"app:{{ns}}:t:{place}", f"hit:{bucket}", 5)
    assert not sketch_of(backend, clock).times["hit"]


@pytest.mark.parametrize("score", [float("inf"), -float("inf"), 1.5, -7.0, 1e18, 1e308])
def test_how_often_a_key_was_missed_counts_from_nothing_where_that_was_damaged(
    backend, raw, clock, score
):
    place = f"{SKETCHED.width}:{SKETCHED.bucket(clock())}"
    raw.zadd(f"app:{{ns}}:m:{place}", {"a": score})
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}, {"ns": SKETCH}))
    assert sketch_of(backend, clock).missed == SKETCH.missed


@pytest.mark.parametrize("value", FOREIGN)
def test_what_keys_begin_with_is_nothing_where_that_was_damaged(backend, raw, clock, value):
    place = f"{SKETCHED.width}:{SKETCHED.bucket(clock())}"
    raw.hset(f"app:{{ns}}:b:{place}", "", value)
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}, {"ns": SKETCH}))
    assert sketch_of(backend, clock).missed == SKETCH.missed


def test_a_namespace_of_which_no_amount_can_be_keeps_no_other_waiting(backend, clock):
    impossible = Counts(hits=2**63 - 1)
    backend.counters.add(Batch("a", 1, clock(), {"ns": impossible, "other": Counts(hits=1)}))
    read = backend.counters.read(Window(None, None, clock()))
    assert (read["ns"], read["other"]) == (Counts(), Counts(hits=1))


@pytest.mark.parametrize("table", "tmb")
def test_foreign_tables_of_sketches_are_replaced_and_all_is_counted(backend, raw, clock, table):
    raw.set(f"app:{{ns}}:{table}:{SKETCHED.width}:{SKETCHED.bucket(clock())}", "not ours")
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}, {"ns": SKETCH}))

    assert sketch_of(backend, clock).missed == SKETCH.missed
    assert backend.counters.read(Window(None, None, clock()))["ns"] == Counts(hits=1)
