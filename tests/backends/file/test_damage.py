"""Damage to the files of a cache: a miss, or an error that says so, but never a wrong value."""

import random
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from cachectl import MISSING, BackendError
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

VALUES = {f"k{i}": f"value {i} " * 30 for i in range(30)} | {"large": "x" * 1_100_000}
FLIPS = 150


@pytest.fixture
def healthy(opener: Opener, tmp_path: Path) -> Path:
    """The directory of a closed cache with VALUES in it."""
    with opener() as cache:
        users = cache.namespace("users")
        for key, value in VALUES.items():
            users.set(key, value, tags=["t"])
    copy = tmp_path / "healthy"
    shutil.copytree(opener.directory, copy)
    return copy


def restore(healthy: Path, directory: Path) -> None:
    shutil.rmtree(directory)
    shutil.copytree(healthy, directory)


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes((byte ^ (1 << at % 8),)))


def read_all(opener: Opener, *, strict: bool) -> int:
    """Look everything up and return how much was missed; whatever is found must be right."""
    missed = 0
    cache = opener(strict=strict)
    users = cache.namespace("users")
    for key, value in VALUES.items():
        try:
            found = users.get(key)
        except BackendError:
            assert strict
            found = MISSING
        assert found in (value, MISSING)
        missed += found is MISSING
    with suppress(BackendError):  # it may be unable to note what was used
        cache.close()
    return missed


@pytest.mark.parametrize("strict", [True, False])
def test_a_flipped_bit_of_the_database_never_gives_a_wrong_value(
    opener: Opener, healthy: Path, strict
):
    chance = random.Random(strict)
    database = opener.directory / "cache.db"
    missed = 0
    for _ in range(FLIPS):
        restore(healthy, opener.directory)
        flip(database, chance.randrange(database.stat().st_size))
        missed += read_all(opener, strict=strict)
    assert missed


def test_a_flipped_bit_of_a_value_file_is_a_miss_and_an_error(opener: Opener, healthy: Path):
    chance = random.Random(0)
    (name,) = (path.relative_to(healthy) for path in healthy.glob("??/*.val"))
    cache = opener()
    users = cache.namespace("users")
    for _ in range(50):
        shutil.copy(healthy / name, opener.directory / name)
        flip(opener.directory / name, chance.randrange(1_100_000))
        assert users.get("large") is MISSING
    assert cache.stats().namespaces["users"].errors == 50


@pytest.mark.parametrize("keep", [0, 1, 100, 4096, 10_000])
@pytest.mark.parametrize("strict", [True, False])
def test_a_truncated_database_never_gives_a_wrong_value(
    opener: Opener, healthy: Path, keep, strict
):
    with (opener.directory / "cache.db").open("r+b") as file:
        file.truncate(keep)
    assert read_all(opener, strict=strict) > 0


@pytest.mark.parametrize("content", [b"\x89PNG\r\n" * 1000, b"", b"SQLite format 3\0" * 300])
def test_something_else_in_place_of_the_database_is_survived(
    opener: Opener, healthy: Path, content
):
    (opener.directory / "cache.db").write_bytes(content)
    assert read_all(opener, strict=False) == len(VALUES)
    cache = opener(strict=False)
    users = cache.namespace("users")
    assert users.get_or_load("k1", lambda: "fresh") == "fresh"


def test_an_empty_database_is_made_anew(opener: Opener, healthy: Path):
    (opener.directory / "cache.db").write_bytes(b"")
    users = opener().namespace("users")
    assert users.get("k1") is MISSING
    assert users.set("k1", "new")
    assert users.get("k1") == "new"


def test_entries_swapped_between_keys_or_namespaces_are_misses(opener: Opener):
    cache = opener()
    cache.namespace("users").set("a", "alice")
    cache.namespace("users").set("b", "bob")
    cache.namespace("admins").set("a", "root")
    connection = sqlite3.connect(opener.directory / "cache.db")
    rows = dict(connection.execute("SELECT id, value FROM entries").fetchall())
    with connection:
        for id_, other in ((1, 2), (2, 3)):
            connection.execute("UPDATE entries SET value = ? WHERE id = ?", (rows[other], id_))
    connection.close()
    assert cache.namespace("users").get("a") is MISSING
    assert cache.namespace("users").get("b") is MISSING
    assert cache.namespace("admins").get("a") == "root"
    assert cache.stats().totals.errors == 2


def test_damaged_entries_are_listed_and_go_like_others(opener: Opener):
    cache = opener()
    users = cache.namespace("users")
    users.set("a", "alice", tags=["t"])
    users.set("b", "bob")
    connection = sqlite3.connect(opener.directory / "cache.db")
    with connection:
        connection.execute("UPDATE entries SET value = x'00' WHERE key = 'a'")
    connection.close()
    assert [(listed.key, listed.entry is None) for listed in users.entries()] == [
        ("a", True), ("b", False),
    ]  # fmt: skip
    assert users.invalidate(tag="t").entries == 1
    assert [listed.key for listed in users.entries()] == ["b"]
