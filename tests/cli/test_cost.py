"""What calls cost: statements and round trips that do not grow, modules that are not imported."""

import json
import re
import sqlite3
import subprocess
import sys
from typing import Any

import pytest

from cachectl._model.write import Write
from tests.cli.support.tool import Tool

HEAVY = {
    "asyncio", "concurrent.futures", "csv", "decimal", "diskcache", "email", "hashlib",
    "importlib.metadata", "numpy", "pydantic", "pydantic_core", "redis", "rich",
    "rich.table", "sqlite3", "tomllib",
}  # fmt: skip
"""What takes longer to import than most calls have to spare."""

GET = {
    "cachectl",
    "cachectl._masking",
    "cachectl._model.values",
    "cachectl._backends",
    "cachectl._cli",
    "cachectl._cli.app",
    "cachectl._cli.commands",
    "cachectl._cli.commands.get",
    "cachectl._cli.commands.options",
    "cachectl._cli.exits",
    "cachectl._cli.grammar",
    "cachectl._cli.main",
    "cachectl._cli.output",
    "cachectl._cli.output.logs",
    "cachectl._cli.output.streams",
    "cachectl._cli.output.text",
    "cachectl._cli.postponed",
    "cachectl._cli.session",
    "cachectl._config",
    "cachectl._config.fields",
    "cachectl._config.files",
    "cachectl._config.interpolate",
    "cachectl._config.messages",
    "cachectl._config.models",
    "cachectl._config.reading",
    "cachectl._config.sources",
    "cachectl._config.unseen",
    "cachectl._engine",
    "cachectl._engine.base_cache",
    "cachectl._engine.base_namespace",
    "cachectl._engine.cache",
    "cachectl._engine.checks",
    "cachectl._engine.compose",
    "cachectl._engine.core",
    "cachectl._engine.counting",
    "cachectl._engine.disabled",
    "cachectl._engine.drivers",
    "cachectl._engine.entries",
    "cachectl._engine.forking",
    "cachectl._engine.freshness",
    "cachectl._engine.handle",
    "cachectl._engine.hooks",
    "cachectl._engine.hashed",
    "cachectl._engine.namespace",
    "cachectl._engine.operations",
    "cachectl._engine.options",
    "cachectl._engine.policies",
    "cachectl._engine.singleflight",
    "cachectl._engine.singleflight.flights",
    "cachectl._engine.singleflight.lead",
    "cachectl._engine.state",
    "cachectl._engine.weights",
    "cachectl._engine.writer",
    "cachectl._metrics",
    "cachectl._metrics.counters",
    "cachectl._metrics.events",
    "cachectl._metrics.flusher",
    "cachectl._metrics.known_keys",
    "cachectl._metrics.outgoing",
    "cachectl._metrics.private",
    "cachectl._metrics.recorder",
    "cachectl._metrics.sketches",
    "cachectl._metrics.thread_counters",
    "cachectl._metrics.troubles",
    "cachectl._metrics.windows",
    "cachectl._metrics.write_behind",
    "cachectl._model",
    "cachectl._model.arguments",
    "cachectl._model.batches",
    "cachectl._model.canonical",
    "cachectl._model.codecs",
    "cachectl._model.codecs.text",
    "cachectl._model.compression",
    "cachectl._model.coroutines",
    "cachectl._model.entry",
    "cachectl._model.envelope",
    "cachectl._model.deadline",
    "cachectl._model.importing",
    "cachectl._model.interrupts",
    "cachectl._model.keys",
    "cachectl._model.outcome",
    "cachectl._model.policy",
    "cachectl._model.records",
    "cachectl._model.settings",
    "cachectl._model.tally",
    "cachectl._model.targets",
    "cachectl._model.turn",
    "cachectl._model.units",
    "cachectl._model.write",
    "cachectl.errors",
}
"""Our own modules that a lookup needs, besides those of its backend."""

REPORT = "import atexit, json, sys; atexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr))"
MAIN = "from cachectl._cli.main import main; main()"


def fill(tool: Tool, entries: int) -> None:
    with tool.open() as cache:
        cache.namespace("a").set_many(Write(str(number), "v") for number in range(entries))


def test_stats_needs_as_many_statements_for_any_number_of_entries(tool, monkeypatch):
    """On files, `stats` runs the same SQL for 2,000 entries as for 10; of entries it reads a sample."""
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
        return [re.sub(r"\d{9,}(\.\d+)?", "now", statement) for statement in statements]

    monkeypatch.setattr(sqlite3, "connect", traced)
    fill(tool, 10)
    few = cost()
    fill(tool, 2000)

    assert cost() == few
    assert few
    sample, expired = (text for text in few if "FROM entries" in text)
    assert sample.lstrip().startswith("WITH RECURSIVE")
    assert "due_at <= now ORDER BY due_at LIMIT 10000" in expired


def test_stats_needs_as_many_round_trips_for_any_number_of_entries(on_redis, redis_server):
    """On Redis, a call of `stats` sends the same commands and reads as much."""

    def cost() -> dict[str, int]:
        with redis_server.client() as client:
            client.config_resetstat()
            assert on_redis("stats").code == 0
            calls = client.info("commandstats")
        return {name: part["calls"] for name, part in calls.items() if "config" not in name}

    fill(on_redis, 50)
    cost()  # the server learns its scripts
    few = cost()
    fill(on_redis, 2000)

    assert cost() == few
    assert not {"cmdstat_keys", "cmdstat_scan", "cmdstat_flushdb"} & few.keys()


def imported(tool: Tool, *arguments: str, program: str = MAIN) -> set[str]:
    """Return the modules that a process has imported at its end, without a warning."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{REPORT}\n{program}", *arguments],
        env=tool.environment,
        cwd=tool.home,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in ended.stderr
    found: list[str] = json.loads(ended.stderr.splitlines()[-1])
    return set(found)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["get", "a", "missing"], {"sqlite3"}),
        (["get", "a", "1"], {"sqlite3"}),
        (["--config", "empty.toml", "get", "a", "1"], {"sqlite3", "tomllib"}),
        (["set", "a", "1", "v"], {"decimal", "sqlite3"}),
        (["stats", "--format", "json"], {"sqlite3"}),
        (["stats"], {"rich", "sqlite3"}),
        (["get"], set()),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_call_imports_what_it_uses(tool, arguments, expected):
    """On files that is the database, and Rich for a table."""
    fill(tool, 10)
    (tool.home / "empty.toml").touch()

    assert imported(tool, *arguments) & HEAVY == expected


def test_a_wrong_configuration_imports_what_explains_it(tool):
    """Only then is pydantic worth its time, and nothing is opened."""
    found = imported(tool, "--backend", "nosuch", "get", "a", "1")

    assert "pydantic" in found
    assert "sqlite3" not in found


def test_starting_imports_nothing_heavy(tool):
    """Until a command is known there is not even Typer: a signal finds its handler."""
    assert imported(tool, program="import cachectl._cli.main") & (HEAVY | {"typer"}) == set()


def test_importing_the_package_imports_no_engine(tool):
    """Whoever handles an error of ours need not import what raises it."""
    code = "from cachectl import CacheError; from cachectl import Cache"
    both = imported(tool, program=code)
    errors = imported(tool, program=code.partition(";")[0])

    assert {"cachectl._engine.cache", "cachectl._engine.namespace"} <= both
    assert {name for name in errors if "cachectl" in name} == {
        "cachectl", "cachectl._masking", "cachectl._model", "cachectl._model.entry",
        "cachectl.errors",
    }  # fmt: skip


def test_a_lookup_imports_its_own_command_alone(tool):
    """Neither the other commands nor what only they use."""
    fill(tool, 10)
    found = imported(tool, "-q", "get", "a", "1")
    ours = {name for name in found if name.startswith("cachectl")}

    assert {name for name in ours if not name.startswith("cachectl._backends.")} == GET


def test_the_version_is_said_without_any_command(tool):
    assert not {
        name for name in imported(tool, "--verbose", "--version") if "_cli.commands." in name
    }


def test_lookup_on_redis_imports_little(on_redis):
    """A lookup on Redis needs neither the file backend nor Rich, nor redis-py."""
    fill(on_redis, 10)
    found = imported(on_redis, "get", "a", "1")

    assert not found & HEAVY & {"diskcache", "numpy", "pydantic", "redis", "rich", "sqlite3"}
