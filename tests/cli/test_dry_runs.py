"""`--dry-run` and `inspect`: they change nothing."""

import sqlite3
from contextlib import closing

import pytest

LOOKS = [
    ["cleanup", "--older-than", "30m", "--max-entries", "3", "--dry-run"],
    ["cleanup", "--max-bytes", "200", "--dry-run"],
    ["clear", "users", "--dry-run"],
    ["clear", "--all", "--dry-run"],
    ["clear", "users", "--match", "k*", "--dry-run"],
    ["clear", "users", "--key", "k1", "--dry-run"],
    ["inspect", "users"],
    ["inspect", "users", "--tag", "t"],
    ["inspect", "users", "k1"],
]


@pytest.fixture(params=["lru", "lrfu"])
def filled(shared, request):
    """A cache with a history, where much is old and some has expired."""
    for ago in (7200, 3600, 0):
        with shared.open(ago=ago) as cache:
            users = cache.namespace("users", eviction=request.param, max_entries=20)
            for number in range(30):
                users.set(f"k{number % 25}", "v" * number, ttl="1h", tags=["t"] * (number % 2))
                users.get(f"k{number % 7}")
    return shared


def test_looking_changes_nothing(filled, redis_server):
    """No entry, no time of use, no score and no counter is another afterwards."""

    def state():
        if "CACHECTL_BACKEND" in filled.variables:
            with redis_server.client() as client:
                return {key: client.dump(key) for key in client.scan_iter()}
        found = {}
        for path in filled.directory.glob("*.db"):
            with closing(sqlite3.connect(path)) as connection:
                found[path.name] = list(connection.iterdump())
        return found

    before = state()
    for arguments in LOOKS:
        assert filled(*arguments).code == 0
    assert state() == before
