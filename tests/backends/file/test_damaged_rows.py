"""What is damaged in a row concerns that row alone, and totals are right again after a cleanup."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from cachectl import Cache
from cachectl._admin.entries import listed
from cachectl._admin.filters import Filters
from cachectl._admin.listing import Listing, Row
from cachectl._cli.output.entry_tables import listing
from cachectl._cli.output.glyphs import UNICODE
from cachectl._engine.namespace import Namespace
from cachectl.testing import Clock
from tests.support.home import ROOT
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

LIMIT = 5
DAMAGED = [
    "key = CAST(x'ff6b' AS TEXT)", "size = size | (1 << 60)", "size = -1", "size = 'size'",
    "used_at = used_at | (1 << 62)", "used_at = 'time'", "used_at = -1", "expires_at = 'time'",
    "due_at = 'time'", "expires_at = 1 << 62", "filename = CAST(x'ff' AS TEXT)",
]  # fmt: skip
"""What may happen to a row."""


@pytest.fixture
def connection(opener: Opener) -> Iterator[sqlite3.Connection]:
    """A connection to spoil a full namespace with."""
    with opener() as cache:
        fill(cache.namespace("users", max_entries=LIMIT))
    opened = sqlite3.connect(opener.directory / "cache.db", isolation_level=None)
    yield opened
    opened.close()


def fill(users: Namespace) -> None:
    for number in range(LIMIT):
        users.set(f"k{number}", "value", ttl="1d", tags=["t"])


def truth(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many entries there are, and their bytes."""
    sizes = connection.execute("SELECT length(value) FROM entries").fetchall()
    return len(sizes), sum(size for (size,) in sizes)


def told(cache: Cache) -> tuple[int, int]:
    """Return what the cache says of that."""
    return cache.usage()["users"][:2]


def rows_of(cache: Cache, tag: str | None) -> Iterator[Row]:
    """Yield what `inspect` lists."""
    filters = Filters.parse([] if tag is None else [f"tag={tag}"])
    return Listing(cache, ["users"], filters, time.time()).rows()


def table(rows: Iterator[Row], now: float) -> list[object]:
    """Return the lines of its table."""
    return list(listing(rows, now, 80, UNICODE, several=False))


@pytest.mark.parametrize("damage", DAMAGED)
def test_beside_a_damaged_row_all_others_are_read_listed_written_and_removed(
    opener: Opener, connection: sqlite3.Connection, clock: Clock, damage
):
    connection.execute(f"UPDATE entries SET {damage} WHERE key = 'k0'")
    cache = opener()
    users = cache.namespace("users", max_entries=LIMIT)
    for tag in (None, "t"):
        assert {"k1", "k2", "k3", "k4"} <= {info.key for info in users.entries(tag)}
        json.dumps([listed(row) for row in rows_of(cache, tag)])
        assert len(table(rows_of(cache, tag), clock())) >= LIMIT
    assert users.get("k4") == "value"
    clock.advance(2)
    assert users.set("new", "value")
    assert users.delete("k4")
    assert told(cache)[0] == truth(connection)[0] == LIMIT - 1
    fill(users)
    assert cache.stats().namespaces["users"].entries == LIMIT
    users.clear()
    assert told(cache) == truth(connection) == (0, 0)


@pytest.mark.parametrize("damage", ["size | (1 << 60)", "size | (1 << 20)", "-1", "'size'"])
def test_a_damaged_size_does_not_change_the_totals(
    opener: Opener, connection: sqlite3.Connection, damage
):
    connection.execute(f"UPDATE entries SET size = {damage} WHERE key = 'k0'")
    cache = opener()
    users = cache.namespace("users", max_entries=LIMIT)
    assert {info.size for info in users.entries()} == {truth(connection)[1] // LIMIT}
    users.delete("k0")
    assert told(cache) == truth(connection)


@pytest.mark.parametrize(
    "damage",
    ["bytes = -1", "bytes = 1 << 60", "bytes = 'many'", "entries = -1", "entries = 'many'"],
)
def test_totals_that_cannot_be_are_counted_anew_by_the_next_write(
    opener: Opener, connection: sqlite3.Connection, damage
):
    connection.execute(f"UPDATE namespaces SET {damage}")
    cache = opener()
    assert min(told(cache)) >= 0
    assert cache.namespace("users", max_entries=LIMIT, max_bytes="1MB").set("new", "value")
    assert told(cache) == truth(connection)
    assert told(cache)[0] == LIMIT


@pytest.mark.parametrize(
    "damage", ["bytes = bytes + 4096", "entries = entries - 1", "file_bytes = 5000"]
)
def test_a_cleanup_counts_anew_also_what_could_be(
    opener: Opener, connection: sqlite3.Connection, damage
):
    before = connection.execute("SELECT * FROM namespaces").fetchall()
    connection.execute(f"UPDATE namespaces SET {damage}")
    cache = opener()
    cache.cleanup()
    assert connection.execute("SELECT * FROM namespaces").fetchall() == before


def test_a_value_in_a_file_whose_size_is_damaged_is_right_after_a_cleanup(opener: Opener):
    cache = opener()
    users = cache.namespace("users")
    users.set("large", b"x" * 2_000_000)
    users.set("small", "value")
    with sqlite3.connect(opener.directory / "cache.db") as connection:
        connection.execute("UPDATE entries SET size = size | (1 << 60) WHERE key = 'large'")
    users.delete("large")
    assert min(told(cache)) >= 0
    cache.cleanup()
    assert told(cache) == truth(connection)
    connection.close()


def test_whatever_bit_is_flipped_in_the_header_of_an_envelope_listings_go_on(
    opener: Opener, connection: sqlite3.Connection, clock: Clock
):
    select = "SELECT value FROM entries WHERE key = 'k0'"
    (value,) = connection.execute(select).fetchone()
    cache = opener()
    for bit in range(8 * (len(value) - len("value"))):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        connection.execute("UPDATE entries SET value = ? WHERE key = 'k0'", (bytes(flipped),))
        assert len(json.dumps([listed(row) for row in rows_of(cache, None)])) > LIMIT
        assert len(table(rows_of(cache, None), clock())) == LIMIT + 1


@pytest.mark.parametrize("options", [{}, {"older_than": 5}, {"max_entries": 2}, {"max_bytes": 90}])
@pytest.mark.parametrize("damage", [*DAMAGED, "value = x'00'", "value = 'text'", "value = NULL"])
def test_a_dry_run_equals_the_run_beside_a_damaged_row(
    opener: Opener, connection: sqlite3.Connection, clock: Clock, damage, options
):
    connection.execute(f"UPDATE entries SET {damage} WHERE key = 'k0'")
    for seconds in (10, 86_400):
        clock.advance(seconds)
        cache = opener()
        foretold = cache.plan_cleanup(**options).dry_run()
        held = told(cache)
        assert cache.cleanup(**options) == foretold
        left = told(cache)
        gone = held[0] - left[0], held[1] - left[1]
        assert gone == foretold.removed() or damage.startswith("value")  # then a total was wrong
        fill(cache.namespace("users"))


@pytest.mark.parametrize("most", [0, 2, 4])
@pytest.mark.parametrize("gone", ["key = 'k1'", "segment = 0", "1"])
def test_what_lost_its_rank_is_listed_and_goes_last(
    opener: Opener, connection: sqlite3.Connection, gone, most
):
    cache = opener()
    users = cache.namespace("users", eviction="lrfu", ttl="none")
    fill(users)
    connection.execute(f"DELETE FROM lrfu_ranks WHERE {gone}")
    before = [entry.key for entry in users.entries()]
    assert sorted(before) == [f"k{number}" for number in range(LIMIT)]
    foretold = cache.plan_cleanup(max_entries=most).dry_run()
    assert cache.cleanup(max_entries=most) == foretold
    assert [entry.key for entry in users.entries()] == before[LIMIT - most :]


def test_a_row_that_is_larger_than_any_of_ours_takes_no_memory(
    opener: Opener, connection: sqlite3.Connection, clock: Clock
):
    """Measured in a process of its own: what SQLite takes is no memory of Python's."""
    connection.execute("UPDATE entries SET value = zeroblob(200000000) WHERE key = 'k0'")
    program = f"""
from resource import RUSAGE_SELF, getrusage
from cachectl import Cache, MISSING
from cachectl._config import load
settings = load(overrides={{"backend": "file", "file.directory": {str(opener.directory)!r}}}, environ={{}})
with Cache.of(settings, clock=lambda: {clock()}) as cache:
    users = cache.namespace("users")
    assert users.get("k1") == "value"
    before = getrusage(RUSAGE_SELF).ru_maxrss
    assert users.get("k0") is MISSING
    assert len(list(users.entries())) == len(list(users.entries("t"))) == {LIMIT}
    cache.stats(), cache.usage(), cache.cleanup(), users.delete("k0")
    assert users.stats().entries == {LIMIT - 1}
    print(getrusage(RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.check_output([sys.executable, "-c", program], text=True, cwd=ROOT)
    assert int(grown) < 50_000  # KiB
