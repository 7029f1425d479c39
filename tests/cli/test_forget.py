"""`forget`."""

import json

import pytest


@pytest.fixture
def mistyped(shared):
    """A namespace with an entry, and two that hold nothing: one was looked up, one emptied."""
    with shared.open() as cache:
        cache.namespace("prompts").set("k", "v")
        cache.namespace("promts").get("k")
        cache.namespace("emptied", eviction="lrfu", max_entries=2).set_many(
            {"a": 1, "b": 2, "c": 3}
        )
        cache.namespace("emptied").clear()
    return shared


def known(tool):
    with tool.open() as cache:
        return sorted(
            {*cache.stats().namespaces, *cache.stats(since="1h").namespaces, *cache.usage()}
        )


def test_forgets_what_holds_nothing(mistyped):
    """The namespaces and all that was counted of them are gone; what they are called can be used."""
    ended = mistyped("forget", "promts", "emptied", "--yes", "--format", "json")

    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {
        "schema": "cachectl.forget/1", "dry_run": False, "namespaces": ["promts", "emptied"]
    }  # fmt: skip
    assert known(mistyped) == ["prompts"]
    with mistyped.open() as cache:
        cache.namespace("emptied").set("d", 4)
        figures = cache.stats().namespaces["emptied"]
        assert (figures.entries, figures.sets, figures.invalidated) == (1, 1, 0)
        assert cache.namespace("prompts").get("k") == "v"


def test_dry_run_and_question(mistyped):
    """Both say what counts would be lost, and nothing is."""
    ended = mistyped("forget", "promts", "--dry-run")
    assert (ended.code, ended.err) == (0, "would forget promts\n")
    assert [line.split() for line in ended.lines[2:]] == [
        ["namespace", "hits", "misses", "sets"], ["promts", "0", "1", "0"]
    ]  # fmt: skip
    refused = mistyped("forget", "promts")
    assert (refused.code, refused.err.splitlines()[0]) == (
        6,
        "cachectl: refused: nobody can be asked about promts, with all counts",
    )
    assert known(mistyped) == ["emptied", "prompts", "promts"]


def test_full_or_unknown_is_refused(mistyped):
    """Then none of those that are named is forgotten."""
    full = mistyped("forget", "promts", "prompts", "--yes")
    assert (full.code, full.err.splitlines()[0]) == (
        6, "cachectl: refused: prompts holds 1 entry: clear it first (cachectl clear prompts)"
    )  # fmt: skip
    unknown = mistyped("forget", "promts", "typo", "--yes")
    assert (unknown.code, unknown.err) == (
        2, "cachectl: no namespace typo: nobody has used or configured it\n"
    )  # fmt: skip
    assert known(mistyped) == ["emptied", "prompts", "promts"]


def test_asks_on_a_terminal(mistyped):
    """Only yes is yes."""
    with mistyped.on_terminal("forget", "promts", columns=40) as terminal:
        terminal.wait_for(b"with all counts? [y/N] ").type(b"n\n")
        ended = terminal.end()
    assert (ended.code, known(mistyped)) == (6, ["emptied", "prompts", "promts"])
    assert ended.raw.endswith(b"cachectl: nothing was forgotten\r\n")
    assert ended.out.splitlines()[0].endswith(" · \x1b[32mok\x1b[0m")
    with mistyped.on_terminal("forget", "promts") as terminal:
        ended = terminal.wait_for(b"with all counts? [y/N] ").type(b"y\n") or terminal.end()

    assert ended.code == 0
    assert known(mistyped) == ["emptied", "prompts"]


def test_redis_keeps_nothing_of_it(on_redis, redis_server):
    """No key is left behind but what tells batches of counts that come twice, which expires."""
    with on_redis.open() as cache:
        cache.namespace("promts").get("k")
    assert on_redis("forget", "promts", "--yes").code == 0

    with redis_server.client() as client:
        left = list(client.scan_iter("*promts*"))
        assert [key for key in left if b":seen:" not in key or client.ttl(key) < 0] == []


def test_memory_of_others_is_out_of_reach(tool):
    """What a running application knows it would publish again."""
    assert tool("--backend", "memory", "forget", "a", "--yes").code == 6
