"""What callers note while they run, in files that all threads and processes append to."""

import os
from collections import Counter
from pathlib import Path

from tests.soak.pulse import Pulse

LOOKED_UP, INTERRUPTED, REFUSED = b"l", b"i", b"r"
"""A lookup that was answered; one that was cancelled or dropped and may have been counted or not; an
operation that was refused because its thread, or another one, is in the midst of another.
"""


class Journal:
    """The notes of one run."""

    def __init__(self, folder: Path) -> None:
        self.slowest = 0.0
        self.pulse = Pulse()
        self._notes = folder / "notes"
        self._problems = folder / "problems"
        self._descriptors = [
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for path in (self._notes, self._problems)
        ]

    def took(self, seconds: float) -> None:
        """Note how long a call of this process took."""
        self.slowest = max(self.slowest, seconds)

    def note(self, what: bytes) -> None:
        """Note that something happened; it is one system call, which nothing can divide."""
        os.write(self._descriptors[0], what)

    def complain(self, problem: str) -> None:
        """Note what must not happen."""
        os.write(self._descriptors[1], problem.replace("\n", "\n  ").encode() + b"\n")

    def noted(self, what: bytes) -> int:
        """Return how often it happened."""
        return Counter(self._notes.read_bytes())[what[0]]

    def problems(self) -> str:
        """Return all that must not happen, and did."""
        return self._problems.read_text()
