"""A million entries: figures stay right, and commands stay small. Run by `make soak`."""

import json
import subprocess
import sys

import pytest

from cachectl import Cache
from cachectl._model.outcome import Outcome
from cachectl._model.write import Write

MILLION = 1_000_000
MOST_MEMORY = 150 * 1024  # KiB, as Linux counts the peak of a process
MEASURE = (
    "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:]).returncode;"
    "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss; sys.exit(f'{code} {peak}')"
)


@pytest.fixture(params=["file", "redis"])
def config(request, tmp_path, redis_url):
    """A configuration over each backend that keeps entries for other processes."""
    path = tmp_path / "cachectl.toml"
    path.write_text(
        f'backend = "{request.param}"\n[file]\ndirectory = "cache"\n'
        f'[redis]\nurl = "{redis_url}"\n[defaults]\nttl = "1h"\n'
    )
    return path


def run(config, *arguments):
    """Run a command, check what it needed, and return the file with what it printed.

    A small process starts it: a child is also charged with what its parent was before it.
    """
    printed = config.with_name("printed")
    command = [sys.executable, "-m", "cachectl", "--config", str(config), *arguments]
    with printed.open("wb") as output:
        measured = [sys.executable, "-c", MEASURE, *command]
        ended = subprocess.run(
            measured, stdout=output, stderr=subprocess.PIPE, check=False, timeout=600
        )
    code, peak = ended.stderr.split()[-2:]

    assert int(code) == 0, ended.stderr
    assert int(peak) < MOST_MEMORY
    return printed


def report(config, *arguments):
    """Run a command and return its JSON document."""
    return json.loads(run(config, *arguments, "--format", "json").read_bytes())


def test_a_million_entries_are_counted_listed_cleaned_and_cleared(config):
    """Every command does its work on a million entries in less than 150 MB."""
    with Cache.open(config) as cache:
        writes = (Write(f"key:{n:07d}", {"n": n}) for n in range(MILLION))
        assert cache.namespace("many").set_many(writes).count(Outcome.STORED) == MILLION

    held = report(config, "stats")["namespaces"]["many"]
    assert (held["entries"], held["sets"]) == (MILLION, MILLION)
    with run(config, "inspect", "many", "--format", "jsonl").open("rb") as listing:
        assert sum(1 for _ in listing) == MILLION

    table = run(config, "inspect", "many", "--limit", "0", "-F", "size<1MB")
    with table.open("rb") as lines:
        assert sum(1 for line in lines if not line.startswith(b"#")) == MILLION + 1
    some = ["inspect", "many", "-F", "key~key:00000*", "-F", "uses=0"]
    assert report(config, *some, "--count")["entries"] == 100
    assert len(report(config, *some, "--sort", "key:desc")["entries"]) == 100
    largest = report(config, "inspect", "many", "--sort", "size", "--limit", "100000")
    assert (len(largest["entries"]), largest["complete"]) == (100_000, False)
    summary = report(config, "inspect", "many", "--summary")["namespaces"]["many"]
    assert (summary["entries"], summary["never_used"]["entries"]) == (MILLION, MILLION)

    assert report(config, "cleanup", "--max-entries", "600000", "--yes")["entries"] == 400_000
    assert report(config, "clear", "many", "--yes")["entries"] == 600_000
    assert report(config, "stats")["totals"]["bytes"] == 0
