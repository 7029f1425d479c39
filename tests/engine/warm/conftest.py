"""What the tests of warming share: a cache on disk, and manifests with few words."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cachectl import Cache
from cachectl._engine.warm import WarmReport, open_source, warm

Warm = Callable[..., WarmReport]


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    """A strict cache in a directory of its own."""
    with Cache.open(backend="file", directory=tmp_path / "c", strict=True) as opened:
        yield opened


@pytest.fixture
def warm_file(cache: Cache, tmp_path: Path) -> Warm:
    """Write a manifest of this name and content and warm from it."""

    def run(content: str | bytes, name: str = "m.jsonl", **options: Any) -> WarmReport:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return warm(cache, [open_source(path, **options)])

    return run


@pytest.fixture
def warm_lines(warm_file: Warm) -> Warm:
    """Warm from a JSONL manifest with these lines: objects, or text as it is."""

    def run(*lines: Any, **options: Any) -> WarmReport:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        return warm_file("\n".join(texts), **options)

    return run
