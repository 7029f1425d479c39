"""What evictions by `lrfu` go by, where that is damaged."""

import sqlite3
from contextlib import closing

import pytest

from tests.support.openers import Opener

LIMIT = 5
RANKS = [
    "lrfu_states SET clock = 'x'", "lrfu_states SET share = x'00'", "lrfu_states SET entered = ''",
    "lrfu_states SET in_window = 'x'", "lrfu_states SET window_ghosts = 'x'",
    "lrfu_ranks SET score = 'x'", "lrfu_ranks SET position = x'00'",
]  # fmt: skip
"""What may happen to what evictions go by."""


@pytest.mark.parametrize("opener", ["file"], indirect=True)
@pytest.mark.parametrize("damage", RANKS)
def test_where_ranks_are_damaged_they_begin_anew_and_no_other_namespace_waits(
    opener: Opener, damage
):
    with opener() as cache:
        for name in ("users", "others"):
            users = cache.namespace(name, max_entries=LIMIT, eviction="lrfu")
            users.set_many({f"k{number}": "value" for number in range(LIMIT)})
    with closing(sqlite3.connect(opener.directory / "cache.db", isolation_level=None)) as opened:
        opened.execute(
            f"UPDATE {damage} WHERE namespace_id = (SELECT id FROM namespaces WHERE name = 'users')"
        )
    cache = opener()
    for name in ("users", "others"):
        users = cache.namespace(name, max_entries=LIMIT, eviction="lrfu")
        assert users.get("k1") == "value"
        cache.flush()
        for number in range(20):
            assert users.set(f"new{number}", number)
        assert len(list(users.entries())) == users.stats().entries == LIMIT
