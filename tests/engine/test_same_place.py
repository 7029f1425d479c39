"""Caches of one process on one place know of each other's changes."""

from pathlib import Path

import pytest

from cachectl import Cache

SPELLINGS = {
    "the same": "real/c",
    "over its parent": "real/../real/c",
    "over a link": "link/c",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_change_through_another_cache_on_the_same_place_reaches_a_load(tmp_path: Path, spelling):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    one, two = Cache.open(directory=tmp_path / "real/c"), Cache.open(directory=tmp_path / spelling)

    def load() -> str:
        two.namespace("users").set_many({"k": "newer"})
        return "older"

    assert one.namespace("users").get_or_load("k", load) == "older"
    assert one.namespace("users").get("k") == "newer"
    one.close()
    two.close()
