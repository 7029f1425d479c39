"""`stats --reset`."""

import json

import pytest


@pytest.fixture
def used(shared):
    """Two namespaces that hold an entry each, and have counted something."""
    tool = shared.having(TERM="xterm")
    with tool.open() as cache:
        for name in ("a", "b"):
            cache.namespace(name).set("k", "v", cost="0.5")
            cache.namespace(name).get("k")
            cache.namespace(name).get("none")
    return tool


def counted(tool) -> dict[str, tuple[int, int, int]]:
    document = json.loads(tool("stats", "-f", "json").out)
    return {
        name: (each["hits"], each["misses"], each["entries"])
        for name, each in document["namespaces"].items()
    }


def test_a_namespace_begins_to_count_anew_and_keeps_its_entries(used):
    ended = used("stats", "a", "--reset", "--yes")
    assert (ended.code, ended.raw) == (0, b"")
    assert ended.err == "counting begins anew in a\n"
    assert counted(used) == {"a": (0, 0, 1), "b": (1, 1, 1)}
    assert json.loads(used("stats", "a", "--since", "1h", "-f", "json").out)["totals"]["hits"] == 0
    used("get", "a", "k")
    assert counted(used)["a"] == (1, 0, 1)


def test_all_of_them_begin_anew_if_none_is_named(used):
    ended = used("stats", "--reset", "--yes", "-f", "json")
    assert json.loads(ended.out) == {"schema": "cachectl.reset/1", "namespaces": ["a", "b"]}
    assert counted(used) == {"a": (0, 0, 1), "b": (0, 0, 1)}


def test_it_asks_after_showing_what_would_be_lost(used):
    with used.on_terminal("stats", "--reset") as terminal:
        terminal.wait_for(b"[y/N] ").type(b"n\n")
        ended = terminal.end()
    assert ended.code == 6
    assert b"namespace" in ended.raw
    assert counted(used)["a"] == (1, 1, 1)
    with used.on_terminal("stats", "--reset") as terminal:
        terminal.wait_for(b"entries stay. [y/N] ").type(b"y\n")
        assert terminal.end().code == 0
    assert counted(used)["a"] == (0, 0, 1)


def test_nobody_is_asked_where_nobody_is(used):
    ended = used("stats", "--reset")
    assert (ended.code, ended.err) == (6, "cachectl: nobody to ask here: say --yes\n")
    assert used("stats", "nosuch", "--reset", "--yes").code == 3
    assert used("stats", "--reset", "--since", "1h", "--yes").code == 2
    assert counted(used)["a"] == (1, 1, 1)


def test_what_applications_hold_in_memory_is_out_of_reach(tool):
    ended = tool.having(CACHECTL_BACKEND="memory")("stats", "--reset", "--yes")
    assert ended.code == 6
    assert "no counter was reset" in ended.err
