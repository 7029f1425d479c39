"""What starting costs: the modules that a lookup imports besides those of Typer."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import cachectl

MOST: Final = 24
"""Modules of Python and of others. A database, a checksum, JSON and logging need so many."""

FILE: Final = {
    "base",
    "below",
    "trust",
    "base_store",
    "counter_database",
    "counter_tables",
    "directory",
    "eviction",
    "eviction.access_log",
    "file",
    "file.backend",
    "file.eviction",
    "file.leases",
    "file.options",
    "file.policies",
    "file.pool",
    "file.put",
    "file.reader",
    "file.row_changes",
    "file.rows",
    "file.schema",
    "file.store",
    "file.table",
    "file.transaction",
    "file.transactions",
    "file.value_files",
    "file.writer",
    "capabilities",
    "protocols",
    "selection",
    "sketch_tables",
    "immediate",
    "leases",
    "place",
    "sqlite",
}
"""Modules of ours below `cachectl._backends`: those that read, and those that hand over the use."""

REPORT: Final = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
LOOKUP: Final = "from cachectl._cli.main import main; main()"


@pytest.fixture
def home(tmp_path) -> Path:
    """A home with a cache on files, and `key` in it."""
    imported(tmp_path, LOOKUP, "set", "a", "key", "value")
    return tmp_path


def imported(home: Path, program: str, *arguments: str) -> set[str]:
    """Return the modules that a process has imported when it ends."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{REPORT}\n{program}", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(Path(cachectl.__file__).parents[1]),
        },
        cwd=home,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(ended.stderr.split())


def test_a_hit_imports_few_modules_that_typer_does_not(home):
    """Ours are listed elsewhere."""
    found = imported(home, LOOKUP, "get", "a", "key") - imported(home, "import typer")

    others = {name for name in found if name.partition(".")[0] != "cachectl"}
    assert "sqlite3" in others
    assert len(others) <= MOST, sorted(others)


def test_the_version_needs_the_command_line_alone(home):
    """No cache, no configuration, no backend, and nothing that looks for what is installed."""
    found = imported(home, LOOKUP, "--version")

    ours = {name.split(".")[1] for name in found if name.startswith("cachectl.")}
    assert ours == {"_backends", "_cli", "_masking", "_model", "errors"}
    assert not {name for name in found if name.startswith("cachectl._backends.")}
    assert not found & {"dataclasses", "email", "importlib.metadata"}


@pytest.mark.parametrize("arguments", [["--version"], ["get", "a", "key"]], ids=" ".join)
def test_what_typer_imports_for_others_is_not_loaded(home, arguments):
    """Archives of a kind that nobody unpacks, and programs that nobody starts."""
    found = imported(home, LOOKUP, *arguments)

    assert {"bz2", "subprocess"} <= found
    assert not found & {"_bz2", "_compression", "_lzma", "_posixsubprocess", "selectors"}


def test_a_hit_imports_the_modules_of_its_backend_alone(home):
    found = imported(home, LOOKUP, "get", "a", "key")

    prefix = "cachectl._backends."
    assert {name.removeprefix(prefix) for name in found if name.startswith(prefix)} == FILE
