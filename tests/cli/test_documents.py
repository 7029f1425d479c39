"""With `--format json` each command prints one document, whatever is wrong, and ends with its code."""

import json
from contextlib import contextmanager
from typing import Any

import pytest

from cachectl._cli.exits import Exit
from tests.cli.support.conditions import ON_FILES, ON_REDIS, Ground
from tests.cli.support.tool import Ended, Tool

COMMANDS = {
    "get": ("get", "users", "k"),
    "get of nothing": ("get", "users", "nothing"),
    "set": ("set", "users", "new", "value"),
    "stats": ("stats",),
    "stats of one": ("stats", "users", "--since", "1h"),
    "inspect": ("inspect",),
    "inspect of one": ("inspect", "users"),
    "inspect of a key": ("inspect", "users", "k"),
    "clear, dry": ("clear", "users", "--dry-run"),
    "clear, unasked": ("clear", "users"),
    "cleanup, dry": ("cleanup", "--max-entries", "1", "--dry-run"),
    "cleanup, unasked": ("cleanup", "--max-entries", "1"),
    "forget": ("forget", "users", "--yes"),
    "warm, dry": ("warm", "users.jsonl", "--dry-run"),
    "warm": ("warm", "users.jsonl"),
    "config": ("config", "show"),
    "cleanup": ("cleanup", "--max-entries", "2", "--yes"),
    "clear a key": ("clear", "users", "--key", "k", "--yes"),
    "clear": ("clear", "--all", "--yes"),
}
LAST = ("cleanup", "clear a key", "clear")
"""Those that would be in the way of others."""
FAILED = {Exit.USAGE, Exit.NOT_FOUND, Exit.UNAVAILABLE, Exit.REFUSED, Exit.BUSY}
DONE_SO_FAR = {f"cachectl.{name}/1" for name in ("warm", "clear", "cleanup")}
"""Documents that say what was done before something went wrong."""
ALL_WELL = {
    "get of nothing": 3, "clear, unasked": 6, "cleanup, unasked": 6, "forget": 6, "warm, dry": 4, "warm": 4,
}  # fmt: skip
"""Codes other than 0 where nothing is wrong with the place."""
NOT_THERE = dict.fromkeys(COMMANDS, 5) | {"config": 0}
REFUSED = dict.fromkeys(COMMANDS, 6) | {"config": 0}
PLACES = {"files": ON_FILES, "Redis": ON_REDIS}
CODES = {
    "nothing is wrong": ALL_WELL,
    "the directory is open to others": REFUSED,
    "a file is where the directory was": REFUSED,
    "a newer cachectl made it": REFUSED,
    "the server is not there": NOT_THERE,
    "it wants a password": NOT_THERE,
}


def prepare(tool: Tool) -> None:
    """Write what is warmed from, of which one line is wrong."""
    (tool.home / "users.jsonl").write_text(
        '{"namespace": "users", "key": "warm", "value": 1}\n{"namespace": "users"}\n'
    )


def call(tool: Tool, *options: str) -> dict[str, Ended]:
    """Call all commands: at once, but for those that would be in the way of others."""
    waves = [[name for name in COMMANDS if name not in LAST], *([name] for name in LAST)]
    return {
        name: ended
        for wave in waves
        for name, ended in zip(
            wave, tool.together([(*COMMANDS[name], *options) for name in wave]), strict=True
        )
    }


def document(ended: Ended) -> Any:
    """Return the only document there is."""
    found = json.loads(ended.out)
    assert found["schema"].startswith("cachectl.")
    if found["schema"] == "cachectl.error/1":
        assert found["exit_code"] == ended.code
        assert ended.code in FAILED
        assert ended.err.splitlines()[-1 - len(set(found) & {"cache", "see", "do"})].startswith(
            "cachectl: "
        )
    elif found["schema"] not in DONE_SO_FAR:
        assert ended.code in {Exit.DONE, Exit.NOT_FOUND}
    return found


@pytest.mark.parametrize(
    ("ground", "name"),
    [(kind, name) for kind, conditions in PLACES.items() for name in conditions],
    indirect=["ground"],
)
def test_one_document_whatever_is_wrong(request, ground: Ground, name: str):
    conditions = PLACES[request.node.callspec.params["ground"]]
    prepare(ground.tool)
    with contextmanager(conditions[name])(ground):
        ended = call(ground.tool, "--format", "json")
    for command, each in ended.items():
        try:
            document(each)
        except (AssertionError, ValueError) as error:
            raise AssertionError((command, each)) from error
        assert "Traceback" not in each.err
    codes = {command: each.code for command, each in ended.items()}
    if name in CODES:
        assert codes == {**dict.fromkeys(COMMANDS, 0), **CODES[name]}


def test_one_document_for_a_wrong_option_or_configuration(tool):
    prepare(tool)
    ended = call(tool, "--format", "json", "--nosuch")
    assert {each.code for each in ended.values()} == {2}
    (tool.home / "cachectl.toml").write_text("[defaults]\nttl = 'soon'\n")
    wrong = call(tool, "--format", "json")
    assert {each.code for each in wrong.values()} == {2}
    for each in (*ended.values(), *wrong.values()):
        assert document(each)["schema"] == "cachectl.error/1"
    assert not (tool.home / ".cache").exists()


def test_one_document_in_memory(tool):
    prepare(tool)
    ended = call(tool.having(CACHECTL_BACKEND="memory"), "--format", "json")

    for each in ended.values():
        document(each)
    assert ended["clear"].code == ended["clear a key"].code == ended["forget"].code == 6


def test_one_document_while_another_cleans(shared):
    with shared.open() as cache:
        cache.namespace("users").set("k", "v")
        with cache._core.backend.lock("cleanup"):
            ended = shared("cleanup", "-f", "json")

    assert ended.code == 7
    assert document(ended)["schema"] == "cachectl.error/1"
    assert "a cleanup has been running for " in ended.err
    assert "pid " in ended.err


def test_quiet_still_tells_what_failed(tool):
    (tool.home / "users.jsonl").write_text('{"namespace": "users"}\n')

    assert tool("-q", "warm", "users.jsonl") == (
        4, b"", "users.jsonl:1: there is no 'value' or 'value_file' or 'value_base64'\n"
    )  # fmt: skip
    assert tool("-q", "get", "users", "k") == (3, b"", "cachectl: users has no k\n")
    assert tool("-q", "stats", "nosuch", "--fail-under", "hit-rate=50%").code == 2
    assert "nobody can be asked" in tool("-q", "clear", "users").err


def test_colour_is_forced_on_tables_alone(tool):
    forced = tool.having(FORCE_COLOR="1")
    tool("set", "users", "k", "v")
    for command in (["clear", "--all", "--dry-run"], ["config", "show"], ["stats"]):
        assert "\x1b[" in forced(*command).out
        for form in ("json", "jsonl"):
            assert "\x1b" not in forced(*command, "-f", form).out
    for command in (["get", "users", "k"], ["--help"], ["help", "clear"], ["stats", "-f", "csv"]):
        assert "\x1b" not in forced(*command).out
    for command in (["get", "users", "x"], ["clear", "users"], ["rm"], ["cleanup", "--nosuch"]):
        ended = forced(*command)
        assert (ended.code != 0, "\x1b" in ended.out + ended.err) == (True, False)
