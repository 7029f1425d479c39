"""What a call was made with, for people: the label of its entry."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from itertools import chain, islice
from typing import Any, Final

from cachectl._masking import is_secret, masked

_BETWEEN: Final = " · "
_MOST_ARGUMENTS: Final = 12
_MOST_ITEMS: Final = 3
_LONGEST: Final = 40
_PLAIN: Final = frozenset((int, float, bool, complex, type(None)))
_TOLD: Final = frozenset(("datetime", "decimal", "fractions", "pathlib", "uuid"))
"""Modules whose values say in a short text what they are."""


def label_of(arguments: Mapping[str, Any]) -> str:
    """Return the arguments of a call, by name, shortened: `kind genre · tempo 120.0`. What is in a
    dictionary stands beside the others. Nothing that an application made is asked for its text, and
    what is called a secret is not told.
    """
    words = (_named(name, value) for name, value in islice(_flat(arguments), _MOST_ARGUMENTS))
    return masked(_BETWEEN.join(words))


def _flat(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values, of dictionaries what is in them."""
    parts = (
        value.items() if type(value) is dict and not is_secret(name) else [(name, value)]
        for name, value in arguments.items()
    )
    return ((name, value) for name, value in chain.from_iterable(parts) if type(name) is str)


def _named(name: str, value: object) -> str:
    return f"{name[:_LONGEST]} {'***' if is_secret(name) else _told(value)}"


def _told(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
    if kind in _PLAIN:
        return repr(value) if kind is not int or abs(value) < 10**_LONGEST else "int"
    if kind in {list, tuple, set, frozenset}:
        return _listed(value)
    if isinstance(value, Enum):
        return str(value.name)[:_LONGEST]
    if isinstance(value, type):
        return value.__name__[:_LONGEST]
    return str(value)[:_LONGEST] if kind.__module__ in _TOLD else kind.__name__


def _listed(values: Iterable[Any]) -> str:
    """Return the first of several values, without what is within them."""
    first = [_inner(value) for value in islice(values, _MOST_ITEMS + 1)]
    return ", ".join([*first[:_MOST_ITEMS], *("…" for _ in first[_MOST_ITEMS:])])


def _inner(value: object) -> str:
    return type(value).__name__ if isinstance(value, list | tuple | set | dict) else _told(value)
