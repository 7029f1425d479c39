"""Keys that are made as applications make them: of features, and of named extras."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from cachectl._engine.namespace import Namespace
from cachectl._model.codecs.strict_json import parse_json
from cachectl._model.keys import HashedKey
from cachectl.errors import DamagedEntry, UsageError

HASHED: Final = r"(?:.*:)?(?P<hash>[0-9a-f]{64})"
"""Keys that end with a SHA-256, as those of features and of decorated functions do."""
_LEAST: Final = 4
_ENOUGH: Final = r"(?<![0-9a-f])[0-9a-f]{4,63}$"
_STRUCTURED: Final = ("{", "[", '"')  # what begins like this is meant as JSON, right or wrong


def stored_key(namespace: Namespace, key: str) -> str:
    """Return the key under which an entry is kept, or that of a listing, where keys are hashed."""
    stored = namespace.stored_key(key)
    if stored == key or re.fullmatch(r"[0-9a-f]{64}", key) is None or _holds(namespace, stored):
        return stored
    listed = HashedKey(key)
    return listed if _holds(namespace, listed) else stored


def beginning_with(namespace: Namespace, typed: str) -> Iterator[str]:
    """Yield the keys that are hashes, or end with one, and of which this is the beginning, or of the hash:
    four digits of it at least, and perhaps dots where it was shortened. It reads all keys.
    """
    typed = typed.rstrip("…").removesuffix("...")
    if re.search(_ENOUGH, typed) is None:
        return
    for info in namespace.entries():
        match = re.fullmatch(HASHED, info.key, re.DOTALL) if typed in info.key else None
        if match is None:
            continue
        start = match.start("hash")
        if info.key.startswith(typed, start) or (
            info.key.startswith(typed) and len(typed) >= start + _LEAST
        ):
            yield info.key


def _holds(namespace: Namespace, key: str) -> bool:
    try:
        return namespace.peek(key) is not None
    except DamagedEntry:
        return True


def parse_features(text: str) -> object:
    """Return what `--features` says. Raises `UsageError`."""
    try:
        return parse_json(text)
    except UsageError as error:
        raise UsageError(f"--features: {error}") from None


def parse_extra(texts: Sequence[str]) -> dict[str, Any]:
    """Return what one or more `--extra` say: JSON objects, or `name=value` where the value is JSON
    or else text. Raises `UsageError`.
    """
    found: dict[str, Any] = {}
    for name, value in _extras(texts):
        if name in found:
            raise UsageError(f"--extra: {name!r} is there twice")
        found[name] = value
    return found


def _extras(texts: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if text.lstrip().startswith("{"):
            yield from _object(text).items()
        elif name and equals:
            yield name, _value(value)
        else:
            raise UsageError(f"not an extra: {text!r} (write name=value or a JSON object)")


def _object(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = parse_json(text)
    except UsageError as error:
        raise UsageError(f"--extra: {error}") from None
    return found


def _value(text: str) -> object:
    try:
        return parse_json(text)
    except UsageError as error:
        if text.lstrip().startswith(_STRUCTURED):
            raise UsageError(f"--extra: {error}") from None
        return text
