"""A million entries: figures stay right, and commands stay small. Run by `make soak`."""

import json
import resource
import subprocess
import sys

import pytest

from cachectl import Cache
from cachectl.namespace import Write

MILLION = 1_000_000
MOST_MEMORY = 150 * 1024  # KiB, as Linux counts the peak of a process


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
    """Run a command, check what it needed, and return its JSON document."""
    command = [sys.executable, "-m", "cachectl", "--config", str(config), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    assert ended.returncode == 0, ended.stderr
    assert peak < MOST_MEMORY
    return json.loads(ended.stdout)


def test_a_million_entries_are_counted_listed_cleaned_and_cleared(config):
    """Every command does its work on a million entries in less than 150 MB."""
    with Cache.open(config) as cache:
        writes = (Write(f"key:{n:07d}", {"n": n}) for n in range(MILLION))
        assert cache.namespace("many").set_many(writes) == MILLION

    held = run(config, "stats", "--format", "json")["namespaces"]["many"]
    assert (held["entries"], held["sets"]) == (MILLION, MILLION)
    assert len(run(config, "inspect", "many", "--format", "json")["entries"]) == MILLION

    cleaned = run(config, "cleanup", "--max-entries", "600000", "--format", "json")
    assert cleaned["entries"] == 400_000

    cleared = run(config, "clear", "many", "--yes", "--format", "json")
    assert cleared["entries"] == 600_000
    assert run(config, "stats", "--format", "json")["totals"]["bytes"] == 0
