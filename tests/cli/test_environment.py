"""Whatever surrounds a call: no home, no terminal, closed and full streams, other locales."""

import json
import logging
import os
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from cachectl._cli.output.logs import log_to_stderr
from tests.cli.support.tool import COMMAND, Tool
from tests.support.nursery import ROOT

BARE = {"PYTHONPATH": str(ROOT)}


def shell(tool: Tool, command: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a shell command in which `cachectl` is the tool."""
    script = command.replace("cachectl ", f"{' '.join(COMMAND)} ")
    return subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tool.home,
        env={**tool.environment, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def filled(tool):
    """A cache with more entries than a pipe can hold the listing of."""
    with tool.open() as cache:
        a = cache.namespace("a")
        for number in range(1000):
            a.set(f"{number:04} {'ü' * 100}", "v", tags=["long" * 10])
    return tool


def test_empty_environment(tool):
    """Without HOME, TERM and LANG it works; what is not ASCII is printed nevertheless."""
    directory = tool.home / "cache"
    environment = {**BARE, "CACHECTL_FILE__DIRECTORY": str(directory)}
    for arguments in (["set", "a", "ключ", "значение"], ["get", "a", "ключ"], ["inspect", "a"]):
        ended = subprocess.run(
            [*COMMAND, *arguments], env=environment, cwd=tool.home, capture_output=True, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, b"")
    assert "  ключ  " in ended.stdout.decode()


def test_other_encodings(filled):
    """What stdout cannot encode is written as an escape, not as a traceback."""
    ended = shell(filled, "cachectl inspect a --limit 1", PYTHONIOENCODING="ascii")

    assert ended.returncode == 0
    assert b"0000_\\xfc\\xfc" in ended.stdout


@pytest.mark.parametrize("command", ["stats", "get a k", "inspect a", "stats -f json", "--help"])
def test_full_and_closed_output(filled, command):
    """If what was printed does not arrive, it says so and ends with 1, not with 0."""
    filled("set", "a", "k", "v")
    full = shell(filled, f"cachectl {command} > /dev/full")
    closed = shell(filled, f"cachectl {command} >&-")

    assert (full.returncode, full.stderr) == (
        1, b"cachectl: cannot write: No space left on device\n"
    )  # fmt: skip
    assert (closed.returncode, closed.stderr) == (
        1,
        b"cachectl: cannot write: Bad file descriptor\n",
    )


def test_a_check_that_cannot_be_read_is_unknown(filled):
    """1 would be a warning."""
    assert shell(filled, "cachectl check > /dev/full").returncode == 3


@pytest.mark.parametrize("unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["", "unbuffered"])
def test_what_is_said_of_rows_stands_below_them(filled, unbuffered):
    """Also in a file of both streams, and in containers, which buffer nothing."""
    mixed = shell(filled, "cachectl inspect a --limit 3 2>&1", **unbuffered).stdout.decode()
    assert mixed.splitlines()[-1].startswith("3 of 1,000 shown")
    tool = filled.having(TERM="xterm", **unbuffered)
    with tool.on_terminal("inspect", "a", "--limit", "3") as terminal:
        seen = terminal.end().raw.decode()
    assert seen.splitlines()[-1].startswith("3 of 1,000 shown")


def test_closed_streams_that_nobody_needs(filled):
    """A command with nothing to say does not miss the streams; no message goes to stdout."""
    assert shell(filled, "cachectl cleanup <&- >&- 2>&-").returncode == 0
    silent = shell(filled, "cachectl get a none 2>&-")
    assert (silent.returncode, silent.stdout) == (3, b"")
    assert shell(filled, "cachectl get a none 2>/dev/full").returncode == 1
    assert shell(filled, "cachectl set a x - <&-").returncode == 0


@pytest.mark.parametrize("options", ["", "-f json", "-f csv"])
def test_reader_that_leaves(filled, options):
    """When nobody reads any more it ends quietly, as others do in a pipeline."""
    command = f"{{ cachectl inspect a --limit 0 {options}; echo $? >&3; }} 3>code | head -1"
    ended = shell(filled, command)

    assert ended.stderr == b""
    assert len(ended.stdout.splitlines()) == 1
    assert (filled.home / "code").read_text() == "141\n"


def test_colour_in_a_pipe(filled):
    """FORCE_COLOR brings colour into a pipe, but cuts and animates nothing; nor does COLUMNS."""
    plain = filled("inspect", "a").out
    forced = filled.having(FORCE_COLOR="1")("inspect", "a").out
    narrow = filled.having(COLUMNS="40")("inspect", "a").out

    def keys(listing: str) -> list[str]:
        return [line.split()[-2] for line in re.sub(r"\x1b\[[\d;]*m", "", listing).splitlines()[2:]]

    assert "\x1b" not in plain
    assert "\x1b[1mnamespace" in filled.having(FORCE_COLOR="1")("stats").out
    assert "\x1b[1msize " in forced
    assert keys(forced)[1:] == keys(plain)[1:] == keys(narrow)[1:]
    assert len(keys(plain)) == 101


def test_no_colour_in_what_programs_read(tool):
    """Nor in messages, whatever is asked for."""
    (tool.home / "m.jsonl").write_text('{"namespace": "a", "key": "k", "value": 1}\n{}\n')
    tool("set", "a", "k", "v")
    commands = [
        "stats -f csv", "stats -f json", "stats -f jsonl", "stats -f prometheus", "inspect -f csv",
        "inspect a -f csv", "inspect a -f json", "inspect a -f jsonl", "inspect a k -f json",
        "get a k -f json", "clear a --dry-run -f json", "cleanup --dry-run -f json",
        "warm m.jsonl -f json", "warm m.jsonl", "clear nosuch --yes", "stats --nosuch", "--help",
    ]  # fmt: skip
    coloured = tool.having(FORCE_COLOR="1", CLICOLOR_FORCE="1", TTY_COMPATIBLE="1")
    for ended in coloured.together(command.split() for command in commands):
        assert b"\x1b" not in ended.raw
        assert "\x1b" not in ended.err


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminal_without_colour(filled, variables):
    """NO_COLOR and a dumb terminal get no colour."""
    with filled.having(**variables).on_terminal("stats", columns=200) as terminal:
        ended = terminal.end()

    assert ended.code == 0
    assert not [code for code in (b"\x1b[3", b"\x1b[4", b"\x1b[9") if code in ended.raw]


@pytest.mark.parametrize("columns", [40, 200])
def test_width_of_a_terminal(filled, columns):
    """Keys fold into the width of the terminal; figures are whole, a line for each namespace."""

    def shown(*arguments: str) -> list[str]:
        with filled.on_terminal(*arguments, columns=columns) as terminal:
            return re.sub(r"\x1b\[[\d;]*m", "", terminal.end().raw.decode()).splitlines()

    entries = shown("inspect", "a", "--limit", "3")[:-1]  # without what is said beside them
    assert max(map(len, entries)) <= columns
    about, _, _, header, a, total = shown("stats")
    assert about.startswith("cache   file ")
    assert header.startswith("  namespace  hit rate ")
    assert re.match(r"  a                 – .*1,000", a) or columns == 40
    assert total.startswith("  total (1)         – ")


def test_directory_that_is_gone(tool):
    """In a working directory that was removed, commands work that do not need it."""
    command = "mkdir gone; cd gone; rmdir ../gone; "
    assert shell(tool, command + "cachectl set a k v").returncode == 0
    assert shell(tool, command + "cachectl get a k").stdout == b"v"
    line = '{"namespace": "a", "key": "j", "value": 1}'
    assert shell(tool, f"{command} echo '{line}' | cachectl warm -").returncode == 0


def test_files_are_private(tool):
    """Whatever the umask is, nobody else can read what is stored."""
    ended = shell(tool, "umask 000; head -c 2000000 /dev/zero | cachectl set a k - --type bytes")

    assert ended.returncode == 0
    modes = {
        stat.S_IMODE(path.stat().st_mode) & (0o777 if path.is_dir() else 0o666)
        for path in (tool.directory, *tool.directory.rglob("*"))
    }
    assert modes == {0o700, 0o600}
    assert list(tool.directory.rglob("*.val"))


def test_verbose_is_on_stderr(filled):
    """`-v` tells on stderr what the library does, never values; `-q` leaves out the notes."""
    ended = filled("-v", "set", "a", "k", "secret value")
    assert (ended.code, ended.raw) == (0, b"")
    assert "cachectl: DEBUG: set a: 1 stored, 0 evicted\n" in ended.err
    assert "secret value" not in ended.err
    assert filled("-q", "inspect", "a").err == ""
    assert filled("inspect", "a").err != ""


def test_bug_is_one_line(filled):
    """What nobody foresaw ends with 1 and one line; only `-v` shows a traceback."""
    with closing(sqlite3.connect(filled.directory / "cache.db")) as connection, connection:
        connection.execute("UPDATE namespaces SET name = x'61'")
    ended = filled("stats", "--format", "json")

    assert ended.code == 1
    assert ended.err.startswith("cachectl: TypeError: ")
    assert ended.err.endswith(" (a bug of cachectl; -v shows where)\n")
    assert ended.err.count("\n") == 1
    assert json.loads(ended.out)["exit_code"] == 1
    assert "Traceback" in filled("-v", "stats").err


def test_looking_creates_nothing(tool):
    """Commands that only look, and a cleanup of nothing, leave no trace on a new machine."""
    for command in (["stats"], ["inspect"], ["inspect", "a"], ["clear", "a", "--dry-run"],
                    ["clear", "--all", "--dry-run"], ["cleanup", "--dry-run"], ["cleanup"]):  # fmt: skip
        assert tool(*command).code == 0

    assert list(tool.home.iterdir()) == []


def test_version(tool):
    """`--version` says what is installed."""
    assert tool("--version").out.startswith("cachectl")


def test_python_is_optimised(tool):
    """It does not depend on assertions."""
    command = [sys.executable, "-OO", "-m", "cachectl", "set", "a", "k", "v"]
    ended = subprocess.run(command, env=tool.environment, capture_output=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert os.listdir(tool.directory)  # noqa: PTH208


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have the home of another")
def test_root_leaves_nothing_in_the_home_of_another(tool):
    """As with sudo, which keeps HOME; where root says a directory, or has its own home, it works."""
    home = tool.home / "home"
    home.mkdir()
    os.chown(home, 12345, 12345)
    as_root = tool.having(HOME=str(home))
    commands = [("set", "a", "k", "v"), ("stats",), ("cleanup",), ("clear", "a", "--yes")]
    for ended in as_root.together(commands):
        assert (ended.code, ended.raw) == (6, b"")
        assert ended.err == (
            f"cachectl: refused: {home}/.cache/cachectl is in the home of another user (uid 12345);"
            " use sudo -H, sudo -u '#12345', or --directory\n"
        )
    assert list(home.iterdir()) == []
    elsewhere = str(tool.home / "cache")
    assert as_root("--directory", elsewhere, "set", "a", "k", "v").code == 0


def test_what_the_system_refuses_is_no_bug(tool):
    """The message says where, what and what helps: here on a medium that nobody can write."""
    with tool.open() as cache:
        cache.namespace("a").set("k", "v")
    mount = f"mount --bind {tool.home} {tool.home} && mount -o remount,ro,bind {tool.home}"
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("nobody may mount here")
    for command in ("cleanup", "clear --all --yes", "set a k v", "stats", "inspect a"):
        script = f"{mount} && exec {' '.join(COMMAND)} {command}"
        ended = subprocess.run(
            ["unshare", "-m", "sh", "-c", script],
            env=tool.environment, cwd=tool.home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "bug of cachectl" not in ended.stderr
        if ended.returncode:
            assert ended.returncode == 6
            assert str(tool.directory) in ended.stderr
            assert "; " in ended.stderr or "\n  do    " in ended.stderr


@pytest.fixture
def logger():
    """The logger of the library, which is as it was afterwards."""
    found = logging.getLogger("cachectl")
    before = found.handlers[:], found.propagate, found.level
    yield found
    found.handlers[:], found.propagate = before[:2]
    found.setLevel(before[2])


def test_a_traceback_tells_no_password_and_nothing_that_a_terminal_obeys(capsys, logger):
    log_to_stderr(logging.DEBUG)
    try:
        sys.modules["redis://:s3cr3t@host \x1b[2J"]
    except KeyError:
        logger.exception("%s", "https://host/?password=s3cr3t \x1b[2J")
    told = capsys.readouterr().err
    assert "KeyError: 'redis://***@host" in told
    assert "https://host/?password=*** \\x1b[2J" in told
    assert "s3cr3t" not in told
    assert "\x1b" not in told
