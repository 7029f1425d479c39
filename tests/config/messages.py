"""What a wrong configuration is told."""

from pathlib import Path

import pytest

from cachectl._config import load
from cachectl.errors import ConfigError


def message(file: Path | str | None = None, **given: dict[str, str]) -> str:
    """Return the text of the error that these sources give."""
    with pytest.raises(ConfigError) as caught:
        load(file, overrides=given.get("overrides", {}), environ=given.get("environ", {}))
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return str(caught.value)
