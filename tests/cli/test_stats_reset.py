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
    assert json.loads(ended.out) == {
        "schema": "cachectl.reset/1", "dry_run": False, "namespaces": ["a", "b"],
    }  # fmt: skip
    assert counted(used) == {"a": (0, 0, 1), "b": (0, 0, 1)}


def test_it_asks_after_showing_what_would_be_lost(used):
    with used.on_terminal("stats", "--reset") as terminal:
        terminal.wait_for(b"[y/N] ").type(b"n\n")
        ended = terminal.end()
    assert ended.code == 6
    assert b"namespace" in ended.raw
    assert ended.raw.endswith(b"cachectl: no counter was reset\r\n")
    assert counted(used)["a"] == (1, 1, 1)
    with used.on_terminal("stats", "--reset") as terminal:
        terminal.wait_for(b"entries stay. [y/N] ").type(b"y\n")
        assert terminal.end().code == 0
    assert counted(used)["a"] == (0, 0, 1)


def test_a_dry_run_shows_it_and_resets_nothing(used):
    ended = used("stats", "a", "--reset", "--dry-run")
    assert (ended.code, ended.lines[-1].split()[:3]) == (0, ["total", "1", "1"])
    document = json.loads(used("stats", "a", "--reset", "-n", "-f", "json").out)
    assert document == {"schema": "cachectl.reset/1", "dry_run": True, "namespaces": ["a"]}
    assert counted(used)["a"] == (1, 1, 1)
    assert used("stats", "-n").code == 2


def test_nobody_is_asked_where_nobody_is(used):
    ended = used("stats", "a", "--reset")
    assert (ended.code, ended.raw) == (6, b"")
    assert ended.err.startswith("cachectl: refused: nobody can be asked about the counts of a\n")
    assert "  do    cachectl stats a --reset --yes\n" in ended.err
    assert used("stats", "nosuch", "--reset", "--yes").code == 3
    assert used("stats", "--reset", "--since", "1h", "--yes").code == 2
    assert counted(used)["a"] == (1, 1, 1)


def test_many_are_counted_and_of_none_nobody_is_asked(tool):
    nobody = tool("stats", "--reset")
    assert (nobody.code, nobody.err) == (0, "counting begins anew in no namespace\n")
    with tool.open() as cache:
        for number in range(6):
            cache.namespace(f"n{number}").get("k")
    refused = tool("stats", "--reset")
    assert refused.err.startswith(
        "cachectl: refused: nobody can be asked about the counts of 6 namespaces\n"
    )


def test_what_applications_hold_in_memory_is_out_of_reach(tool):
    ended = tool.having(CACHECTL_BACKEND="memory")("stats", "--reset", "--yes")
    assert ended.code == 6
    assert "no counter was reset" in ended.err
