"""Working through many things a few at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")

BATCH: Final = 500
"""Entries that are listed, removed or written in one go where many are."""


def batches(items: Iterable[T], size: int = BATCH) -> Iterable[list[T]]:
    """Return the items in lists of at most `size`; a short list is one as it is."""
    if isinstance(items, list) and len(items) <= size:
        return [items] if items else []
    return _batches(iter(items), size)


def _batches(iterator: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(iterator, size)):
        yield batch
