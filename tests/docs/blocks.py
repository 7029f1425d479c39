"""The blocks of a page, and the places in which they run: each test has an empty home of its own."""

import re
from pathlib import Path
from typing import NamedTuple

from cachectl import Cache
from tests.support import home

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_ONLY_WHEN_ASKED = """
import cachectl._metrics.flusher
cachectl._metrics.flusher.INTERVAL = 3600.0
"""
"""Let nothing be handed over once a second, so that what is counted was handed over for good, and
what is lost does not depend on the second in which it was counted."""


class Block(NamedTuple):
    """A fenced block: its language, the name of its file if it has one, and where it stands."""

    language: str
    title: str
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return all blocks of a page."""
    text = page.read_text()
    return [
        Block(found[1], found[2] or "", found[3], text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


class Home(home.Home):
    """One whose programs hand counts over only when they are asked to."""

    def __init__(self, path: Path, **variables: str) -> None:
        super().__init__(path, **variables)
        self.write("sitecustomize.py", _ONLY_WHEN_ASKED)

    def lookups(self, namespace: str) -> int:
        """Return how many lookups all programs together have handed over."""
        with Cache.open(directory=self.path / ".cache" / "cachectl") as cache:
            counted = cache.stats(namespace).namespaces[namespace]
            return counted.hits + counted.misses + counted.shared
