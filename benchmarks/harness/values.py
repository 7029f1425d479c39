"""The values that are cached: a JSON document, a vector, an image; and documents of other sizes."""

import json
import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np


class Kind(NamedTuple):
    """A kind of value, and how a user without a cache engine would turn it into bytes."""

    name: str
    value: Any
    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]
    keys: int

    def names(self) -> list[str]:
        """Return as many keys as a working set of such values has here."""
        return [f"key:{number:06d}" for number in range(self.keys)]


def _documents(number: int) -> list[dict[str, Any]]:
    """Return documents that differ as those of different pieces do."""
    chance = random.Random(1)
    words = ["amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet"]
    return [
        _document()
        | {
            "id": f"{chance.getrandbits(64):016x}",
            "energy": round(chance.random(), 4),
            "danceability": round(chance.random(), 4),
            "tempo": {"bpm": round(chance.uniform(80, 180), 2), "stable": chance.random() < 0.8},
            "title": " ".join(chance.sample(words, 4)),
        }
        for _ in range(number)
    ]


def _document() -> dict[str, Any]:
    """Return what an AI service might answer about a piece of music."""
    return {
        "genre": {"name": "progressive house", "confidence": 0.8734, "parent": "house"},
        "mood": ["uplifting", "driving", "melancholic"],
        "tempo": {"bpm": 124.02, "stable": True, "confidence": 0.9871},
        "key": {"tonic": "C", "mode": "minor", "camelot": "5A"},
        "energy": 0.8123,
        "danceability": 0.7645,
        "sections": [
            {"name": "intro", "start": 0.0, "end": 30.97, "energy": 0.31},
            {"name": "build", "start": 30.97, "end": 61.93, "energy": 0.58},
            {"name": "drop", "start": 61.93, "end": 123.87, "energy": 0.94},
            {"name": "outro", "start": 123.87, "end": 154.84, "energy": 0.42},
        ],
        "summary": (
            "A steady four-on-the-floor groove under a slow minor arpeggio; the drop brings in a"
            " second lead an octave higher, and the outro takes the drums away."
        ),
        "model": "analyser-2",
        "warnings": None,
    }


def dump_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _vector_bytes(value: Any) -> bytes:
    return bytes(value.tobytes())


def _vector(data: bytes) -> Any:
    return np.frombuffer(data, np.float32)


DOCUMENT: Final = Kind("JSON, 700 bytes", _document(), dump_json, json.loads, 1000)
VECTOR: Final = Kind(
    "float32 vector, 2 KB",
    np.random.default_rng(1).standard_normal(512, dtype=np.float32),
    _vector_bytes,
    _vector,
    1000,
)
IMAGE: Final = Kind("image, 3 MB", random.Random(1).randbytes(3_000_000), bytes, bytes, 10)
LARGE: Final = Kind("JSON, 64 kB", _documents(85), dump_json, json.loads, 50)
SMALL: Final = Kind(
    "JSON, 40 bytes", {"status": "done", "score": 0.8734, "n": 3}, dump_json, json.loads, 1000
)
KINDS: Final = (DOCUMENT, VECTOR, IMAGE)
"""The three kinds that each row of the charter is measured with."""


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, arrays included."""
    return bool(np.array_equal(one, other)) if isinstance(other, np.ndarray) else one == other
