"""What the scripts return, read from their replies."""

from collections.abc import Iterable
from typing import Final

from cachectl._backends.redis.shapes import array, number, numbers_and_strings, real, string
from cachectl._backends.redis.stored import GENERATION
from cachectl._backends.redis.transport.resp import Misread, Reply
from cachectl._model.envelope import unpack_header
from cachectl._model.records import CleanupStep, Dropped, EntryInfo, Removed, RemovedEntry
from cachectl.errors import DamagedEntry

_LATEST: Final = 2.0**53
"""Microseconds that no clock has reached, in the year 2255."""

Outcome = tuple[list[int], bytes, list[bytes]]
"""What `put.lua` returns: what it stored and what expired, whether limits are exceeded still,
whether the namespace was empty before, and how many the server had dropped; the
generation, if it is not the one that is known; and the keys that it evicted."""


def as_outcome(reply: Reply) -> Outcome:
    """Return what `put.lua` did; a number says that it only stored so many."""
    if isinstance(reply, int):
        return [reply, 0, 0, 0, 0], b"", []
    done, (generation, *evicted) = numbers_and_strings(reply, 5)
    return done, generation, evicted


def as_removed(reply: Reply) -> Removed:
    entries, size, *due = map(number, array(reply))
    if not due or entries != 1:
        return Removed(entries, size)
    removed = RemovedEntry(entries, size)
    removed.expires_at = due[0] / 1e6
    return removed


def as_removed_some(reply: Reply) -> tuple[Removed, bool]:
    entries, size, more = map(number, array(reply))
    return Removed(entries, size), bool(more)


def as_step(reply: Reply) -> tuple[CleanupStep, bool]:
    (expired, expired_bytes, evicted, evicted_bytes, over, *unseen), keys = numbers_and_strings(
        reply, 7
    )
    removed = Removed(expired, expired_bytes), Removed(evicted, evicted_bytes)
    return CleanupStep(*removed, texts(keys), Dropped(*unseen)), bool(over)


def as_verified(reply: Reply) -> tuple[int, Dropped]:
    """Return where to go on, 0 for nowhere, and what was found gone."""
    cursor, expired, others = map(number, array(reply))
    return cursor, Dropped(expired, others)


def as_trimmed(reply: Reply) -> CleanupStep:
    (entries, size, dropped), keys = numbers_and_strings(reply, 3)
    return CleanupStep(
        evicted=Removed(entries, size), evicted_keys=texts(keys), dropped=Dropped(0, dropped)
    )


def as_uses(reply: Reply) -> list[tuple[float, int]]:
    """Return last use and bytes of entries."""
    flat = array(reply)
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return [(used_at(_stamp(string(stamp))), number(size)) for stamp, size in pairs]


def _stamp(text: bytes | None) -> float:
    try:
        return real(text or b"")
    except ValueError:
        raise Misread("no stamp") from None


def total_bytes(reply: Reply) -> int:
    """Return the stored bytes of which META tells, see `common.lua`; what cannot be a count is 0."""
    text = (string(reply) or b"")[GENERATION:].partition(b" ")[0]
    return int(text) if text.isdigit() and len(text) < 16 else 0


def as_heads(keys: int, reply: Reply) -> list[tuple[bytes | None, int]]:
    """Return beginning and size of the value of each key."""
    flat = array(reply)
    if len(flat) != 2 * keys:
        raise Misread("not as many values as keys")
    return [
        (string(head), int(size or 0)) for head, size in zip(flat[::2], flat[1::2], strict=True)
    ]


def used_at(stamp: float) -> float:
    """Return Unix seconds; what somebody else wrote in place of a stamp is long ago."""
    return stamp / 1e6 if 0 <= stamp < _LATEST else 0.0


def texts(keys: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(key.decode(errors="replace") for key in keys)


def listed(key: bytes, stamp: float, head: bytes, size: int) -> EntryInfo:
    try:
        entry = unpack_header(head)._replace(size=size)
    except DamagedEntry:
        entry = None
    return EntryInfo(key.decode(errors="replace"), entry, size, used_at(stamp))
