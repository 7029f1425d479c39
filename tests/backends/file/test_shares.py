"""The share of a namespace in the files: what it would take alone, whoever lives beside it."""

import hashlib
import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from cachectl import Cache
from cachectl._model.write import Write
from tests.support.openers import settings

MOST_WRONG = 0.1
chance = random.Random(0)


def texts(count: int) -> Iterator[Write]:
    return (Write(f"key:{number:06d}", "x" * 10) for number in range(count))


def hashed(count: int) -> Iterator[Write]:
    names = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(count))
    return (Write(name, "x" * 10) for name in names)


def json(count: int, tag: Callable[[int], list[str]] = lambda number: []) -> Iterator[Write]:
    return (
        Write(f"k{number}", {"a": chance.randbytes(90).hex()}, tags=tag(number))
        for number in range(count)
    )


def shared_tags(count: int) -> Iterator[Write]:
    return json(count, lambda number: [f"tag{tag % 50}" for tag in range(number, number + 5)])


def unique_tags(count: int) -> Iterator[Write]:
    return json(count, lambda number: [f"user:{number}:{tag}" for tag in range(5)])


def blobs(count: int, size: int) -> Iterator[Write]:
    return (Write(f"b{number}", chance.randbytes(size)) for number in range(count))


def mixed(count: int) -> Iterator[Write]:
    sizes = random.Random(0).choices((200, 2_000, 50_000), (80, 15, 5), k=count)
    return (Write(f"m{number}", chance.randbytes(size)) for number, size in enumerate(sizes))


LRFU = {"eviction": "lrfu", "max_entries": 10_000}
Shape = tuple[Callable[..., Iterator[Write]], tuple[int, ...], dict[str, Any]]
SHAPES: dict[str, Shape] = {
    "texts": (texts, (5_000,), {}),
    "few-texts": (texts, (1_000,), {}),
    "hashed": (hashed, (3_000,), {}),
    "json": (json, (5_000,), {}),
    "lasting": (json, (3_000,), {"ttl": "none"}),
    "shared-tags": (shared_tags, (3_000,), {}),
    "unique-tags": (unique_tags, (3_000,), {}),
    "vectors": (blobs, (2_000, 2_048), {}),
    "blobs": (blobs, (200, 50_000), {}),
    "images": (blobs, (80, 110_000), {}),
    "large-images": (blobs, (3, 3_000_000), {}),
    "mixed": (mixed, (1_000,), {}),
    "lrfu": (texts, (5_000,), LRFU),
}
EVERY = tuple(SHAPES)
SHAPES["nothing"] = (texts, (1,), {})
TOGETHER = [
    ("texts", "blobs"), ("json", "unique-tags"), ("json", "shared-tags"), ("vectors", "texts"),
    ("few-texts", "images"), ("json", "large-images"), ("texts", "lrfu"), ("hashed", "lasting"), ("mixed", "json"),
    EVERY,
]  # fmt: skip


def used(directory: Path) -> int:
    """Return the bytes of what is in a directory, but for its counters."""
    files = [*directory.glob("cache.db"), *directory.glob("??/*.val")]
    return sum(path.stat().st_size for path in files)


def kept(directory: Path, names: tuple[str, ...]) -> Path:
    """Return the directory in which each of these namespaces is, written in small batches in turn."""
    with opened(directory) as cache:
        writes = {name: made(*arguments) for name in names for made, arguments, _ in [SHAPES[name]]}
        while writes:
            for name in list(writes):
                batch = list(islice(writes[name], 100))
                cache.namespace(name, **{"ttl": "1d", **SHAPES[name][2]}).set_many(batch)
                if not batch:
                    del writes[name]
    return directory


def opened(directory: Path) -> Cache:
    return Cache.of(settings("file", file__directory=directory), strict=True)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The bytes that each namespace takes by itself, beside those of an empty cache."""
    take = {
        name: used(kept(tmp_path_factory.mktemp("alone") / "cache", (name,))) for name in SHAPES
    }
    return {name: take[name] - take["nothing"] for name in EVERY}


@pytest.mark.parametrize("names", TOGETHER, ids="+".join)
def test_a_share_is_what_the_namespace_takes_alone(
    tmp_path: Path, alone: dict[str, int], names: tuple[str, ...]
):
    directory = kept(tmp_path / "cache", names)
    with opened(directory) as cache:
        usage = cache.usage()
    shares = {name: usage[name].memory_bytes or 0 for name in names}
    assert shares == {
        name: pytest.approx(alone[name], rel=MOST_WRONG, abs=20_000) for name in names
    }
    databases = sum(path.stat().st_size for path in directory.glob("*.db"))
    files = sum(path.stat().st_size for path in directory.glob("??/*.val"))
    assert sum(shares.values()) == pytest.approx(databases + files, rel=0.01)
