"""Prometheus' own checks: `make promtool` brings the tool."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def promtool(*arguments: str, given: bytes = b"", directory: Path | None = None) -> str:
    """Run a check that must find nothing wrong, and return what it prints; skip without the tool."""
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    found = shutil.which("promtool", path=places)
    if found is None:
        pytest.skip("promtool is not installed: make promtool")
    ended = subprocess.run(
        [found, *arguments], input=given, cwd=directory, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    printed = ended.stdout.decode()
    assert ended.returncode == 0, printed
    return printed
