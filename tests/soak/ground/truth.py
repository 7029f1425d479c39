"""What all processes know of the keys: who writes each, what was written last and what removed."""

import mmap
import os
import time
from pathlib import Path
from zlib import crc32

KEYS = 64
"""Keys that all callers look up and remove; each is written by one caller alone."""
SIZES = (10, 700, 700, 40_000, 400_000)
_REMOVED = KEYS
_SETTLED = 2 * KEYS


class Truth:
    """Versions, which are moments of a clock that all processes share. A value is not to be seen by a
    lookup that begins after its removal was acknowledged, nor one that was never written.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._versions = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")

    @staticmethod
    def make(path: Path) -> None:
        path.write_bytes(bytes((2 * KEYS + 1) * 8))

    @staticmethod
    def value(key: int, size: int) -> list[object]:
        """Return a new value of a key, which says where it belongs, when it was made, and that it is
        whole.
        """
        version = time.monotonic_ns()
        return [key, version, _sum(key, version, size), "x" * size]

    def wrote(self, key: int, value: list[object]) -> None:
        """Note that this was acknowledged, by the one caller that writes the key."""
        version = value[1]
        assert isinstance(version, int)
        self._versions[key] = version

    def written(self) -> list[int]:
        """Return what a removal that begins now is to remove."""
        return list(self._versions[:KEYS])

    def removed(self, written: list[int], keys: range | list[int]) -> None:
        """Note that a removal was acknowledged which began when this was written."""
        for key in keys:
            self._versions[_REMOVED + key] = max(written[key], self._versions[_REMOVED + key])

    def unsettle(self, seconds: float) -> None:
        """Let nothing count as removed for so long: processes do not all have the same place."""
        self._versions[_SETTLED] = time.monotonic_ns() + int(seconds * 1e9)

    @property
    def is_settled(self) -> bool:
        return time.monotonic_ns() > self._versions[_SETTLED]

    def forget_removals(self) -> None:
        """Begin anew: what was removed may be there again, in a copy that was put in place."""
        for key in range(KEYS):
            self._versions[_REMOVED + key] = 0

    def bound(self, key: int) -> int:
        """Return the version which a lookup that begins now must not find, nor any before."""
        return self._versions[_REMOVED + key]

    @staticmethod
    def fault(key: int, value: object) -> str | None:
        """Return what is wrong with a value, whenever it was written."""
        if not isinstance(value, list) or len(value) != 4:
            return f"no value of ours: {value!r:.100}"
        found, version, checksum, padding = value
        if found != key:
            return f"the value of key {found}"
        if checksum != _sum(key, version, len(padding)) or padding.strip("x"):
            return "a value that nobody wrote"
        return None


def _sum(key: int, version: int, size: int) -> int:
    return crc32(f"{key} {version} {size} {os.environ['SOAK_SECRET']}".encode())
