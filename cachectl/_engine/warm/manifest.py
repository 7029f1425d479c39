"""Manifests: what one line may say, whatever the format of the file.

    namespace                 may be left out if the caller names one
    key | features            a string | whatever the namespace makes a key of
    extra                     an object: what else is in a key of features, by name
    value | value_file | value_base64
    type                      json, text, bytes, npy or npz; else a value is what it is in JSON, a
                              file what its suffix says (.json, .txt, .npy, .npz), base64 is bytes
    ttl                       a duration; else the namespace's
    tags                      a list of strings
    cost                      dollars

`value_file` is relative to the directory of the manifest and may not leave it.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cachectl._engine.warm.files import read_below
from cachectl._engine.warm.records import Features, Position, Record
from cachectl._model.values import check_type, parse, type_of
from cachectl.errors import UsageError

FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "namespace": (str,),
    "key": (str,),
    "features": (object,),
    "extra": (dict,),
    "value": (object,),
    "value_file": (str,),
    "value_base64": (str,),
    "type": (str,),
    "ttl": (str, int, float),
    "tags": (list,),
    "cost": (str, int, float),
    "label": (str,),
}
_KEYS: Final = ("key", "features")
VALUES: Final = ("value", "value_file", "value_base64")
_SHORT: Final = ("type", "ttl", "cost")
_LONGEST: Final = 64


class Manifest:
    """What the lines of a manifest have in common."""

    def __init__(self, directory: Path, namespace: str | None) -> None:
        self._directory = directory
        self._namespace = namespace

    def record(self, fields: Mapping[str, Any], position: Position, size: int) -> Record:
        """Return what a line of `size` bytes says. Raises `UsageError`."""
        _check(fields)
        value, size = self._value(fields, size)
        return Record(
            position,
            self._namespace_of(fields),
            _key(fields),
            value,
            size,
            ttl=fields.get("ttl"),
            tags=fields.get("tags", ()),
            cost=fields.get("cost", 0),
            label=fields.get("label", ""),
        )

    def _namespace_of(self, fields: Mapping[str, Any]) -> str:
        namespace: str | None = fields.get("namespace", self._namespace)
        if namespace is None:
            raise UsageError("there is no 'namespace'")
        return namespace

    def _value(self, fields: Mapping[str, Any], size: int) -> tuple[object, int]:
        """Return the value and the bytes it was read from."""
        name, kind = _only(VALUES, fields), fields.get("type")
        if name == "value":
            _check_inline(fields["value"], kind)
            return fields["value"], size
        if name == "value_base64":
            return parse(kind or "bytes", _from_base64(fields[name])), size
        data = read_below(self._directory, fields[name])
        return parse(kind or type_of(fields[name]), data), len(data)


def check_names(names: list[str]) -> None:
    """Raise `UsageError` for a name that is not a field."""
    for name in names:
        if name not in FIELDS:
            meant = difflib.get_close_matches(name[:_LONGEST], FIELDS, n=1)
            hint = f"did you mean {meant[0]!r}?" if meant else f"known are {', '.join(FIELDS)}"
            raise UsageError(f"unknown field {name[:_LONGEST]!r}, {hint}")


def _check(fields: Mapping[str, Any]) -> None:
    check_names(list(fields))
    for name, value in fields.items():
        if not isinstance(value, FIELDS[name]):
            known = " or ".join(kind.__name__ for kind in FIELDS[name])
            raise UsageError(f"{name!r} must be {known}, not {type(value).__name__}")
        if name in _SHORT and isinstance(value, str) and len(value) > _LONGEST:
            raise UsageError(f"{name!r} is longer than {_LONGEST} characters")
    if not all(isinstance(tag, str) for tag in fields.get("tags", ())):
        raise UsageError("'tags' must be a list of str")
    if "type" in fields:
        check_type(fields["type"])


def _key(fields: Mapping[str, Any]) -> str | Features:
    name = _only(_KEYS, fields)
    if name == "features":
        return Features(fields[name], fields.get("extra", {}))
    if "extra" in fields:
        raise UsageError("'extra' goes with 'features'")
    key: str = fields[name]
    return key


def _only(names: tuple[str, ...], fields: Mapping[str, Any]) -> str:
    """Return the one of `names` that is there. Raises `UsageError`."""
    given = [name for name in names if name in fields]
    if len(given) == 1:
        return given[0]
    if given:
        raise UsageError(f"{' and '.join(map(repr, given))} exclude each other")
    raise UsageError(f"there is no {' or '.join(map(repr, names))}")


def _check_inline(value: object, kind: str | None) -> None:
    if kind == "text" and not isinstance(value, str):
        raise UsageError(f"a value of type text must be str, not {type(value).__name__}")
    if kind not in {None, "json", "text"}:
        raise UsageError(f"type {kind} needs 'value_file' or 'value_base64'")


def _from_base64(text: str) -> bytes:
    import base64
    import binascii

    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("'value_base64' is not base64") from None
