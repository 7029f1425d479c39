"""Values that tests look up and expect to be there."""

from typing import Any

from cachectl import MISSING


def found(value: Any) -> Any:
    """Return what a lookup returned, which must not be MISSING."""
    assert value is not MISSING
    return value
