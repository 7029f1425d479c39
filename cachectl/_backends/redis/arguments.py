"""What the scripts are told: entries, uses and limits, as their arguments."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

from cachectl._backends.redis.transport.packing import Argument, Joined
from cachectl._model.batches import BATCH
from cachectl._model.entry import NEVER, Entry
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, Condition, Item, Lease

Uses = list[tuple[str, int]]
"""Keys and the stamps of their last use."""

SLACK: Final = 60.0
"""Seconds: how much longer than its TTL a value stays on the server: the engine's clock alone decides
what is fresh, and need not be the server's."""

LARGE: Final = 4 * 1024
"""Bytes from which values are not passed through the script, which would copy and hash them."""

_CALL_BYTES: Final = 4 * 1024 * 1024
"""Values written by one call; the server does nothing else meanwhile."""


def item_arguments(items: Sequence[Item], generation: bytes | None, now: float) -> list[Argument]:
    """Return the items as the script takes them: their keys, and what they are in runs of those that
    have that in common, with the data behind the generation; without one they are stored already.
    """
    arguments: list[Argument] = [item.key for item in items]
    for run in _runs(items):
        sizes = "-" if generation else ",".join([str(item.entry.size) for item in run])
        arguments.append(f"{len(run)} {sizes} {about_of(run[0].entry, now)}")
        if generation:
            arguments += [_value(generation, item) for item in run]
    return arguments


def _runs(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    """Return the items in runs of those that expire together and have the same tags."""
    if len(items) == 1:  # as nearly always
        return (items,)
    return [list(run) for _, run in groupby(items, _about)]


def value_arguments(items: Iterable[Item], values: str, generation: bytes) -> list[Argument]:
    """Return the items as MSET takes them, `values` in front of their keys."""
    arguments: list[Argument] = []
    for item in items:
        arguments += (values + item.key, _value(generation, item))
    return arguments


def _value(generation: bytes, item: Item) -> Argument:
    """Return what is stored under a key; what is large in it is not copied."""
    head = generation + item.head
    return Joined(head, item.rest) if item.rest else head


def _about(item: Item) -> tuple[float, tuple[str, ...]]:
    entry = item.entry
    return entry.expires_at, entry.tags


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


def chunks(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    """Return the items in runs that one call may write: not too many bytes, and no key twice."""
    return (items,) if _fits_one_call(items) else _split(items)


def _split(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    start = size = 0
    keys: set[str] = set()
    for end, item in enumerate(items):
        size += item.entry.size
        if end > start and (size > _CALL_BYTES or end - start == BATCH or item.key in keys):
            yield items[start:end]
            start, size = end, item.entry.size
            keys.clear()
        keys.add(item.key)
    if items:
        yield items[start:]


def size_of(items: Iterable[Item]) -> int:
    return sum([item.entry.size for item in items])


def _fits_one_call(items: Sequence[Item]) -> bool:
    """Return whether one call may write all the items, as nearly always."""
    return len(items) == 1 or (
        0 < len(items) <= BATCH
        and size_of(items) <= _CALL_BYTES
        and len({item.key for item in items}) == len(items)
    )


def condition_argument(condition: Condition | None) -> str:
    return f"={condition.token}" if isinstance(condition, Lease) else condition or "-"


def tag_argument(tags: Iterable[str]) -> str:
    """Return the tags of a lease; what is printable has no line feeds."""
    return "".join(f"\n{tag}\n" for tag in tags)


@lru_cache(maxsize=64)
def limit_arguments(limits: Limits) -> str:
    return " ".join("-" if limit is None else str(limit) for limit in limits)


def rule_arguments(rule: CleanupRule) -> tuple[Argument, ...]:
    """Return what a rule says, as the scripts take it: its time, age and limits."""
    idle = "-" if rule.idle_before is None else micros(rule.idle_before)
    return micros(rule.now), idle, *limit_arguments(rule.limits).split()


def micros(seconds: float) -> int:
    return round(seconds * 1e6)
