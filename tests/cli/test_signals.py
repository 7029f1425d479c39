"""Signals in the middle of work: what was done is told, and a second run completes."""

import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from cachectl import Cache
from cachectl._model.write import Write
from tests.cli.support.tool import COMMAND, Tool
from tests.support.openers import settings
from tests.support.servers import Server

ENTRIES = 20_000
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
"""All are answered by one handler: each is sent to each kind of command, but not to all that there are."""
LOADER = """
import pathlib, threading

def load(key):
    if key == "2":
        pathlib.Path("started").touch()
        threading.Event().wait()
    return key
"""


def healthy(tool: Tool) -> bool:
    """Return whether the database is whole, and its totals are those of its rows."""
    with closing(sqlite3.connect(tool.directory / "cache.db")) as connection:
        ((check,),) = connection.execute("PRAGMA quick_check")
        ((rows,),) = connection.execute("SELECT count(*) FROM entries")
        ((total,),) = connection.execute("SELECT sum(entries) FROM namespaces")
    return (check, rows) == ("ok", total)


def interrupted(
    process: "subprocess.Popen[bytes]",
    signum: signal.Signals,
    condition: Callable[[], bool],
    stopped: "subprocess.Popen[bytes] | None" = None,
) -> tuple[int, bytes, str]:
    """Send the signal once the condition is true, and return how it ended; another process may be
    stopped meanwhile.
    """
    while not condition():
        assert process.poll() is None, process.communicate()
    if stopped is not None:
        stopped.send_signal(signal.SIGSTOP)
    process.send_signal(signum)
    if stopped is not None:
        stopped.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=10)
    assert b"Traceback" not in err
    return process.returncode, out, err.decode()


def held(tool: Tool) -> int:
    with tool.open() as cache:
        return cache.stats().totals.entries


@contextmanager
def on_redis(tool: Tool, server: Server) -> Iterator[tuple[Tool, Cache]]:
    """A tool on an empty server of ours, and a cache that looks at what it does."""
    with server.client() as client:
        client.flushall()
    tool = tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=server.url)
    with Cache.of(settings("redis", redis__url=server.url), strict=True) as cache:
        yield tool, cache


@pytest.fixture
def filled(tool):
    """A cache that takes a while to be emptied."""
    with tool.open() as cache:
        cache.namespace("a").set_many(Write(str(number), "v") for number in range(ENTRIES))
    return tool


@pytest.mark.parametrize(
    ("command", "signum"),
    [
        ("clear a --yes", signal.SIGTERM),
        ("clear a --yes", signal.SIGHUP),
        ("cleanup --max-entries 1 --yes", signal.SIGINT),
    ],
)
def test_removal_that_is_interrupted(filled, command, signum):
    """It ends with 128 + the signal and says how much it removed: what is gone, and no less."""
    process = filled.start(*command.split())
    code, out, err = interrupted(process, signum, lambda: held(filled) < ENTRIES)
    left = held(filled)

    assert (code, out) == (CODES[signum], b"")
    said, end = err.splitlines()
    assert end == f"cachectl: interrupted by {signum.name}"
    told = re.match(r"removed ([\d,]+) entr", said)
    assert told
    assert int(told[1].replace(",", "")) == ENTRIES - left
    assert healthy(filled)
    assert filled(*command.split()).code == 0
    assert held(filled) <= 1
    assert healthy(filled)


@pytest.mark.parametrize("signum", CODES)
def test_warm_that_is_interrupted(tool, signum):
    """What was written is told and stays; a second run writes the rest."""
    reader, writer = os.pipe()
    process = tool.start("warm", "-", "-n", "a", "--format", "json", stdin=reader)
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        for number in range(1200):
            pipe.write(b'{"key": "%d", "value": 1}\n' % number)
        pipe.flush()
        code, out, err = interrupted(process, signum, lambda: held(tool) >= 1000)

    assert (code, err) == (CODES[signum], f"cachectl: interrupted by {signum.name}\n")
    report = json.loads(out)
    assert held(tool) == 1000
    assert report["schema"] == "cachectl.warm/1"
    assert report["written"] == 1000
    assert healthy(tool)


def test_loader_that_never_returns(tool):
    """A loader that hangs does not keep the tool from ending; what others brought is kept."""
    (tool.home / "slow.py").write_text(LOADER)
    (tool.home / "keys.txt").write_text("1\n2\n3\n")
    command = ["warm", "--loader", "slow:load", "--keys", "keys.txt", "-n", "a", "--jobs", "1"]
    process = tool.start(*command)
    code, _, err = interrupted(process, signal.SIGTERM, (tool.home / "started").exists)

    assert code == 143
    assert "1 written" in err
    assert err.endswith("cachectl: interrupted by SIGTERM\n")
    with tool.open() as cache:
        assert cache.namespace("a").get("1") == "1"


def test_warm_that_is_interrupted_adds_up(shared):
    """Of what was written, what was replaced or evicted again is told also then."""
    (shared.home / "slow.py").write_text(LOADER)
    (shared.home / "keys.txt").write_text("1\n1\n2\n3\n")
    lines = [f'{{"key": "k{number % 700}", "value": 1}}\n' for number in range(1000)]
    (shared.home / "m.jsonl").write_text("".join(lines))
    limited = shared.having(CACHECTL_NAMESPACES__A__MAX_ENTRIES="500")
    command = ["warm", "m.jsonl", "--loader", "slow:load", "--keys", "keys.txt", "-n", "a"]
    process = limited.start(*command, "--jobs", "1", "--format", "json")
    code, out, err = interrupted(process, signal.SIGHUP, (shared.home / "started").exists)

    assert (code, err) == (129, "cachectl: interrupted by SIGHUP\n")
    report = json.loads(out)
    lost = report["replaced"] + report["evicted"]
    assert report["written"] - lost == report["kept"] == held(shared) == 500
    assert report["evicted_by"] == {"max_entries of a": report["evicted"]}


def test_terminal_that_goes_away(tool):
    """What was done stays done; nobody waits for what the other side has left."""
    (tool.home / "slow.py").write_text(LOADER)
    (tool.home / "keys.txt").write_text("1\n2\n3\n")
    command = ["warm", "--loader", "slow:load", "--keys", "keys.txt", "-n", "a", "--jobs", "1"]
    process = tool.start(*command, stdout=subprocess.DEVNULL)
    assert process.stderr
    while not (tool.home / "started").exists():
        assert process.poll() is None
    process.stderr.close()
    process.send_signal(signal.SIGHUP)

    assert process.wait(timeout=10) == 129
    with tool.open() as cache:
        assert cache.namespace("a").get("1") == "1"


def test_who_is_not_to_hang_up_goes_on(tool):
    """As nohup asks for."""
    reader, writer = os.pipe()
    command = f"trap '' HUP; exec {' '.join(COMMAND)} warm - -n a"
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=tool.home, env=tool.environment,
        stdin=reader, stdout=-1, stderr=-1,
    )  # fmt: skip
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        for number in range(500):
            pipe.write(b'{"key": "%d", "value": 1}\n' % number)
        pipe.flush()
        while not tool.directory.exists() or held(tool) < 500:
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)
        pipe.write(b'{"key": "last", "value": 1}\n')
    _, err = process.communicate(timeout=30)
    assert (process.returncode, held(tool)) == (0, 501)
    assert err.startswith(b"501 read in ")


@pytest.mark.parametrize(
    ("form", "signum"), list(zip(["json", "jsonl", "csv"], CODES, strict=True))
)
def test_listing_that_is_interrupted(filled, form, signum):
    """It says so, and JSON says that it is not complete."""
    process = filled.start("inspect", "a", "--format", form)
    assert process.stdout
    assert process.stdout.readline()
    code, out, err = interrupted(process, signum, lambda: True)

    assert code == CODES[signum]
    listed, end = err.splitlines()
    assert re.fullmatch(r"listed [\d,]+ entr(y|ies), and not all", listed)
    assert end == f"cachectl: interrupted by {signum.name}"
    assert (b'"complete": false' in out) == (form == "json")


@pytest.mark.parametrize("signum", CODES)
def test_watching_ends_with_the_signal(tool, signum):
    """Nothing was left undone."""
    process = tool.start("stats", "--watch")
    assert process.stdout
    assert process.stdout.readline()
    assert interrupted(process, signum, lambda: True)[0] == 0


def test_interrupted_while_asking(tool):
    """Ctrl-C at the question removes nothing."""
    with tool.open() as cache:
        cache.namespace("a").set("k", "v")
    with tool.on_terminal("clear", "a") as terminal:
        terminal.wait_for(b"[y/N] ")
        terminal.process.send_signal(signal.SIGINT)
        ended = terminal.end()

    assert ended.code == 130
    assert b"interrupted by SIGINT" in ended.raw
    assert held(tool) == 1


def test_killed_cleanup_leaves_no_lock(filled):
    """After SIGKILL nothing is locked, and the next run completes."""
    process = filled.start("cleanup", "--max-entries", "1", "--yes", stderr=subprocess.DEVNULL)
    while held(filled) == ENTRIES:
        assert process.poll() is None
    process.kill()
    process.communicate()

    assert healthy(filled)
    assert filled("cleanup", "--max-entries", "1", "--yes") == (0, b"", "")
    assert held(filled) <= 1


@pytest.mark.parametrize(
    ("command", "counter", "signum"),
    [
        ("clear a --yes", "invalidated", signal.SIGINT),
        ("clear --tag t --yes", "invalidated", signal.SIGTERM),
        ("clear a --match * --yes", "invalidated", signal.SIGHUP),
        ("cleanup --max-entries 1 --yes", "evictions", signal.SIGTERM),
    ],
)
def test_what_is_on_its_way_to_redis_is_told_and_counted(
    tool, redis_server, command, counter, signum
):
    """The server stands still for a moment, so that a batch is surely on its way."""
    with on_redis(tool, redis_server) as (on_it, cache):
        users = cache.namespace("a")
        users.set_many(Write(str(number), "v", tags=["t"]) for number in range(ENTRIES))
        process = on_it.start(*command.split())
        code, out, err = interrupted(
            process, signum, lambda: cache.usage("a")["a"].entries < ENTRIES, redis_server.process
        )
        gone = ENTRIES - cache.usage("a")["a"].entries
        assert (code, out) == (CODES[signum], b"")
        said, end = err.splitlines()
        assert end == f"cachectl: interrupted by {signum.name}"
        told = re.match(r"removed ([\d,]+) entr", said)
        assert told
        assert int(told[1].replace(",", "")) == gone
        assert getattr(cache.stats("a").namespaces["a"], counter) == gone
        assert 0 < gone < ENTRIES


@pytest.mark.parametrize("signum", CODES)
def test_what_a_warm_has_on_its_way_to_redis_is_told_and_counted(tool, redis_server, signum):
    (tool.home / "many.jsonl").write_text(
        "".join(f'{{"key": "{number}", "value": 1}}\n' for number in range(ENTRIES))
    )
    with on_redis(tool, redis_server) as (on_it, cache):
        process = on_it.start("warm", "many.jsonl", "-n", "a", "--format", "json")
        code, out, err = interrupted(
            process, signum, lambda: "a" in cache.usage("a"), redis_server.process
        )
        assert (code, err) == (CODES[signum], f"cachectl: interrupted by {signum.name}\n")
        written = json.loads(out)["written"]
        assert written == cache.usage("a")["a"].entries
        assert written == cache.stats("a").namespaces["a"].sets
        assert 0 < written < ENTRIES


def test_who_is_interrupted_twice_does_not_wait(tool, redis_server):
    """The second time ends it, whatever is on its way."""
    with on_redis(tool, redis_server) as (on_it, cache):
        cache.namespace("a").set_many(Write(str(number), "v") for number in range(ENTRIES))
        process = on_it.start("cleanup", "--max-entries", "1", "--yes")
        while cache.usage("a")["a"].entries == ENTRIES:
            assert process.poll() is None
        redis_server.process.send_signal(signal.SIGSTOP)
        try:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=10)
        finally:
            redis_server.process.send_signal(signal.SIGCONT)
        assert process.returncode in CODES.values()
