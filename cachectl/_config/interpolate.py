"""`${VAR}` and `${VAR:-default}` in strings; `$$` is a dollar. No nesting, no commands.

What a variable holds is inserted as it is: a `$` in it means nothing.
"""

import re
from collections.abc import Mapping
from typing import Final

from cachectl._config.unseen import unseen

_DOLLAR: Final = r"""(?ax)\$
    (?: (?P<dollar>\$)
      | \{ (?P<name>[A-Za-z_][A-Za-z0-9_]*) (?: :- (?P<default>(?:[^${}]|\$\$)*) )? \}
    )?"""


def interpolate(text: str, environ: Mapping[str, str]) -> str:
    """Return `text` with its variables replaced; a default counts if unset or empty.

    Raises `ValueError`, saying what is wrong but never what a variable holds.
    """
    return re.sub(_DOLLAR, lambda match: _replacement(match, environ), text)


def variables(text: str, environ: Mapping[str, str]) -> list[str]:
    """Return what `interpolate` takes from outside, in words: a variable, or what stands in for it."""
    return [
        f"${{{match['name']}}}" if environ.get(match["name"]) else f"${{{match['name']}}} not set"
        for match in re.finditer(_DOLLAR, text)
        if match["name"]
    ]


def _replacement(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    name, default = match["name"], match["default"]
    if name is None:
        raise ValueError("expected ${NAME}, ${NAME:-default} or $$ for a dollar, found another $")
    if reason := unseen(environ.get(name)):
        raise ValueError(f"variable {name}: {reason}")
    if default is not None:
        return environ.get(name) or default.replace("$$", "$")
    try:
        return environ[name]
    except KeyError:
        raise ValueError(
            f"expected the variable {name}, found that it is not set "
            f"(${{{name}:-default}} gives it a default)"
        ) from None
