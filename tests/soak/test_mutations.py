"""Faults that were put into a copy of the package are found by its tests, each within seconds."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
FAILED = 1
"""What pytest ends with if tests failed, and not for another reason."""
SECONDS = 300


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, and the tests beside it."""
    shutil.copytree(ROOT / "cachectl", tmp_path / "cachectl")
    for name in ("tests", "pyproject.toml", "benchmarks", "config.example.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_a_fault_is_found(copy: Path, mutation: Mutation) -> None:
    """The tests that are named fail, as they do not without it."""
    source = copy / "cachectl" / mutation.file
    text = source.read_text()
    assert text.count(mutation.right) == 1
    source.write_text(text.replace(mutation.right, mutation.wrong))
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--rootdir", str(copy),
         *shlex.split(mutation.tests)],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "CACHECTL_REQUIRE_REDIS": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert ended.returncode == FAILED, ended.stdout[-3000:]
