"""A configuration file in a home of its own."""

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path for a configuration file, in an otherwise empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cachectl.toml"
