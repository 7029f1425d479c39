"""`config`."""

import json
import re
from pathlib import Path

import pytest

SECRET = "hunter2-canary"  # no password of anything


@pytest.fixture
def configured(tool):
    """A tool with a file, a variable and a secret."""
    (tool.home / "cachectl.toml").write_text(
        'backend = "file"\n[redis]\nurl = "${REDIS_URL}"\n[namespaces.tts]\nttl = "${TTL:-90}"\n'
    )
    return tool.having(REDIS_URL=f"redis://:{SECRET}@cache-1:6379/0", CACHECTL_DEFAULTS__TTL="2h")


def rows(ended):
    return [line.split() for line in ended.lines]


def test_show_says_what_is_in_force(configured):
    ended = configured("config", "show")

    context, heading, *lines = rows(ended)
    assert context == ["#", "file", str(configured.home / "cachectl.toml")]
    assert heading == ["setting", "value"]
    assert ["namespaces.tts.ttl", "90"] in lines
    assert ["redis.url", "redis://***@cache-1:6379/0"] in lines
    assert ended.err == "! redis.url is set and not used: the backend is file\n"
    assert ended.code == 0


def test_origin_says_where_each_is_from(configured):
    ended = configured("config", "show", "--origin", "--directory", "here")

    lines = rows(ended)
    assert ["backend", "file", "file:1"] in lines
    assert ["file.directory", str(configured.home / "here"), "--directory"] in lines
    assert ["defaults.ttl", "7200", "CACHECTL_DEFAULTS__TTL"] in lines
    assert ["namespaces.tts.ttl", "90", "file:5,${TTL}_not_set"] in lines
    assert ["redis.url", "redis://***@cache-1:6379/0", "file:3,${REDIS_URL}"] in lines
    assert SECRET not in ended.out + ended.err


def test_show_on_a_terminal_fits_it(configured):
    for columns in (40, 80, 200):
        with configured.on_terminal("config", "show", "--origin", columns=columns) as terminal:
            ended = terminal.end()
        shown = re.sub(r"\x1b\[\d*m|\r", "", ended.out)
        table = shown.split("! redis.url")[0].splitlines()
        assert all(len(line) <= columns for line in table)
        (tts,) = (
            line.split() for line in table if line.startswith(("namespaces.tts", "namesp…s.ttl"))
        )
        assert tts[1:3] == ["1m", "30s"]
        assert tts[3].startswith("file:5")


def test_places_on_a_terminal_say_what_each_line_is(tool):
    """Also where a screen is narrow: those that have no path are named."""
    for columns in (40, 80, 200):
        with tool.on_terminal("config", "path", columns=columns) as terminal:
            table = re.sub(r"\x1b\[\d*m|\r", "", terminal.end().out).splitlines()
        assert all(len(line) <= columns for line in table)
        assert [line.rstrip() for line in table[1:3]] == [
            "not given  --config",
            "not given  CACHECTL_CONFIG",
        ]
        assert any(line.startswith("not there") and line.endswith(".toml") for line in table)


def test_documents(configured):
    shown = json.loads(configured("config", "show", "-f", "json").out)
    listed = [json.loads(line) for line in configured("config", "show", "-f", "jsonl").lines]

    assert shown["schema"] == "cachectl.config/1"
    assert shown["file"] == str(configured.home / "cachectl.toml")
    assert {
        "name": "namespaces.tts.ttl",
        "value": 90.0,
        "origin": {"kind": "file", "name": None, "line": 5, "variables": ["${TTL} not set"]},
    } in shown["settings"]
    assert shown["unused"] == ["redis.url is set and not used: the backend is file"]
    assert [{"schema": "cachectl.setting/1", **one} for one in shown["settings"]] == listed


def test_check_is_for_scripts(configured):
    """A configuration that is right ends with 0, a wrong one with 2 and all that is wrong."""
    right = configured("config", "check")
    assert (right.code, right.out) == (0, f"{configured.home / 'cachectl.toml'}: right\n")
    assert configured("config", "check", "-q") == (0, b"", "")

    wrong = configured.home / "wrong.toml"
    wrong.write_text("[namespaces.b]\nttl = 'soon'\n[namespaces.a]\nttl = 'late'\n")
    ended = configured("config", "check", "wrong.toml")
    assert (ended.code, ended.raw) == (2, b"")
    assert ended.err.startswith("cachectl: 2 settings are wrong:\n")
    document = json.loads(configured("config", "check", "wrong.toml", "-f", "json").out)
    assert (document["schema"], document["exit_code"]) == ("cachectl.error/1", 2)
    assert configured("config", "check", "a", "--config", "b").code == 2
    assert configured("config", "check", "nowhere.toml").code == 2


def test_path_says_where_it_looks(tool):
    def states(*arguments, **variables):
        return [
            (line[0], line[-1]) for line in rows(tool.having(**variables)(*arguments))[1:]
        ]  # fmt: skip

    local, mine = str(tool.home / "cachectl.toml"), str(tool.home / "mine.toml")
    users = str(tool.home / ".config/cachectl/config.toml")
    usual = [("not_there", users), ("not_there", "/etc/cachectl.toml")]
    not_given = [("not_given", "-")] * 2
    assert states("config", "path") == [*not_given, ("not_there", local), *usual]
    for path in (local, mine):
        Path(path).touch()
    assert states("config", "path") == [*not_given, ("used", local), *usual]
    named = [("not_given", "-"), ("used", mine), ("there", local), *usual]
    assert states("config", "path", CACHECTL_CONFIG="mine.toml") == named
    assert states("config", "path", "--config", "x.toml")[0] == (
        "not_there", str(tool.home / "x.toml")
    )  # fmt: skip

    document = json.loads(tool("config", "path", "-f", "json").out)
    assert [place["path"] for place in document["places"] if place["used"]] == [local]


def test_a_command_of_config_is_named(tool):
    ended = tool("config")

    assert (ended.code, ended.raw) == (2, b"")
    assert "Missing command." in ended.err
    assert tool("config", "nosuch").code == 2


def test_no_cache_is_opened(tool):
    for command in ("show", "check", "path"):
        assert tool("config", command).code == 0
        assert tool("config", command, "--url", "redis://nowhere.invalid:1").code == 0
    assert list(tool.home.iterdir()) == []
