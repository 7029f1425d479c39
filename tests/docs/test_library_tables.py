"""The tables of the page for users of the library are true, row by row."""

import os
import re
import sys
from collections.abc import Callable, Iterator

import pytest

from cachectl import (
    BackendError,
    Cache,
    Event,
    EventKind,
    MissReason,
    Outcome,
)
from cachectl._backends.fallback import store as fallback
from tests.docs.blocks import Home
from tests.support.home import ROOT
from tests.support.servers import redis_server as run_redis_server

TEXT = (ROOT / "docs" / "library.md").read_text()
NOBODY = "redis://localhost:1/0"


def table(header: str) -> dict[str, list[str]]:
    """Return the rows of the table that begins so: the cells after the first, by the first."""
    found = re.search(rf"^{re.escape(header)}.*\n\|[-|]*\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found, header
    rows = [line.strip("|").split("|") for line in found[1].splitlines()]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def loading() -> str:
    return "loaded"


def decorated(cache: Cache) -> object:
    return cache.cached("users")(loading)()


OPERATIONS: dict[str, Callable[[Cache], object]] = {
    "get": lambda cache: cache.namespace("users").get("a"),
    "get_or_load": lambda cache: cache.namespace("users").get_or_load("a", loading),
    "decorated functions": decorated,
    "set": lambda cache: cache.namespace("users").set("a", 1),
    "set_many": lambda cache: cache.namespace("users").set_many({"a": 1}),
    "delete": lambda cache: cache.namespace("users").delete("a"),
    "delete_many": lambda cache: cache.namespace("users").delete_many(["a"]),
    "invalidate": lambda cache: cache.namespace("users").invalidate(tag="t"),
    "clear": lambda cache: cache.namespace("users").clear(),
    "Cache.invalidate": lambda cache: cache.invalidate(tag="t"),
    "Cache.clear": lambda cache: cache.clear(),
    "has": lambda cache: cache.namespace("users").has("a"),
    "in": lambda cache: "a" in cache.namespace("users"),
    "peek": lambda cache: cache.namespace("users").peek("a"),
    "entries": lambda cache: list(cache.namespace("users").entries()),
    "len": lambda cache: len(cache.namespace("users")),
    "Namespace.stats": lambda cache: cache.namespace("users").stats(),
    "Cache.stats": lambda cache: cache.stats(),
    "Cache.status": lambda cache: cache.status().status,
    "Cache.applications": lambda cache: cache.applications(),
    "Cache.usage": lambda cache: cache.usage(),
    "Cache.cleanup": lambda cache: cache.cleanup(),
    "Cache.flush": lambda cache: cache.flush(),
    "Cache.close": lambda cache: cache.close(),
    "Namespace.key": lambda cache: cache.namespace("users").key({"a": 1}),
    "Cache.policy": lambda cache: cache.policy("users"),
    "Cache.observe": lambda cache: cache.observe(print),
}
RAISES = {
    name.strip("` "): cells
    for row, cells in table("| operation |").items()
    for name in row.split(",")
}


COLUMNS = {"away": 0, "no place": 0, "refuses": 1, "strict": 2}


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """The URL of a Redis whose user may do nothing."""
    with run_redis_server() as server, server.client() as client:
        client.execute_command("ACL", "SETUSER", "nobody", "on", ">word", "+@connection")
        yield f"unix://nobody:word@{server.socket}"


@pytest.fixture(params=COLUMNS)
def trouble(request, tmp_path, refusing) -> Iterator[tuple[str, Cache]]:
    """A cache for applications whose Redis is away, one on a directory that is open to others, one
    whose Redis refuses everything, and a strict one whose Redis is away; one lookup waits to be
    counted.
    """
    if request.param == "no place":
        tmp_path.chmod(0o755)
        cache = Cache.open(directory=tmp_path)
    elif request.param == "refuses":
        cache = Cache.open(backend="redis", url=refusing)
    else:
        cache = Cache.open(backend="redis", url=NOBODY, strict=request.param == "strict")
    cache.namespace("users")._recorder.record_miss("a", MissReason.ABSENT, 0.0)
    yield request.param, cache
    if request.param != "strict":
        cache.close()


def test_every_operation_is_in_the_table():
    assert RAISES.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation", RAISES)
def test_an_operation_raises_where_the_table_says_so(operation, trouble, caplog):
    kind, cache = trouble
    told = RAISES[operation][COLUMNS[kind]]
    if told.startswith("raises"):
        with pytest.raises(BackendError):
            OPERATIONS[operation](cache)
        return
    returned = OPERATIONS[operation](cache)
    if "UNAVAILABLE" in told:
        assert returned in (Outcome.UNAVAILABLE, [Outcome.UNAVAILABLE])
    if "stores" in told:
        assert returned in (Outcome.STORED, [Outcome.STORED])
    if "loads" in told:
        assert returned == "loaded"
    if "fallback_only" in told:
        assert returned == "fallback_only"
    if "logs a warning" in told:
        assert "closed without writing the last counts" in caplog.text


def test_memory_stands_in_up_to_the_limits_that_the_page_names():
    assert f"{fallback.FALLBACK_ENTRIES:,} entries" in TEXT
    assert f"{fallback.FALLBACK_BYTES // 2**20} MiB a namespace" in TEXT


def test_memory_stands_in_for_a_directory_that_cannot_be_reached(tmp_path):
    (tmp_path / "file").touch()
    with Cache.open(directory=tmp_path / "file" / "cache") as cache:
        assert cache.namespace("users").set("a", 1) is Outcome.STORED
        assert cache.status().status == "fallback_only"


OPEN = """
import os, signal, sys, multiprocessing, concurrent.futures
from cachectl import Cache
cache = Cache.open(strict=STRICT)
users = cache.namespace("users")
def look():
    users.get("ann")
"""
NO_PLACE = """
from pathlib import Path
Cache.open(strict=True).namespace("users").set("bob", 1)
Path(os.environ["HOME"], ".cache/cachectl/slots").touch()
"""
FORK = "multiprocessing.get_context('fork')"
POOL = "concurrent.futures.ProcessPoolExecutor"
ENDS = {
    "calls `close`": ["look(); cache.close(); os._exit(0)", "look(); cache.flush(); os._exit(0)"],
    "returns": ["look()", "look(); sys.exit()", "look(); raise SystemExit(0)"],
    "is a worker of gunicorn": [
        f"child = {FORK}.Process(target=look); child.start(); child.join()",
        f"with {POOL}(mp_context={FORK}) as pool: pool.submit(look).result()",
    ],
    "ends by `os._exit`": ["look(); os._exit(0)"],
    "ends by a signal": ["look(); os.kill(os.getpid(), signal.SIGTERM)"],
    "is killed": ["look(); os.kill(os.getpid(), signal.SIGKILL)"],
    "ends with its machine": [],  # which no test can end
    "has no place for a slot": [NO_PLACE + "look(); os._exit(0)"],
    "ends while Redis is away": [],  # test_library has the outage
    "has a `strict` cache": ["look()"],
    "has a cache in memory": [],
}
LOSSES = table("| a process that |")


def test_every_loss_is_tested():
    for row in LOSSES:
        assert len([start for start in ENDS if row.startswith(start)]) == 1, row


@pytest.mark.parametrize(
    ("start", "program"), [(start, program) for start in ENDS for program in ENDS[start]]
)
def test_a_process_loses_what_the_table_says(start, program, tmp_path):
    (told,) = next(cells for row, cells in LOSSES.items() if row.startswith(start))
    home = Home(tmp_path)
    code = OPEN.replace("STRICT", str("strict" in start)) + program + "\n"
    arguments = [sys.executable, "-c", code]
    child = os.posix_spawn(sys.executable, arguments, {**home.environment})
    os.waitpid(child, 0)

    assert home.lookups("users") == (1 if told.startswith("nothing") else 0)


@pytest.mark.parametrize("flush", [True, False])
def test_uses_are_lost_as_counts_are(flush, tmp_path):
    """What a process has read, but not handed over, counts as read by the next who looks."""
    home = Home(tmp_path)
    directory = tmp_path / ".cache" / "cachectl"
    with Cache.open(directory=directory) as cache:
        cache.namespace("users").set_many({"ann": 1, "bob": 2})
    ends = ENDS["calls `close`" if flush else "ends by `os._exit`"][-1]
    home.run(sys.executable, "-c", OPEN.replace("STRICT", "False") + ends)

    with Cache.open(directory=directory) as cache:
        cache.flush()
        users = cache.namespace("users", max_entries=2)
        events: list[Event] = []
        cache.observe(events.append)
        users.set("eve", 3)
    evicted = [event.key for event in events if event.kind is EventKind.EVICTION]
    assert evicted == ["bob"]


def test_a_loaded_value_that_cannot_be_stored_reaches_the_caller(tmp_path):
    with Cache.open(directory=tmp_path / "cache") as cache:
        users = cache.namespace("users")
        assert users.get_or_load("a", lambda: (1, 2)) == (1, 2)
        assert users.stats().errors == 1
