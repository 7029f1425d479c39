"""`clear`."""

import json
from typing import Any

import pytest

from tests.cli.support.tool import Ended, Tool


@pytest.fixture
def filled(shared):
    """Two namespaces whose keys hold what means something in a glob."""
    with shared.open() as cache:
        for name in ("a", "b"):
            namespace = cache.namespace(name)
            for key in ("user:1", "user:2", "[x]", "*", "a?c", "abc"):
                namespace.set(key, "v", tags=["t"] if key == "abc" else [])
    return shared


def keys(tool: Tool, name: str) -> list[str]:
    with tool.open() as cache:
        return [listed.key for listed in cache.namespace(name).entries()]


def document(ended: Ended) -> Any:
    assert ended.code == 0
    return json.loads(ended.out)


def test_target_is_needed(tool):
    """Nothing is cleared unless it is named."""
    assert tool("clear", "--yes") == (
        6, b"", "cachectl: say what: namespaces, --tag, --match, or --all; see also cleanup\n"
    )  # fmt: skip
    assert tool("clear", "a", "--all", "--yes").code == 2


@pytest.mark.parametrize(
    "target",
    [["a"], ["--all"], ["--tag", "t"], ["--match", "user:*"], ["b", "--match", "a*"]],
    ids=" ".join,
)
def test_dry_run_foretells(filled, target):
    """`--dry-run` removes nothing, and its numbers are those of the real run."""
    foretold = document(filled("clear", *target, "--dry-run", "--format", "json"))
    assert len(keys(filled, "a")) == len(keys(filled, "b")) == 6
    done = document(filled("clear", *target, "--yes", "--format", "json"))

    assert (foretold.pop("dry_run"), done.pop("dry_run")) == (True, False)
    amount = {"entries": done["entries"], "bytes": done["bytes"]}
    assert (foretold.pop("planned"), done.pop("planned")) == (amount, None)
    assert foretold == done
    assert foretold["entries"] > 0
    assert len(keys(filled, "a")) + len(keys(filled, "b")) == 12 - done["entries"]


def test_says_what_would_go(filled):
    """A dry run says how much of what there is; with -v it names some of the keys."""
    with filled.open() as cache:
        cache.namespace("a").set("user:1", "v", cost=0.005, load_seconds=2)
    ended = filled("clear", "a", "--match", "user:?", "--dry-run", "-v")

    assert ended.code == 0
    about, target, heading, *rows = (line.split() for line in ended.lines)
    assert about[:3] in (["#", "cache", "file"], ["#", "cache", "redis"])
    assert " ".join(target).startswith("# clear keys like user:? of a · fresh or expired · dry run")
    assert heading == ["namespace", "entries", "share", "size", "cost-to-remake", "time"]
    assert [[row[0], row[1], row[2], *row[4:]] for row in rows] == [
        ["a", "2", "33.3%", "$0.005", "2.00s"],
        ["total", "2", "16.7%", "$0.005", "2.00s"],
    ]
    *examples, total = ended.err.splitlines()
    assert sorted(examples) == ["  a  user:1", "  a  user:2"]
    assert total.startswith("would remove 2 entries, ")


def test_what_a_dry_run_lists_goes_to_a_pipe(filled):
    """Without a heading, and anything beside it, if it is to be quiet."""
    ended = filled("-q", "clear", "--all", "--dry-run")

    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[:3] for line in ended.lines] == [
        ["namespace", "entries", "share"], ["a", "6", "all"], ["b", "6", "all"], ["total", "12", "all"],
    ]  # fmt: skip


def test_rows_of_json(filled):
    rows = [json.loads(line) for line in filled("clear", "--tag", "t", "-y", "-f", "jsonl").lines]

    assert [(row["schema"], row["namespace"], row["entries"]) for row in rows] == [
        ("cachectl.cleared/1", "a", 1), ("cachectl.cleared/1", "b", 1)
    ]  # fmt: skip


def test_says_which_cache_it_is_about(tool, redis_url):
    """Dry runs and questions begin with backend, place, state and configuration; refusals name them."""
    with tool.open() as cache:
        cache.namespace("a").set("k", "v")
    about = "file ~/.cache/cachectl · {}no configuration, defaults"
    for command in (["clear", "--all"], ["clear", "a"], ["cleanup"]):
        assert tool(*command, "--dry-run").lines[0] == f"# cache   {about.format('ok · ')}"
    for command in (["clear", "a"], ["cleanup", "--max-bytes", "1"]):
        assert tool(*command).err.splitlines()[1] == f"  cache {about.format('')}"

    (tool.home / "cachectl.toml").write_text(
        f"backend = 'redis'\n[redis]\nurl = '{redis_url}'\nprefix = 'mine'\n"
    )
    said = tool("clear", "--all", "--dry-run").lines[0]
    assert said.startswith("# cache   redis ")
    assert said.endswith("/0 prefix mine · empty · ~/cachectl.toml")


def test_a_place_that_holds_nothing_is_said_to(tool):
    """Not that nothing of it was removed."""
    place = ("--directory", "typo")
    for command in (["clear", "--all"], ["cleanup"]):
        ended = tool(*command, "--dry-run", *place)
        assert ended.lines[0] == "# cache   file ~/typo · empty · no configuration, defaults"
        assert ended.err.startswith("nothing is cached in file ~/typo\n")
    assert tool("clear", "--all", "--yes", *place).err == "nothing is cached in file ~/typo\n"
    assert tool("cleanup", *place) == (0, b"", "")


def test_an_empty_cache_may_be_the_wrong_one(tool):
    """Whoever mistypes a directory is told where nothing is."""
    ended = tool("--directory", "typo", "stats")
    assert ended.lines[0] == "# cache   file ~/typo · empty · no configuration, defaults"
    assert ended.err == "Nothing is stored, nothing was looked up yet.\n"
    assert tool("--directory", "typo", "stats", "--format", "json").err == ""


def test_globs(filled):
    """`*`, `?` and `[…]` match; in brackets they stand for themselves; case matters."""
    assert document(filled("clear", "a", "--match", "[*]", "-y", "-f", "json"))["entries"] == 1
    assert keys(filled, "a") == ["user:1", "user:2", "[x]", "a?c", "abc"]
    assert document(filled("clear", "a", "--match", "[[]x]", "-y", "-f", "json"))["entries"] == 1
    assert document(filled("clear", "a", "--match", "A*", "-y", "-f", "json"))["entries"] == 0
    assert document(filled("clear", "a", "--match", "a[?]c", "-y", "-f", "json"))["entries"] == 1
    assert keys(filled, "a") == ["user:1", "user:2", "abc"]


def test_tag_goes_across_namespaces(filled):
    """A tag names entries of all namespaces; they count as invalidated."""
    ended = filled("clear", "--tag", "t", "--yes")

    assert (ended.code, ended.raw) == (0, b"")
    assert ended.err.startswith("removed 2 entries, ")
    with filled.open() as cache:
        assert [cache.stats().namespaces[name].invalidated for name in "ab"] == [1, 1]


def test_only_our_own_entries_go(on_redis, redis_server):
    """Of a shared Redis, `--all` removes nothing that is not below our prefix."""
    with redis_server.client() as client:
        foreign = {b"user:1": b"x", b"cachectl": b"y", b"cachectl:other": b"z", b"a": b"w"}
        client.mset(foreign)
        with on_redis.open() as cache:
            cache.namespace("a").set("user:1", "v")

        assert on_redis("clear", "--all", "--yes").code == 0
        assert dict(zip(foreign, client.mget(foreign), strict=True)) == foreign
    assert keys(on_redis, "a") == []


def test_without_a_terminal_nobody_is_asked(filled):
    """Without a terminal and `--yes` it refuses at once, also if stdin stays open or says yes."""
    process = filled.start("clear", "a", stdin=-1)
    process.wait(timeout=10)
    process.communicate()
    assert process.returncode == 6
    ended = filled("clear", "a", "--format", "json", stdin=b"y\n")

    message = "refused: nobody can be asked about 6 entries, all of a"
    assert ended.code == 6
    assert ended.err.startswith(f"cachectl: {message}\n  cache ")
    told = json.loads(ended.out)
    assert f"  cache {told.pop('cache')}\n" in ended.err
    assert told == {
        "schema": "cachectl.error/1",
        "error": message,
        "exit_code": 6,
        "see": "cachectl clear a --format json --dry-run",
        "do": "cachectl clear a --format json --yes",
    }
    assert len(keys(filled, "a")) == 6


@pytest.mark.parametrize(
    ("typed", "code", "left"),
    [(b"y\n", 0, 0), (b"YES\n", 0, 0), (b"n\n", 6, 3), (b"\n", 6, 3), (b"\x04", 6, 3)],
    ids=["y", "YES", "n", "Enter", "EOF"],
)
def test_asks_on_a_terminal(tool, typed, code, left):
    """It shows what would go and asks; only yes is yes."""
    with tool.open() as cache:
        for number in range(3):
            cache.namespace("a").set(str(number), "v")
    with tool.on_terminal("clear", "a") as terminal:
        terminal.wait_for(b"Remove 3 of 3 entries from file ~/.cache/cachectl? [y/N] ").type(typed)
        ended = terminal.end()

    assert ended.code == code
    assert ended.raw.startswith(b"\x1b[2mcache\x1b[0m") or ended.raw.startswith(b"cache ")
    assert (b"nothing was removed" in ended.raw) == bool(left)
    assert len(keys(tool, "a")) == left


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda a: [a.set(f"new{number}", "v") for number in range(2)], "2 more than shown"),
        (lambda a: a.delete("0"), "1 less than shown"),
        (lambda a: a.set("0", "v" * 100), "99 B more than shown"),
        (lambda a: None, None),
    ],
    ids=["more", "fewer", "larger", "nothing"],
)
@pytest.mark.parametrize("form", ["table", "json"])
def test_what_others_wrote_since_it_was_shown_is_told(tool, write, said, form):
    """What was shown and what was removed are the same, or it says by how much they are not."""
    with tool.open() as cache:
        a = cache.namespace("a")
        for number in range(3):
            a.set(str(number), "v")
        with tool.on_terminal("clear", "a", "-f", form) as terminal:
            terminal.wait_for(b"Remove 3 of 3 entries from file ~/.cache/cachectl? [y/N] ")
            shown = cache.usage()["a"]
            write(a)
            there = cache.usage()["a"]
            ended = terminal.type(b"y\n") or terminal.end()

    last = ended.raw.decode().splitlines()[-1]
    if form == "table":
        assert last.partition("; ")[2] == (f"{said}: others wrote meanwhile" if said else "")
    else:
        told = json.loads(ended.raw[ended.raw.index(b"{") :])
        assert told["planned"] == {"entries": shown.entries, "bytes": shown.bytes}
        assert (told["entries"], told["bytes"]) == (there.entries, there.bytes)


def test_nothing_to_remove_is_no_question(tool):
    """Where there is nothing to remove, nobody is asked, and the second run removes nothing."""
    with tool.on_terminal("clear", "a") as terminal:
        ended = terminal.end()

    assert ended.code == 0
    assert ended.raw.endswith(b"nothing is cached in file ~/.cache/cachectl\r\n")
    assert b"[y/N]" not in ended.raw


def test_memory_of_others_is_out_of_reach(tool):
    """On the memory backend it says that it removed nothing, also that it would not, and ends with 6."""
    message = (
        "nothing was removed: what applications hold in memory can only be reached by themselves"
    )
    for how in ("--yes", "--dry-run"):
        assert tool("--backend", "memory", "clear", "a", how) == (6, b"", f"cachectl: {message}\n")


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (["--key", "a?c"], ["a?c"]),
        (["--key", "*", "--key", "[x]", "--key", "*"], ["[x]", "*"]),
        (["--key", "a*"], []),
        (["--key", "none", "--key", "abc"], ["abc"]),
    ],
    ids=" ".join,
)
def test_exact_keys(filled, options, gone):
    """A key is that key, whatever it would mean in a glob; the dry run says what the run does."""
    foretold = document(filled("clear", "a", *options, "--dry-run", "--format", "json"))
    before = keys(filled, "a")
    done = document(filled("clear", "a", *options, "--yes", "--format", "json"))

    assert (foretold["entries"], foretold["bytes"]) == (done["entries"], done["bytes"])
    assert [key for key in before if key not in keys(filled, "a")] == gone
    assert done["entries"] == len(gone)
    assert len(keys(filled, "b")) == 6


def test_damaged_entry_is_removed_by_its_key(on_redis, redis_server):
    """What cannot be read can be removed, and the dry run knows how much it is."""
    with on_redis.open() as cache:
        cache.namespace("a").set("k", "v" * 100)
    with redis_server.client() as client:
        client.setrange("cachectl:{a}:e:k", 60, b"xx")
    foretold = document(on_redis("clear", "a", "--key", "k", "--dry-run", "--format", "json"))
    done = document(on_redis("clear", "a", "--key", "k", "--yes", "--format", "json"))

    assert foretold["entries"] == done["entries"] == 1
    assert foretold["bytes"] == done["bytes"]


def test_keys_on_stdin(filled):
    """`-` is the keys on stdin, one a line: what is secret is in no history and no list of processes."""
    ended = filled("clear", "a", "--key", "-", "--yes", stdin=b"abc\r\n\n[x]\n")

    assert (ended.code, ended.err.startswith("removed 2 entries, ")) == (0, True)
    assert keys(filled, "a") == ["user:1", "user:2", "*", "a?c"]
    assert filled("clear", "a", "--key", "-", "--yes", stdin=b"\n") == (
        2, b"", "cachectl: there is no key on stdin\n"
    )  # fmt: skip
    assert len(keys(filled, "a")) == 4


def test_key_of_features(filled):
    """The key that applications make of the same features and extras."""
    with filled.open() as cache:
        a = cache.namespace("a")
        a.set(a.key({"tempo": 120.0}, model="genre-2"), "v")
    options = ["--features", '{"tempo": 120.0}', "--extra", "model=genre-2"]

    assert document(filled("clear", "a", *options, "-y", "-f", "json"))["entries"] == 1
    assert len(keys(filled, "a")) == 6


@pytest.mark.parametrize(
    "arguments",
    [
        ["--key", "k"], ["a", "b", "--key", "k"], ["a", "--key", "k", "--tag", "t"],
        ["a", "--key", "k", "--match", "*"], ["--all", "--key", "k"], ["a", "--extra", "n=1"],
        ["a", "--key", "k", "--features", "{}"], ["--tag", "t", "--features", "{}"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_keys_are_those_of_one_namespace(filled, arguments):
    """Whatever else is said with them is a mistake, and removes nothing."""
    assert filled("clear", *arguments, "--yes").code in (2, 6)
    assert len(keys(filled, "a")) == len(keys(filled, "b")) == 6


def test_hint_for_a_key(filled):
    """Who names a key like a namespace is told how keys are named."""
    for key, reason in (("a1", "no namespace a1"), ("a[1]", "not a namespace: 'a[1]'")):
        assert filled("clear", "a", key, "--yes") == (
            2, b"", f"cachectl: {reason}; for a key say: clear NS --key KEY\n"
        )  # fmt: skip
    assert len(keys(filled, "a")) == 6


def test_unknown_namespace_is_said(filled):
    """Nothing is removed from it, and perhaps it has another name."""
    ended = filled("clear", "typo", "--yes")

    assert ended.code == 0
    assert ended.err.splitlines() == [
        "no namespace typo: nobody has used or configured it", "removed 0 entries, 0 B"
    ]  # fmt: skip
