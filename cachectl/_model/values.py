"""Values outside the cache: in files, pipes, JSON documents and on terminals.

What a type looks like there is said by its codec alone.
"""

from pathlib import PurePath
from typing import Final

from cachectl._model.codecs import CODECS, Codec, codec, codec_name, names, number_for, plugins
from cachectl.errors import UsageError

DEFAULT_TYPE: Final = "bytes"
"""What a file is whose suffix says nothing."""


def type_of(filename: str) -> str:
    """Return the type that the suffix of a file says."""
    suffix = PurePath(filename).suffix.lower()
    for registration in CODECS if suffix else ():
        if suffix in registration.suffixes:
            return registration.name
    plugged = (each.name for each in plugins() if suffix in each.suffixes) if suffix else ()
    return next(iter(plugged), DEFAULT_TYPE)


def check_type(name: str) -> str:
    """Return the name of a type if it is one. Raises `UsageError`."""
    if all(name != registration.name for registration in CODECS) and name not in names():
        raise UsageError(f"unknown type {name!r} (known: {', '.join(names())})")
    return name


def parse(kind: str, data: bytes) -> object:
    """Return the value of a type that a file with this content holds. Raises `UsageError`."""
    check_type(kind)
    number = next((each.number for each in CODECS if each.name == kind), None)
    if number is None:
        number = next(each.number for each in plugins() if each.name == kind)
    return codec(number).parse(data)


def describe(value: object) -> dict[str, object]:
    """Return members of a JSON document that hold the value, whatever it is, and its type."""
    number = number_for(value)
    return {"type": codec_name(number), **codec(number).describe(value)}


def render(value: object) -> bytes:
    """Return the value as a file or a pipe gets it."""
    return _codec(value).render(value)


def readable(value: object) -> str:
    """Return the value for people; it may hold anything that terminals obey.

    Raises `UsageError` if it is not for them.
    """
    return _codec(value).readable(value)


def preview(value: object) -> str:
    """Return what the value is, for people, uncut; it may hold anything that terminals obey."""
    return _codec(value).preview(value)


def _codec(value: object) -> Codec:
    return codec(number_for(value))
