"""JSON from outside: strict, and what is wrong is told without showing the value."""

import json
import math
from typing import Any, Final

from cachectl.errors import UsageError


def parse_json(text: str) -> Any:
    """Return what a JSON text says. Names that repeat, NaN and infinity are refused."""
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"not JSON at character {error.pos + 1}: {error.msg}") from None
    except RecursionError:
        raise UsageError("JSON that is nested too deep") from None
    except ValueError:
        raise UsageError("JSON with a number of too many digits") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UsageError("JSON in which an object has the same name twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UsageError("JSON has no NaN and no infinity")
    return number


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite
)
