"""The stored form of an entry: versioned, checksummed, and bound to its key.

    offset  size  field
         0     4  magic  b"cctl"
         4     1  format version, 1
         5     8  XXH3-64 of everything after it, seeded with XXH3-64 of namespace NUL key
        13     1  codec number
        14     1  flags: 0, or 1 if the payload is one Zstandard frame with its content size
        15     2  length of the tags, a label among them
        17     8  created at, µs since 1970
        25     8  expires at, µs since 1970; 0 for never
        33     8  cost: micro-dollars in 48 bits, above them the nano-dollars that these are over
        41     8  load time, µs
        49        tags, UTF-8, separated by NUL; then the payload

A label stands before the tags, behind an empty one: NUL, the label, and NUL again if tags follow.
No tag is empty, so what has no label is stored as it always was; versions that know of none take
it for two tags more, and find the value.

All integers are little-endian. The checksum finds damage and swapped entries, before anything
is decompressed; it is not a signature. A version that does not know a flag takes the entry for
damaged, that is for a miss: so do those from before compression, and before nano-dollars one with
some. XXH3 is Yann Collet's (xxHash);
ccache protects its entries with it as well.
"""

import struct
from collections.abc import Sequence
from typing import Final

from xxhash import xxh3_64, xxh3_64_intdigest

from cachectl._model.entry import NEVER, Entry
from cachectl._model.units import COST_LIMIT
from cachectl.errors import DamagedEntry

MAGIC: Final = b"cctl"
_VERSION: Final = 1
_FLAGS: Final = 1  # the highest that is known; they say how the payload is compressed
_COST_BITS: Final = 48
LOAD_LIMIT_US: Final = 10**12
"""Microseconds that a load may have taken, eleven days."""
_PREFIX: Final = struct.Struct("<4sBQ")
_HEADER: Final = struct.Struct("<4sBQBBHqqqq")
_BODY: Final = struct.Struct("<BBHqqqq")
_NO_WORDS: Final[tuple[str, tuple[str, ...]]] = ("", ())

HEADER_LIMIT: Final = _HEADER.size + 2304
"""Bytes that hold the header, the label and the tags of any entry: enough for `unpack_header`."""

LEAST: Final = _HEADER.size
"""Bytes from which `head_size` knows how long the head is."""

_APART: Final = 64 * 1024
"""Bytes from which a payload is not copied behind its head: to hash two pieces takes longer than one."""


def pack(namespace: str, key: str, entry: Entry, payload: bytes) -> bytes:
    """Return the bytes to store for `entry`, whose value is `payload` as it is stored."""
    head, rest = pack_apart(namespace, key, entry, payload)
    return head + rest


def pack_apart(namespace: str, key: str, entry: Entry, payload: bytes) -> tuple[bytes, bytes]:
    """Do what `pack` does, in two pieces: what stands before a large payload, and that, which is not
    copied; or all of it, and nothing.
    """
    tags = _words(entry.tags, entry.label) if entry.tags or entry.label else b""
    expires_us = 0 if entry.expires_at == NEVER else round(entry.expires_at * 1e6)
    head = _BODY.pack(
        entry.codec,
        entry.compression,
        len(tags),
        round(entry.created_at * 1e6),
        expires_us,
        entry.cost | entry.cost_over << _COST_BITS,
        entry.load_us,
    )
    if len(payload) < _APART:
        body, rest = b"".join((head, tags, payload)), b""
    else:
        body, rest = head + tags, payload
    return _PREFIX.pack(MAGIC, _VERSION, _checksum(namespace, key, body, rest)) + body, rest


def unpack(namespace: str, key: str, data: bytes | memoryview) -> Entry:
    """Return the entry that `pack` stored under this very key. Raises `DamagedEntry`."""
    entry, checksum = _parse(data)
    if checksum != _checksum(namespace, key, memoryview(data)[_PREFIX.size :]):
        raise DamagedEntry("checksum does not match")
    return entry


def unpack_apart(namespace: str, key: str, head: bytes, payload: bytes) -> Entry:
    """Do what `unpack` does for an envelope that was cut where `head_size` says."""
    entry, checksum = _parse(head)
    if checksum != _checksum(namespace, key, memoryview(head)[_PREFIX.size :], payload):
        raise DamagedEntry("checksum does not match")
    return entry._replace(value=payload, size=len(head) + len(payload))


def head_size(data: bytes) -> int:
    """Return where the payload begins in what begins like this; 0 if this is too short, or not ours."""
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        return 0
    length: int = _HEADER.unpack_from(data)[5]
    return _HEADER.size + length


def unpack_header(data: bytes) -> Entry:
    """Return the entry without verifying its checksum; `data` may end after the tags.

    Raises `DamagedEntry` if this is not the beginning of one of our envelopes.
    """
    return _parse(data)[0]


def _parse(data: bytes | memoryview) -> tuple[Entry, int]:
    try:
        magic, version, checksum, codec, flags, length, created, expires, cost, load_us = (
            _HEADER.unpack_from(data)
        )
    except struct.error:
        raise DamagedEntry("shorter than a header") from None
    if magic != MAGIC:
        raise DamagedEntry("not written by cachectl")
    if version != _VERSION or flags > _FLAGS:
        raise DamagedEntry(f"format version {version}.{flags} is not known here")
    over = 0
    if cost > COST_LIMIT:
        cost, over = _amount(cost)
    if not (0 <= cost <= COST_LIMIT and 0 <= load_us <= LOAD_LIMIT_US):
        raise DamagedEntry("a cost or load time that cannot be")
    start = _HEADER.size + length
    label, tags = _label_and_tags(bytes(data[_HEADER.size : start])) if length else _NO_WORDS
    expires_at = expires / 1e6 if expires else NEVER
    payload = memoryview(data)[start:]
    entry = Entry(
        payload, codec, created / 1e6, expires_at, cost, load_us, tags, len(data), flags, over, label
    )  # fmt: skip
    return entry, checksum


def _amount(stored: int) -> tuple[int, int]:
    """Return micro-dollars, and the nano-dollars that they are over, where there are some."""
    over, cost = divmod(stored, 1 << _COST_BITS)
    if not (0 < cost <= COST_LIMIT and over < 1000):
        raise DamagedEntry("a cost that cannot be")
    return cost, over


def _words(tags: Sequence[str], label: str) -> bytes:
    return "\0".join(("", label, *tags) if label else tags).encode()


def _label_and_tags(stored: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        first, *others = stored.decode().split("\0")
    except UnicodeDecodeError:
        raise DamagedEntry("tags are not UTF-8") from None
    if others and not first:
        return others[0], tuple(others[1:])
    return "", (first, *others)


def _checksum(namespace: str, key: str, body: bytes | memoryview, rest: bytes = b"") -> int:
    bound = namespace + "\0" + key  # a TypeError for what is no text, but reads like one
    seed = xxh3_64_intdigest(bound.encode())
    if not rest:
        return xxh3_64_intdigest(body, seed)
    digest = xxh3_64(body, seed)
    digest.update(rest)
    return digest.intdigest()


def packed_size(entry: Entry, payload: bytes) -> int:
    """Return the bytes that `pack` would return."""
    return size_with(entry.tags, entry.label, len(payload))


def size_with(tags: Sequence[str], label: str, payload: int) -> int:
    """Return the bytes of an envelope with these tags, this label, and a payload of so many bytes."""
    return _HEADER.size + payload + (len(_words(tags, label)) if tags or label else 0)
