"""Keys that are not simply typed: made of features, or read from stdin, where no shell history and
no list of processes shows what is secret.
"""

import sys
from collections.abc import Sequence
from typing import Final

from cachectl._admin.keys import parse_extra, parse_features, stored_key
from cachectl._engine.features import feature_key
from cachectl._engine.namespace import Namespace
from cachectl._model.codecs.text import utf8
from cachectl.errors import UsageError

STDIN: Final = "-"
_MOST: Final = 64 * 1024 * 1024
"""Bytes that are read from stdin."""


def named_key(
    namespace: Namespace, key: str | None, features: str | None, extra: Sequence[str]
) -> str:
    """Return the one key that is named. Raises `UsageError`."""
    found = named_keys(namespace, [] if key is None else [key], features, extra)
    if len(found) > 1:
        raise UsageError(f"one key is needed, not the {len(found)} on stdin")
    return found[0]


def named_keys(
    namespace: Namespace, keys: Sequence[str], features: str | None, extra: Sequence[str]
) -> list[str]:
    """Return the keys that are named, as they are stored; `-` is those on stdin, one a line, or each
    ended by NUL if there is any.
    """
    return [stored_key(namespace, key) for key in _named(namespace, keys, features, extra)]


def _named(
    namespace: Namespace, keys: Sequence[str], features: str | None, extra: Sequence[str]
) -> list[str]:
    if bool(keys) == (features is not None):
        raise UsageError("give either KEY or --features JSON")
    if features is not None:
        text = _stdin() if features == STDIN else features
        return [feature_key(namespace, parse_features(text), parse_extra(extra))]
    if extra:
        raise UsageError("--extra goes with --features")
    typed = [key for key in keys if key != STDIN]
    return typed if len(typed) == len(keys) else [*typed, *_lines()]


def _lines() -> list[str]:
    text = _stdin()
    keys = (
        text.split("\0") if "\0" in text else [key.removesuffix("\r") for key in text.split("\n")]
    )
    found = [key for key in keys if key]
    if not found:
        raise UsageError("there is no key on stdin")
    return found


def _stdin() -> str:
    data = sys.stdin.buffer.read(_MOST + 1)
    if len(data) > _MOST:
        raise UsageError(f"more than {_MOST} bytes on stdin")
    return utf8(data)
