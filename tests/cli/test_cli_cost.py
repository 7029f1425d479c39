"""What calls cost: statements and round trips that do not grow, modules that are not imported."""

import json
import sqlite3
import subprocess
import sys
from typing import Any

import pytest

from cachectl.namespace import Write
from tests.cli.tool import Tool

HEAVY = ("numpy", "redis", "diskcache", "rich", "asyncio", "sqlite3")
RUN = """
from contextlib import suppress
from cachectl.cli.app import app
from cachectl.cli.exits import Stop
with suppress(Stop):
    app({}, standalone_mode=False)
"""


def fill(tool: Tool, entries: int) -> None:
    with tool.open() as cache:
        cache.namespace("a").set_many(Write(str(number), "v") for number in range(entries))


def test_stats_needs_as_many_statements_for_any_number_of_entries(tool, monkeypatch):
    """On files, `stats` runs the same SQL for 2,000 entries as for 10."""
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(statements.append)
        return connection

    def cost() -> list[str]:
        statements.clear()
        with tool.open() as cache:
            cache.stats()
        return list(statements)

    monkeypatch.setattr(sqlite3, "connect", traced)
    fill(tool, 10)
    few = cost()
    fill(tool, 2000)

    assert cost() == few
    assert few
    assert not [text for text in few if "FROM Cache" in text]


def test_stats_needs_as_many_round_trips_for_any_number_of_entries(on_redis, redis_server):
    """On Redis, a call of `stats` sends the same commands and reads as much."""

    def cost() -> dict[str, int]:
        with redis_server.client() as client:
            client.config_resetstat()
            assert on_redis("stats").code == 0
            calls = client.info("commandstats")
        return {name: part["calls"] for name, part in calls.items() if "config" not in name}

    fill(on_redis, 50)
    few = cost()
    fill(on_redis, 2000)

    assert cost() == few
    assert not {"cmdstat_keys", "cmdstat_scan", "cmdstat_flushdb"} & few.keys()


def imported(tool: Tool, script: str) -> list[str]:
    """Return which of the heavy modules a script leaves imported."""
    report = f"import sys, json; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    ended = subprocess.run(
        [sys.executable, "-c", f"{script}\n{report}"],
        env=tool.environment,
        capture_output=True,
        check=True,
    )
    found: list[str] = json.loads(ended.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["get", "a", "missing", "-f", "json"], ["sqlite3"]),
        (["get", "a", "1", "-f", "json"], ["diskcache", "sqlite3"]),
        (["set", "a", "1", "v"], ["diskcache", "sqlite3"]),
        (["stats", "--format", "json"], ["sqlite3"]),
        (["stats"], ["rich", "sqlite3"]),
        (["--version"], []),
    ],
    ids=" ".join,
)
def test_a_call_imports_what_it_uses(tool, arguments, expected):
    """On files a call imports the database, Rich for a table, and diskcache to write, be it
    that an entry was used: nothing more.
    """
    fill(tool, 10)

    assert imported(tool, RUN.format(arguments)) == expected


def test_starting_imports_nothing_heavy(tool):
    """Until a command needs them, none of the heavy modules is imported."""
    assert imported(tool, "import cachectl.cli.main") == []


def test_lookup_on_redis_imports_redis_alone(on_redis):
    """A lookup on Redis needs neither the file backend nor Rich."""
    fill(on_redis, 10)
    found = imported(on_redis, RUN.format(["get", "a", "1", "-f", "json"]))

    assert set(found) <= {"redis", "asyncio"}
