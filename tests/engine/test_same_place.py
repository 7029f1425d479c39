"""Caches of one process on one place know of each other's changes."""

from cachectl import Cache


def test_a_change_through_another_cache_on_the_same_place_reaches_a_load(tmp_path):
    one, two = Cache.open(directory=tmp_path / "c"), Cache.open(directory=tmp_path / "c")

    def load() -> str:
        two.namespace("users").set_many({"k": "newer"})
        return "older"

    assert one.namespace("users").get_or_load("k", load) == "older"
    assert one.namespace("users").get("k") == "newer"
    one.close()
    two.close()
