"""Slots: what is in one stays whatever happens to its process, and what is none of ours is left."""

import _thread
import os
import random
import resource
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cachectl._backends.counter_database import CounterDatabase
from cachectl._metrics.counters import REMEMBERED, Batch, Counts
from cachectl._metrics.outgoing import Outgoing
from cachectl._metrics.slots.directory import SlotDirectory
from cachectl._metrics.slots.keeper import Slots
from cachectl._metrics.slots.layout import HALF_BYTES, NAMESPACES, ROWS, SIZE
from cachectl._metrics.slots.slot import Slot
from cachectl._metrics.windows import Window
from cachectl._metrics.write_behind import CounterBuffer
from cachectl.testing import Clock
from tests.support.processes import wait_until

Uses = list[tuple[str, int]]


class Place:
    """A directory of slots with counters beside it, and processes that use it."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.path = directory / "slots"
        self.clock = clock
        self.store = CounterDatabase(directory / "counters")
        self.touched: list[tuple[str, Uses]] = []

    def slots(self) -> Slots:
        """Return the slots of one process more."""
        return Slots(lambda create: self.path, self.touch, self.clock)

    def touch(self, namespace: str, uses: Uses) -> None:
        self.touched.append((namespace, uses))

    def buffer(self, slots: Slots) -> CounterBuffer:
        return CounterBuffer(self.store, self.clock, slots)

    def leave(self, hits: int) -> None:
        """Leave the slot of a process that counted, and was killed."""
        slots = self.slots()
        self.buffer(slots).counters("users", lambda: None).current().hits += hits
        assert slots.slot
        slots.slot.file.release()

    def collect(self) -> None:
        self.slots().collect_now(self.store)

    def counts(self, since: float | None = None) -> Counts:
        return self.store.read(Window.last(since, self.clock())).get("users", Counts())

    def names(self) -> list[str]:
        return sorted(each.name for each in self.path.iterdir()) if self.path.exists() else []


@pytest.fixture
def place(tmp_path: Path, clock: Clock):
    place = Place(tmp_path, clock)
    yield place
    place.store.close()


def made(slots: Slots) -> Slot:
    slot = slots.open()
    assert slot is not None
    return slot


def test_what_a_process_left_is_counted_at_its_time_and_the_slot_is_gone(place, clock: Clock):
    place.leave(hits=3)
    clock.advance(7200)
    place.collect()
    assert place.counts().hits == 3
    assert place.counts(since=3600.0).hits == 0
    assert not place.path.exists()


def test_a_slot_that_is_held_is_left_alone(place):
    slots = place.slots()
    place.buffer(slots).counters("users", lambda: None).current().hits += 1
    place.collect()
    assert place.counts().hits == 0
    assert len(place.names()) == 1


def test_a_process_goes_on_in_a_slot_that_was_just_left(place, clock: Clock):
    """So short-lived processes, one after the other, leave one slot; all of it is counted once."""
    for _ in range(10):
        place.leave(hits=2)
    assert len(place.names()) == 1
    slots = place.slots()
    buffer = place.buffer(slots)
    buffer.counters("users", lambda: None).current().hits += 5
    buffer.flush()
    assert place.counts().hits == 25
    buffer.flush()
    slots.close()
    place.collect()
    assert place.counts().hits == 25


def test_slots_of_other_minutes_are_left_to_who_writes_them_but_not_without_end(
    place, clock: Clock
):
    for _ in range(100):
        place.leave(hits=1)
        clock.advance(60)
    assert len(place.names()) <= 33
    place.collect()
    assert place.counts().hits == 100


@pytest.mark.parametrize("arrived", [True, False])
def test_a_batch_on_its_way_keeps_its_number_over_any_number_of_ends(place, arrived: bool):
    place.leave(hits=2)
    for _ in range(3):
        (slot,) = SlotDirectory(place.path).left()
        outgoing = Outgoing.of_slot(slot, place.clock())
        slot.begin(outgoing.pending[0])
        if arrived:
            place.store.add(outgoing.pending[0])
        slot.file.release()
        place.leave(hits=3)
    place.collect()
    assert place.counts().hits == 11


def test_a_batch_on_its_way_that_no_store_would_know_again_is_not_sent(place, clock: Clock):
    place.leave(hits=2)
    (slot,) = SlotDirectory(place.path).left()
    outgoing = Outgoing.of_slot(slot, clock())
    slot.begin(outgoing.pending[0])
    place.store.add(outgoing.pending[0])
    slot.file.release()
    clock.advance(REMEMBERED + 60)
    place.store.add(Batch("another", 1, clock(), {"users": Counts(hits=1)}))
    place.collect()
    assert place.counts().hits == 3


def test_more_threads_and_namespaces_than_there_is_room_for_are_counted(place):
    slots = place.slots()
    buffer = place.buffer(slots)
    for number in range(NAMESPACES + 20):
        buffer.counters(f"n{number}", lambda: None).current().hits += 1
    for _ in range(ROWS):
        buffer._make_row("n0").hits += 1
    buffer.flush()
    counted = place.store.read(Window.last(None, place.clock()))
    assert len(counted) == NAMESPACES + 20
    assert sum(counts.hits for counts in counted.values()) == NAMESPACES + 20 + ROWS


def test_uses_are_there_until_they_are_written(place, clock: Clock):
    slots = place.slots()
    slot = made(slots)
    stamp = int(clock() * 1e6)
    slots.note_use("users", "a", stamp - 2)

    def write() -> bool:
        slots.note_use("users", "b", stamp - 1)
        return True

    slots.write_uses(write)
    assert slot.read_uses(clock()) == {"users": [("b", stamp - 1)]}
    with pytest.raises(ZeroDivisionError):
        slots.write_uses(lambda: bool(1 / 0))
    slots.write_uses(lambda: False)
    slots.note_use("users", "c", stamp)
    assert slot.read_uses(clock()) == {"users": [("b", stamp - 1), ("c", stamp)]}
    slot.file.release()
    place.collect()
    assert place.touched == [("users", [("b", stamp - 1), ("c", stamp)])]


def test_uses_beyond_what_there_is_room_for_are_dropped_and_nothing_else(place, clock: Clock):
    slots = place.slots()
    slot = made(slots)
    key = "k" * 1000
    for number in range(2 * HALF_BYTES // 1000):
        slots.note_use("users", f"{key}{number}", number)
    (uses,) = slot.read_uses(clock()).values()
    assert 0.9 < sum(len(key) for key, _ in uses) / HALF_BYTES <= 1
    slots.write_uses(lambda: True)
    assert not slot.uses.any()
    slots.note_use("users", "again", 1)
    assert slot.uses.any()


def test_no_use_is_later_than_now(place, clock: Clock):
    slots = place.slots()
    slots.note_use("users", "a", 2**60)
    made(slots).file.release()
    place.collect()
    assert place.touched == [("users", [("a", int(clock() * 1e6))])]


def flip(file: Path, size: int) -> None:
    with file.open("r+b") as opened:
        at = random.randrange(size)
        opened.seek(at)
        byte = opened.read(1)[0]
        opened.seek(at)
        opened.write(bytes([byte ^ 1 << random.randrange(8)]))


def cut(file: Path) -> None:
    os.truncate(file, random.randrange(SIZE))


def overwrite(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(random.randrange(0, SIZE, 512))
        opened.write(random.randbytes(512))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a bit of its header": lambda file: flip(file, 256),
    "a bit of its names and records": lambda file: flip(file, 4096 + 320),
    "a bit anywhere": lambda file: flip(file, SIZE),
    "half a page": overwrite,
    "its end": cut,
    "all": lambda file: file.write_bytes(random.randbytes(SIZE)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_slot_hurts_nobody(place, damage, clock: Clock):
    for _ in range(40):
        place.leave(hits=1)
        (name,) = place.names()
        DAMAGES[damage](place.path / name)
        slots = place.slots()
        buffer = place.buffer(slots)
        buffer.counters("others", lambda: None).current().hits += 1
        slots.note_use("others", "k", 1)
        buffer.flush()
        slots.close()
        place.collect()
        assert not place.names()
    others = place.store.read(Window.last(None, clock())).get("others", Counts())
    assert others.hits == 40


def test_what_is_none_of_ours_is_left_as_it_is(place, tmp_path: Path):
    place.leave(hits=1)
    (name,) = place.names()
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(SIZE))
    (place.path / "link.slot").symlink_to(secret)
    (place.path / "hard.slot").hardlink_to(secret)
    (place.path / "directory.slot").mkdir()
    os.mkfifo(place.path / "fifo.slot")
    (place.path / "open.slot").write_bytes(bytes(SIZE))
    (place.path / "open.slot").chmod(0o644)
    (place.path / "notes.txt").write_text("mine")
    before = place.names()
    place.collect()
    assert place.counts().hits == 1
    assert place.names() == [other for other in before if other != name]
    assert secret.read_bytes() == bytes(SIZE)


@pytest.mark.parametrize("spoil", ["open to others", "a link", "a file"])
def test_a_directory_that_is_not_ours_alone_has_no_slots(place, tmp_path: Path, spoil):
    if spoil == "open to others":
        place.path.mkdir()
        place.path.chmod(0o755)
    elif spoil == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.path.symlink_to(tmp_path / "elsewhere")
    else:
        place.path.write_text("")
    slots = place.slots()
    buffer = place.buffer(slots)
    buffer.counters("users", lambda: None).current().hits += 1
    slots.note_use("users", "k", 1)
    assert slots.slot is None
    place.collect()
    buffer.flush()
    assert place.counts().hits == 1


def test_without_room_for_a_slot_counts_are_in_memory(place):
    """As on a full disk: a file may have no byte."""
    slots = place.slots()
    buffer = place.buffer(slots)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        row = buffer.counters("users", lambda: None).current()
        slots.note_use("users", "k", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    row.hits += 1
    assert slots.slot is None
    assert not place.names()
    buffer.flush()
    assert place.counts().hits == 1


def test_rows_of_ended_threads_are_taken_on_whoever_started_the_threads(place):
    slots = place.slots()
    counters = place.buffer(slots).counters("users", lambda: None)
    done = threading.Semaphore(0)

    def work() -> None:
        counters.current().hits += 1
        done.release()

    for _ in range(50):
        _thread.start_new_thread(work, ())
        done.acquire()
        wait_until(lambda: bool(counters._spare))
    assert made(slots).totals()["users"].hits == 50
    assert next(made(slots)._rows._next) == 1
