"""What the scripts are told: entries, uses and limits, as their arguments."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from cachectl._backends.redis.transport.packing import Argument
from cachectl._model.batches import BATCH
from cachectl._model.entry import NEVER, Entry
from cachectl._model.policy import Limits
from cachectl._model.records import Condition, Item, Lease

Uses = list[tuple[str, int]]
"""Keys and the stamps of their last use."""

SLACK: Final = 60.0
"""Seconds: how much longer than its TTL a value stays on the server: the engine's clock alone decides
what is fresh, and need not be the server's."""

GENERATION: Final = 8
"""Bytes in front of each value; `common.lua` says what they are."""

LARGE: Final = 32 * 1024
"""Bytes from which a value is not passed through the script, which would copy it twice."""

_CALL_BYTES: Final = 4 * 1024 * 1024
"""Values written by one call; the server does nothing else meanwhile."""


def item_arguments(items: Iterable[Item], generation: bytes, now: float) -> list[Argument]:
    """Return the items as the script takes them: key, data behind the generation, and the rest in
    one text, which is made once for all that share it.
    """
    arguments: list[Argument] = []
    known: Entry | None = None
    about = ""
    for key, entry, data, _ in items:
        if known is None or entry.expires_at != known.expires_at or entry.tags != known.tags:
            known, about = entry, about_of(entry, now)
        arguments += (key, generation + data, about)
    return arguments


def about_of(entry: Entry, now: float) -> str:
    tags = "\0".join(entry.tags)
    lifetime = lifetime_of(entry, now)
    if lifetime is None:
        return f"- - {tags}"
    return f"{micros(entry.expires_at)} {lifetime} {tags}"


def lifetime_of(entry: Entry, now: float) -> int | None:
    """Return the milliseconds after which the server drops a value; None is never."""
    if entry.expires_at == NEVER:
        return None
    return max(1, int((entry.expires_at - now + SLACK) * 1000))


def use_arguments(uses: Iterable[tuple[str, int]]) -> Iterator[int | str]:
    """Yield the uses as the scripts take them: stamp and key of each."""
    return (part for key, stamp in uses for part in (stamp, key))


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items in runs that one call may write: none twice, and a large one alone."""
    if _fits_one_call(items):
        yield items
        return
    start = size = 0
    keys: set[str] = set()
    for end, item in enumerate(items):
        size += len(item.data)
        if end > start and (
            size > _CALL_BYTES or end - start == BATCH or item.key in keys or _splits(items, end)
        ):
            yield items[start:end]
            start, size = end, len(item.data)
            keys.clear()
        keys.add(item.key)
    if items:
        yield items[start:]


def _fits_one_call(items: Sequence[Item]) -> bool:
    """Return whether one call may write all the items, as nearly always."""
    if len(items) == 1:
        return True
    sizes = [len(item.data) for item in items]
    return (
        0 < len(items) <= BATCH
        and max(sizes) < LARGE
        and sum(sizes) <= _CALL_BYTES
        and len({item.key for item in items}) == len(items)
    )


def _splits(items: Sequence[Item], at: int) -> bool:
    return len(items[at].data) >= LARGE or len(items[at - 1].data) >= LARGE


def condition_argument(condition: Condition | None) -> str:
    return f"={condition.token}" if isinstance(condition, Lease) else condition or "-"


def tag_argument(tags: Iterable[str]) -> str:
    """Return the tags of a lease; what is printable has no line feeds."""
    return "".join(f"\n{tag}\n" for tag in tags)


@lru_cache(maxsize=64)
def limit_arguments(limits: Limits) -> str:
    return " ".join("-" if limit is None else str(limit) for limit in limits)


def micros(seconds: float) -> int:
    return round(seconds * 1e6)
