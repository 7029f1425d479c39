"""What may stand where on a command line, and what is answered to words and slips from elsewhere."""

import json

import pytest

from cachectl._cli.app import COMMANDS
from cachectl._cli.grammar import CHOICES


@pytest.fixture
def elsewhere(tool):
    """A directory, beside the one that would be used, with an entry."""
    place = str(tool.home / "elsewhere")
    assert tool("--directory", place, "set", "a", "k", "v").code == 0
    return place


@pytest.mark.parametrize(
    "arguments",
    [
        ["--directory", "{}", "get", "a", "k"],
        ["get", "--directory", "{}", "a", "k"],
        ["get", "a", "k", "--directory={}"],
        ["--backend", "file", "get", "a", "k", "--directory", "{}"],
        ["get", "a", "k", "--backend", "file", "--directory", "{}"],
    ],
    ids=" ".join,
)
def test_global_options_stand_before_or_after_the_command(tool, elsewhere, arguments):
    ended = tool(*(argument.format(elsewhere) for argument in arguments))

    assert ended == (0, b"v", "")


def test_a_url_after_the_command_is_redis(tool, redis_url):
    assert tool("set", "a", "k", "v", "--url", redis_url).code == 0
    assert tool("get", "a", "k", "--url", redis_url) == (0, b"v", "")
    assert tool("get", "a", "k").code == 3


def test_a_url_in_the_environment_alone_is_redis(tool, redis_url):
    """As the flag is, unless something names a backend."""
    there = tool.having(CACHECTL_URL=redis_url)
    assert there("set", "a", "k", "v").code == 0
    assert tool("--url", redis_url, "get", "a", "k").raw == b"v"
    assert json.loads(there("stats", "-f", "json").out)["backend"]["active"] == "redis"
    assert there("--backend", "file", "get", "a", "k").code == 3


def test_a_configuration_may_be_named_after_the_command(tool):
    (tool.home / "mine.toml").write_text("[defaults]\nttl = '7m'\n")
    assert tool("set", "a", "k", "v", "--config", "mine.toml").code == 0
    assert "TTL 7m" in tool("set", "a", "k", "v", "--config", "mine.toml", "-v").err


def test_how_much_is_told_may_be_said_after_the_command(tool):
    assert "stored in a, TTL 1h" in tool("set", "a", "k", "v", "--verbose").err
    assert tool("clear", "a", "--yes").err.startswith("removed 1 entry")
    assert tool("clear", "a", "--yes", "-q") == (0, b"", "")


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_made_once(tool, name):
    ended = tool(f"--{name}", "x", "stats", f"--{name}", "y")

    assert (ended.code, ended.raw) == (2, b"")
    assert ended.err == f"cachectl: --{name} is there twice, before and after the command\n"


def test_what_an_option_takes_is_no_option(tool):
    """A value that looks like a global option is a value."""
    assert tool("set", "a", "k", "v", "--tag", "--config").code == 0
    assert json.loads(tool("inspect", "a", "k", "-f", "json").out)["tags"] == ["--config"]


def test_help_of_a_command_names_the_global_options_in_one_place(tool):
    for name, ended in zip(
        COMMANDS, tool.together((name, "--help") for name in COMMANDS), strict=True
    ):
        assert ended.code == 0, name
        assert ended.out.count("--config FILE") == 1, name
        assert "Here or before the command:" in ended.out, name


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["help"], "Usage: cachectl [OPTIONS] COMMAND"),
        (["help", "clear"], "Usage: cachectl clear [OPTIONS]"),
        (["help", "config", "show"], "Usage: cachectl config show [OPTIONS]"),
        (["-v", "help", "stats"], "Usage: cachectl stats [OPTIONS]"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_help_is_a_word_too(tool, arguments, begins):
    ended = tool(*arguments)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(begins)


def test_help_of_what_is_no_command(tool):
    ended = tool("help", "claer")

    assert (ended.code, ended.raw) == (2, b"")
    assert "Did you mean 'clear'?" in ended.err


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("ls", "inspect [NS [KEY]]"),
        ("rm", "clear NS --key KEY"),
        ("del", "clear NS --key KEY"),
        ("delete", "clear NS --key KEY"),
        ("invalidate", "clear --tag T"),
        ("purge", "clear NS... or clear --all"),
        ("flush", "clear NS... or clear --all"),
        ("prune", "cleanup"),
        ("clean", "cleanup"),
        ("info", "stats"),
        ("put", "set NS KEY VALUE"),
    ],
)
def test_words_of_other_tools_are_answered_with_what_is_meant(tool, word, meant):
    """On one line, and nothing is done; as a document too."""
    ended = tool(word, "a", "k", "-f", "json")

    said = f"there is no command {word}; what you mean is: cachectl {meant}"
    assert (ended.code, ended.err) == (2, f"cachectl: {said}\n")
    assert json.loads(ended.out)["error"] == said


def test_a_namespace_may_be_called_like_such_a_word(tool):
    assert tool("set", "rm", "help", "v").code == 0
    assert tool("get", "rm", "help").raw == b"v"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stats", "--older-than", "30d"], "No such option: --older-than; cleanup has it"),
        (["inspect", "--dry-run"],
         "No such option: --dry-run; stats, clear, cleanup, forget, warm have it"),
        (["stats", "--watch", "5"], "--watch takes no value: write --watch --interval 5"),
        (["stats", "--since", "1", "h"], "write --since 1h, without a space"),
        (["set", "a", "k", "v", "--ttl", "15", "m"], "write --ttl 15m, without a space"),
        (["cleanup", "--older-than", "30", "d"], "write --older-than 30d, without a space"),
        (["cleanup", "--max-bytes", "1.5", "GiB"], "write --max-bytes 1.5GiB, without a space"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_slip_is_told_what_was_meant(tool, arguments, message):
    ended = tool(*arguments)

    assert (ended.code, ended.raw) == (2, b"")
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert list(tool.home.iterdir()) == []


def test_each_command_offers_the_formats_that_it_has(tool):
    """In its help, and when another one is asked for."""
    has = {"get": "table|json|jsonl", "inspect": "table|json|jsonl|csv",
           "stats": "table|json|jsonl|csv|prometheus"}  # fmt: skip
    for name in ("get", "clear", "cleanup", "forget", "warm", "inspect", "stats"):
        formats = has.get(name, has["get"])
        assert f"<{formats}>" in " ".join(tool(name, "--help").out.split()), name
        if "csv" not in formats:
            refused = tool(name, "a", "k", "-f", "csv")
            assert refused.code == 2
            assert "'csv' is not one of 'table', 'json', 'jsonl'" in refused.err
