"""What a large value needs beside itself while it is set and got: bytes at the peak, of each of its own.

In memory a value is kept as a copy, unless it cannot change. Elsewhere it is encoded: bytes are sent as
they are, an array is copied once, for whoever has it may change it meanwhile, and text becomes UTF-8. What is
got is received where it stays; text and documents are made of what was received.
"""

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import diskcache
import numpy as np
import pytest

from cachectl import Cache
from cachectl.testing import Clock
from tests.support.openers import OPTIONS, Opener, settings

_SIZE: Final = 16 * 1024 * 1024
_TOLERATED: Final = 0.05
_NUMBERS: Final = np.random.default_rng(1).random(_SIZE // 8)
_VALUES: Final[dict[str, Any]] = {
    "bytes": _NUMBERS.tobytes(),
    "ascii": "x" * _SIZE,
    "text": "é" * (_SIZE // 2),
    "array": _NUMBERS,
    "in columns": _NUMBERS.reshape(512, -1).T,
    "arrays": tuple(np.split(_NUMBERS, 4)),
    "document": ["x" * 1000] * (_SIZE // 1003),
}
_IN_MEMORY: Final = {
    "bytes": (0, 0),
    "ascii": (0, 0),
    "text": (1, 0),
    "array": (1, 0),
    "in columns": (1, 0),
    "arrays": (1, 0),
    "document": (2.1, 0),
}
_STORED: Final = {
    "bytes": (0, 1),
    "ascii": (1, 2),
    "text": (1, 3),
    "array": (1, 1),
    "in columns": (2, 1),
    "arrays": (1, 1),
    "document": (2.1, 2.1),
}
_COMPRESSED: Final = {"bytes": (0, 1), "ascii": (2, 2), "array": (1, 1), "arrays": (1, 1)}
"""Room is kept for what does not become smaller, and not used if it does."""


@pytest.mark.parametrize("kind", _VALUES)
def test_no_copy_is_made_of_a_value_that_is_not_needed(opener: Opener, kind: str):
    most = (_IN_MEMORY if opener.backend == "memory" else _STORED)[kind]
    _assert_at_most(most, _peaks(opener, kind))


@pytest.mark.parametrize("opener", ["file", "redis"], indirect=True)
@pytest.mark.parametrize("kind", _COMPRESSED)
def test_nor_is_one_that_is_compressed(opener: Opener, kind: str):
    _assert_at_most(_COMPRESSED[kind], _peaks(opener, kind, compress="zstd"))


@pytest.mark.parametrize("backend", ["file", "redis"])
@pytest.mark.parametrize("kind", ["bytes", "array"])
def test_nor_for_tasks(request: pytest.FixtureRequest, clock: Clock, backend: str, kind: str):
    opener = Opener({"backend": backend, **OPTIONS[backend](request)}, clock, "tasks")
    try:
        _assert_at_most(_STORED[kind], _peaks(opener, kind))
    finally:
        opener.close()


@pytest.mark.parametrize("opener", ["file", "redis"], indirect=True)
def test_nor_of_what_a_load_brings(opener: Opener):
    namespace, value = opener().namespace("large"), _VALUES["bytes"]
    namespace.get_or_load("first", lambda: value)
    peak = _peak(lambda: namespace.get_or_load("key", lambda: value))
    assert peak <= _TOLERATED
    assert namespace.get("key") == value


@pytest.mark.parametrize(("kind", "most"), [("bytes", 1), ("ascii", 2)])
def test_nor_of_what_another_application_wrote(tmp_path: Path, kind: str, most: float):
    value = _VALUES[kind]
    with diskcache.Cache(tmp_path) as foreign:
        foreign.set("key", value)
    with Cache.of(settings("diskcache", diskcache__directory=tmp_path), strict=True) as cache:
        namespace = cache.namespace("diskcache")
        assert namespace.get("key") == value
        assert _peak(lambda: namespace.get("key")) <= most + _TOLERATED


def _assert_at_most(most: tuple[float, float], peaks: tuple[float, float]) -> None:
    for peak, limit in zip(peaks, most, strict=True):
        assert peak <= limit + _TOLERATED, peaks


def _peaks(opener: Opener, kind: str, **policy: Any) -> tuple[float, float]:
    """Return the bytes that a set and a get take at their peak, of each byte of the value."""
    namespace, value = opener().namespace("large", **policy), _VALUES[kind]
    namespace.set("first", value)  # imports, connects
    namespace.get("first")
    return _peak(lambda: namespace.set("key", value)), _peak(lambda: namespace.get("key"))


def _peak(action: Callable[[], object]) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        result = action()
        peak = tracemalloc.get_traced_memory()[1]
        del result
        return peak / _SIZE
    finally:
        tracemalloc.stop()
