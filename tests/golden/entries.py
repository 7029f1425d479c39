"""Entries whose stored bytes are frozen, and the program that froze them.

Every version must write these bytes, and read them for ever. To freeze the entries of a new
codec or format, add them below under new names and run

    python -m tests.golden.entries

from the root of the repository. It writes what is not there yet and never overwrites a file: a
file that differs from what is written now means that existing caches would become unreadable.

Compressed bytes may differ from one version of Zstandard to the next: those of `COMPRESSED` must
only be read for ever.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from cachectl._model import codecs, envelope
from cachectl._model.compression import ZSTD, compress
from cachectl._model.entry import NEVER, Entry

DIRECTORY = Path(__file__).parent
CREATED = 1_700_000_000.25


class Golden(NamedTuple):
    """A value and all else that is stored with it."""

    namespace: str
    key: str
    value: object
    expires_at: float = NEVER
    cost: int = 0
    load_us: int = 0
    tags: tuple[str, ...] = ()
    cost_over: int = 0
    label: str = ""

    def entry(self) -> tuple[Entry, bytes]:
        """Return the entry as it is written, and its payload."""
        number, payload = codecs.encode(self.value)
        entry = Entry(
            payload, number, CREATED, self.expires_at, self.cost, self.load_us, self.tags, 0
        )._replace(cost_over=self.cost_over, label=self.label)
        return entry, payload

    def packed(self) -> bytes:
        return envelope.pack(self.namespace, self.key, *self.entry())

    def compressed(self) -> bytes:
        entry, payload = self.entry()
        smaller = compress(payload)
        assert smaller is not None
        return envelope.pack(self.namespace, self.key, entry._replace(compression=ZSTD), smaller)


ENTRIES = {
    "json-object": Golden(
        "ai", "k", {"genre": "techno", "bpm": 128, "scores": [0.5, -1e-9, None, True], "é": "\ud800"}
    ),
    "json-number": Golden("ai", "k", 2**70),
    "json-none": Golden("ai", "k", None),
    "text": Golden("prompts", "system/v3", "Grüße, 世界 \U0001f3a7\0\n"),
    "text-empty": Golden("prompts", "empty", ""),
    "bytes": Golden("tts", "k", bytes(range(256))),
    "npy-float32": Golden("speakers", "user:1", np.linspace(-1, 1, 12, dtype="<f4").reshape(3, 4)),
    "npy-int64-scalar": Golden("speakers", "user:2", np.array(-(2**63), dtype="<i8")),
    "npy-big-endian": Golden("speakers", "user:3", np.array([1.5, 2.5], dtype=">f8")),
    "npy-bool-empty": Golden("speakers", "user:4", np.zeros((0, 5), dtype="?")),
    "npy-times": Golden("speakers", "user:5", np.array(["2026-01-02", "NaT"], dtype="<M8[D]")),
    "npy-text": Golden("speakers", "user:6", np.array(["ab", "é"], dtype="<U2")),
    "npz-tuple": Golden(
        "speakers", "user:7", (np.linspace(0, 1, 4, dtype="<f4"), np.zeros((0, 2), dtype="<i2"))
    ),
    "npz-dict": Golden(
        "speakers", "user:8", {"mean": np.array(0.5, dtype="<f8"), "é/b": np.array([[1, 2]], "<i8")}
    ),
    "everything": Golden(
        "users:eu",
        "clé/\0\n" + "k" * 100,
        {"a": [1]},
        expires_at=CREATED + 3600.5,
        cost=5_000,
        load_us=1_234_567,
        tags=("org:42", "région", "vip"),
    ),
    "nano-dollars": Golden("ai", "k", "answer", cost=10**12, cost_over=999),
    "label": Golden("ai", "k", "answer", label="genre · C"),
    "label-and-tags": Golden("ai", "k", "answer", tags=("org:42", "région"), label="genre · C"),
}  # fmt: skip
COMPRESSED = {
    "json": Golden("ai", "k", {f"key {i}": [i, i / 8, "é"] for i in range(30)}),
    "text": Golden("prompts", "k", "Grüße, 世界 \U0001f3a7\0\n" * 20),
    "bytes": Golden("tts", "k", bytes(range(16)) * 40, cost=5_000, tags=("org:42", "région")),
    "npy": Golden("speakers", "k", np.arange(300, dtype="<i8").reshape(3, 100)),
    "npz": Golden("speakers", "k", {"a": np.arange(300, dtype="<i8"), "b": np.zeros(9, "<f4")}),
}


def path(name: str) -> Path:
    return DIRECTORY / f"{name}.bin"


def compressed_path(name: str) -> Path:
    return DIRECTORY / "compressed" / f"{name}.bin"


def freeze(file: Path, data: bytes) -> None:
    if not file.exists():
        file.write_bytes(data)


if __name__ == "__main__":
    for name, golden in ENTRIES.items():
        freeze(path(name), golden.packed())
    for name, golden in COMPRESSED.items():
        freeze(compressed_path(name), golden.compressed())
