"""Counters in a database, some of which somebody damaged."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cachectl._backends.counter_database import CounterDatabase
from cachectl._backends.directory import claim, create_private
from cachectl._metrics.counters import Batch, Counts
from cachectl._metrics.sketches import SKETCHED, Sketch
from cachectl._metrics.windows import Window
from cachectl.errors import BackendBusy, BackendError
from cachectl.testing import Clock
from tests.support.mounts import only_read, small, take_all_bytes

FIRST = Counts(hits=3, missed_absent=2, last_hit_us=40)


@pytest.fixture
def counters(tmp_path: Path) -> Iterator[CounterDatabase]:
    database = CounterDatabase(tmp_path / "cache")
    yield database
    database.close()


def damage(directory: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(directory / "counters.db")) as connection:
        connection.execute(statement, values)
        connection.commit()


@pytest.mark.parametrize(
    "value", ["foo", "", 2**63 - 1, -7, 1.5, b"\x00", 10**18 + 1], ids=lambda value: repr(value)[:8]
)
def test_a_damaged_counter_counts_from_nothing_and_no_other_is_touched(
    counters: CounterDatabase, tmp_path: Path, clock: Clock, value: object
):
    windows = Window(None, None, clock()), Window.last(60, clock())
    counters.add(Batch("a", 1, clock(), {"ns": FIRST, "other": FIRST}))
    damage(tmp_path / "cache", "UPDATE counters SET hits = ? WHERE namespace = 'ns'", value)
    for window in windows:
        assert counters.read(window)["ns"] == Counts(missed_absent=2, last_hit_us=40)
    for _ in range(3):
        counters.add(Batch("a", 2, clock(), {"ns": Counts(hits=1), "other": FIRST}))
    for window in windows:
        read = counters.read(window)
        assert read["ns"] == Counts(hits=1, missed_absent=2, last_hit_us=40)
        assert type(read["ns"].hits) is int
        assert read["other"] == FIRST.plus(FIRST)


def test_a_damaged_last_hit_is_replaced_by_the_next(
    counters: CounterDatabase, tmp_path: Path, clock: Clock
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}))
    damage(tmp_path / "cache", "UPDATE counters SET last_hit_us = ?", "zz")
    counters.add(Batch("a", 2, clock(), {"ns": Counts(hits=1, last_hit_us=60)}))
    assert counters.read(Window(None, None, clock()))["ns"].last_hit_us == 60


def test_what_is_no_number_of_a_batch_keeps_no_later_one_away(
    counters: CounterDatabase, tmp_path: Path, clock: Clock
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}))
    damage(tmp_path / "cache", "UPDATE clients SET sequence = ?", "zz")
    for sequence in (2, 2, 3):
        counters.add(Batch("a", sequence, clock(), {"ns": FIRST}))
    assert counters.read(Window(None, None, clock()))["ns"].hits == 9


def test_an_amount_that_nobody_can_have_counted_is_left_out(
    counters: CounterDatabase, clock: Clock
):
    counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=2**63 - 1, missed_absent=-5, sets=1)}))
    assert counters.read(Window(None, None, clock()))["ns"] == Counts(sets=1)


def test_a_database_that_another_process_is_about_to_make_is_not_damaged(tmp_path: Path):
    """Nothing is in it yet, and nobody can have it just now."""
    directory = tmp_path / "cache"
    claim(directory)
    create_private(directory / "counters.db")
    with closing(sqlite3.connect(directory / "counters.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        counters = CounterDatabase(directory, timeout=0.1)
        with pytest.raises(BackendBusy):
            counters.read(Window.last(None, 0.0))
        other.execute("ROLLBACK")
    assert counters.read(Window.last(None, 0.0)) == {}
    counters.close()
    assert not list(directory.glob("*damaged*"))


def test_what_an_older_version_counted_is_kept_and_its_misses_have_no_reason(
    counters: CounterDatabase, tmp_path: Path, clock: Clock
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}))
    counters.close()
    damage(tmp_path / "cache", "ALTER TABLE counters DROP COLUMN since")
    damage(tmp_path / "cache", "ALTER TABLE counters DROP COLUMN missed_expired")
    counters.add(Batch("a", 2, clock(), {"ns": Counts(missed_expired=1), "new": FIRST}))

    found = counters.series(Window.last(60, clock()), 1)
    assert found["ns"].total == FIRST.plus(Counts(missed_expired=1))
    assert (found["ns"].since, found["new"].since) == (None, clock())
    assert found["ns"].parts == [found["ns"].total]


def left_by_an_older_version(directory: Path, clock: Clock) -> None:
    """Leave a database that lacks what is counted since."""
    database = CounterDatabase(directory)
    database.add(Batch("a", 1, clock(), {"ns": FIRST}))
    database.close()
    for column in ("since", "missed_expired"):
        damage(directory, f"ALTER TABLE counters DROP COLUMN {column}")
    for table in ("times", "missed"):
        damage(directory, f"DROP TABLE {table}")


def reads_what_was_counted(directory: Path, clock: Clock) -> None:
    window, database = Window.last(60, clock()), CounterDatabase(directory)
    assert database.read(window) == {"ns": FIRST}
    assert database.series(window, 1)["ns"].since is None
    assert not database.sketches(window, ["ns"])["ns"].missed
    assert database.look() == []
    database.close()
    assert not list(directory.glob("*damaged*"))


def test_what_an_older_version_counted_is_read_on_a_medium_that_is_only_read(
    tmp_path: Path, clock: Clock
):
    left_by_an_older_version(tmp_path / "cache", clock)
    with only_read(tmp_path / "cache", tmp_path / "medium") as medium:
        reads_what_was_counted(medium, clock)


def test_what_an_older_version_counted_is_read_on_a_full_disk_and_kept(
    tmp_path: Path, clock: Clock
):
    with small(tmp_path / "disk", "size=1m") as disk:
        left_by_an_older_version(disk / "cache", clock)
        take_all_bytes(disk)
        reads_what_was_counted(disk / "cache", clock)


def test_a_column_whose_name_has_a_capital_by_damage_is_there(
    counters: CounterDatabase, tmp_path: Path, clock: Clock
):
    """A bit was another one."""
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}))
    counters.close()
    damage(tmp_path / "cache", "ALTER TABLE counters RENAME COLUMN last_hit_us TO lAst_hit_us")
    counters.add(Batch("a", 2, clock(), {"ns": FIRST}))
    assert counters.read(Window.last(None, clock())) == {"ns": FIRST.plus(FIRST)}


def test_what_an_older_version_adds_meanwhile_is_counted_as_misses_without_a_reason(
    counters: CounterDatabase, tmp_path: Path, clock: Clock
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}))
    damage(tmp_path / "cache", "UPDATE counters SET misses = misses + 5, hits = hits + 1")
    assert counters.read(Window.last(None, clock()))["ns"].misses == FIRST.misses + 5


def test_processes_bring_what_an_older_version_left_up_to_date_at_once(tmp_path: Path):
    """Whoever comes second finds it done."""
    older = CounterDatabase(tmp_path / "cache")
    older.add(Batch("a", 1, 0.0, {"ns": FIRST}))
    older.close()
    for name in ("since", "missed_error", "missed_evicted", "missed_bypassed"):
        damage(tmp_path / "cache", f"ALTER TABLE counters DROP COLUMN {name}")
    caches = [CounterDatabase(tmp_path / "cache") for _ in range(8)]
    begin, failures = threading.Barrier(len(caches)), list[Exception]()

    def add(number: int) -> None:
        begin.wait()
        try:
            caches[number].add(Batch(f"b{number}", 1, 1.0, {"ns": FIRST}))
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(len(caches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert caches[0].read(Window.last(None, 2.0))["ns"].hits == 9 * FIRST.hits
    for cache in caches:
        cache.close()


@pytest.mark.parametrize("value", ["foo", -1.0, 1e300, b"x"], ids=repr)
def test_since_when_it_counts_is_not_known_where_that_was_damaged(
    counters: CounterDatabase, tmp_path: Path, clock: Clock, value: object
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}))
    damage(tmp_path / "cache", "UPDATE counters SET since = ?", value)

    assert counters.series(Window.last(60, clock()), 1)["ns"].since is None


SKETCH = Sketch({"hit": {-5: 2}, "miss": {}, "load": {7: 1}}, {"a": 3, "b": 1})


@pytest.mark.parametrize("value", ["foo", -7, 2**62, 1.5, b"x"], ids=repr)
def test_damaged_sketches_count_from_nothing(
    counters: CounterDatabase, tmp_path: Path, clock: Clock, value: object
):
    for sequence in (1, 2):
        counters.add(Batch("a", sequence, clock(), {"ns": FIRST}, {"ns": SKETCH}))
        if sequence == 1:
            damage(tmp_path / "cache", "UPDATE missed SET count = ? WHERE key = 'a'", value)
            damage(tmp_path / "cache", "UPDATE times SET count = ? WHERE place = -5", value)

    found = counters.sketches(Window.last(60, clock()), ["ns", "other"])
    assert found["ns"].missed == {"a": 3, "b": 2}
    assert found["ns"].times == {"hit": {-5: 2}, "miss": {}, "load": {7: 2}}
    assert not any((found["other"].missed, *found["other"].times.values()))


@pytest.mark.parametrize("value", [b"ns", b"\xff"], ids=repr)
def test_a_name_that_is_no_text_is_not_told(
    counters: CounterDatabase, tmp_path: Path, clock: Clock, value: bytes
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST, "other": FIRST}))
    damage(tmp_path / "cache", "UPDATE counters SET namespace = ? WHERE namespace = 'ns'", value)

    for window in (Window.last(None, clock()), Window.last(60, clock())):
        assert counters.read(window) == {"other": FIRST}
        assert counters.series(window, 1).keys() == {"other"}


def test_buckets_that_were_damaged_add_to_the_part_in_which_they_are(
    counters: CounterDatabase, tmp_path: Path, clock: Clock
):
    for sequence, at in ((1, clock()), (2, clock() - 60)):
        counters.add(Batch("a", sequence, at, {"ns": FIRST}))
    halved = "UPDATE counters SET bucket = bucket + 0.5 WHERE width = 60 AND bucket <= ?"
    damage(tmp_path / "cache", halved, clock() - 60)

    window = Window.last(3600, clock())
    (part,) = counters.series(window, 1)["ns"].parts
    assert part == counters.read(window)["ns"] == FIRST.plus(FIRST)


@pytest.mark.parametrize("place", [2**62, -(2**62), 749, "7", 1.5, b"7"], ids=repr)
def test_times_in_no_bucket_of_ours_are_none(
    counters: CounterDatabase, tmp_path: Path, clock: Clock, place: object
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}, {"ns": SKETCH}))
    damage(tmp_path / "cache", "UPDATE times SET place = ? WHERE place = -5", place)

    times = counters.sketches(Window.last(60, clock()), ["ns"])["ns"].times
    assert times["hit"] == ({7: 2} if place == "7" else {})  # which SQLite takes for a number
    assert times["load"] == {7: 1}


@pytest.mark.parametrize("value", [None, -(2**63), -1e308, 1.5, "foo", b"x"], ids=repr)
def test_what_a_key_began_with_counts_as_nothing_where_that_was_damaged(
    counters: CounterDatabase, tmp_path: Path, clock: Clock, value: object
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}, {"ns": SKETCH}))
    damage(tmp_path / "cache", "UPDATE missed SET begun_with = ?", value)

    assert counters.sketches(Window.last(60, clock()), ["ns"])["ns"].missed == SKETCH.missed


def test_keys_that_are_no_texts_are_not_told_and_take_no_place(
    counters: CounterDatabase, tmp_path: Path, clock: Clock
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}, {"ns": SKETCH}))
    damage(tmp_path / "cache", "UPDATE missed SET key = ? WHERE key = 'a'", b"a")

    assert counters.sketches(Window.last(60, clock()), ["ns"])["ns"].missed == {"b": 1}
    counters.add(Batch("a", 2, clock(), {"ns": FIRST}, {"ns": SKETCH}))
    with closing(sqlite3.connect(tmp_path / "cache" / "counters.db")) as connection:
        keys = connection.execute("SELECT key FROM missed ORDER BY key").fetchall()
    assert keys == [("a",), ("b",)]


def test_a_batch_that_comes_again_adds_no_sketch(counters: CounterDatabase, clock: Clock):
    for _ in range(3):
        counters.add(Batch("a", 1, clock(), {"ns": FIRST}, {"ns": SKETCH}))

    assert counters.sketches(Window.last(60, clock()), ["ns"])["ns"].missed == SKETCH.missed


@pytest.mark.parametrize("remove", ["forget", "reset"])
def test_what_cannot_be_deleted_whole_stays_whole(
    counters: CounterDatabase, tmp_path: Path, clock: Clock, remove: str
):
    """An error in the midst of it, as a full disk is one: no key is told without its misses."""
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}, {"ns": SKETCH}))
    refusal = "BEFORE DELETE ON missed BEGIN SELECT RAISE(ABORT, 'no room'); END"
    damage(tmp_path / "cache", f"CREATE TRIGGER refused {refusal}")
    with pytest.raises(BackendError):
        counters.forget("ns") if remove == "forget" else counters.reset()
    assert counters.read(Window.last(60, clock())) == {"ns": FIRST}
    assert counters.sketches(Window.last(60, clock()), ["ns"])["ns"].missed == SKETCH.missed


def test_sketches_are_gone_with_their_ring_and_with_their_namespace(
    counters: CounterDatabase, tmp_path: Path, clock: Clock
):
    counters.add(Batch("a", 1, clock(), {"ns": FIRST}, {"ns": SKETCH}))
    clock.advance(SKETCHED.span + 2 * SKETCHED.width)
    counters.add(Batch("a", 2, clock(), {"ns": FIRST}, {"ns": SKETCH}))
    with closing(sqlite3.connect(tmp_path / "cache" / "counters.db")) as connection:
        buckets = connection.execute("SELECT DISTINCT bucket FROM missed").fetchall()
    assert buckets == [(SKETCHED.bucket(clock()),)]

    counters.forget("ns")
    assert not counters.sketches(Window.last(60, clock()), ["ns"])["ns"].missed
