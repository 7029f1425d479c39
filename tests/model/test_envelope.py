"""The envelope: whatever happens to its bytes, it is read right or not at all."""

import random
import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachectl._model import codecs, envelope
from cachectl._model.entry import NEVER, Entry
from cachectl.errors import DamagedEntry
from tests.golden.entries import ENTRIES

PACKED = {name: golden.packed() for name, golden in ENTRIES.items()}
golden_names = st.sampled_from(sorted(ENTRIES))
moments = st.integers(0, 2**52).map(lambda micros: micros / 1e6)
tag_lists = st.lists(
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1), max_size=4
)


def read(name: str, data: bytes) -> object:
    """Read bytes as the entry that `name` was; anything but DamagedEntry fails the test. It does not
    matter whether they are in one piece or in two.
    """
    golden = ENTRIES[name]
    at = envelope.head_size(data) or envelope.LEAST
    try:
        apart = envelope.unpack_apart(golden.namespace, golden.key, data[:at], data[at:])
    except DamagedEntry:
        apart = None
    try:
        entry = envelope.unpack(golden.namespace, golden.key, data)
    except DamagedEntry:
        assert apart is None
        raise
    assert apart == entry
    assert isinstance(entry.value, memoryview)
    return codecs.decode(entry.codec, entry.value)


amounts = st.just((0, 0)) | st.tuples(st.integers(1, 10**12), st.integers(0, 999))


labels = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=80)


@given(st.binary(max_size=200), moments, moments, amounts, tag_lists, labels)
def test_an_entry_comes_back_as_it_was(payload, created, expires, amount, tags, label):
    cost, over = amount
    entry = Entry(
        payload, 3, created, expires or NEVER, cost, cost // 3, tuple(tags), 0, 0, over, label
    )
    data = envelope.pack("ns", "key", entry, payload)
    assert len(data) == envelope.packed_size(entry, payload)
    found = envelope.unpack("ns", "key", data)
    assert isinstance(found.value, memoryview)
    assert bytes(found.value) == payload
    assert found._replace(value=payload, size=0) == entry
    header = envelope.unpack_header(data[: envelope.HEADER_LIMIT])
    assert header._replace(value=payload, size=0) == entry


@pytest.mark.parametrize("size", [65_535, 65_536, 100_000])
@pytest.mark.parametrize("tags", [(), ("a", "b")])
def test_a_large_payload_stays_apart_and_is_the_same_envelope(size, tags):
    payload = random.Random(size).randbytes(size)
    entry = Entry(payload, 3, 1.0, NEVER, 0, 0, tags, 0)
    head, rest = envelope.pack_apart("ns", "key", entry, payload)
    assert (rest is payload) == (size >= 65_536)
    assert head + rest == envelope.pack("ns", "key", entry, payload)
    found = envelope.unpack("ns", "key", head + rest)
    assert found == entry._replace(size=envelope.packed_size(entry, payload))


def test_who_knows_of_no_labels_takes_one_for_tags_that_nobody_can_have():
    """And finds all else where it always was: so did the versions before labels."""
    for name in ("label", "label-and-tags"):
        golden, data = ENTRIES[name], PACKED[name]
        length = int.from_bytes(data[15:17], "little")
        assert data[49 : 49 + length].decode().split("\0") == ["", golden.label, *golden.tags]
        assert data[49 + length :] == b"answer"
        assert data[4] == 1
        assert data[14] == 0


@settings(max_examples=500)
@given(golden_names, st.data())
def test_every_changed_bit_is_noticed(name, data):
    stored = bytearray(PACKED[name])
    for at in data.draw(st.sets(st.integers(0, len(stored) * 8 - 1), min_size=1, max_size=3)):
        stored[at // 8] ^= 1 << at % 8
    with pytest.raises(DamagedEntry):
        read(name, bytes(stored))


@pytest.mark.parametrize("name", ENTRIES)
def test_every_truncation_and_extension_is_noticed(name):
    stored = PACKED[name]
    for data in (*(stored[:end] for end in range(len(stored))), stored + b"\0", stored * 2):
        with pytest.raises(DamagedEntry):
            read(name, data)


def test_every_single_flipped_bit_is_noticed():
    stored = PACKED["everything"]
    for at in range(len(stored) * 8):
        data = bytearray(stored)
        data[at // 8] ^= 1 << at % 8
        with pytest.raises(DamagedEntry):
            read("everything", bytes(data))


def test_bytes_under_another_key_or_namespace_are_not_an_entry():
    stored = PACKED["bytes"]
    places = [("tts", "k2"), ("tt", "sk"), ("ttsk", ""), ("TTS", "k"), ("tts\0", "k"), ("ai", "k")]
    for namespace, key in places:
        with pytest.raises(DamagedEntry):
            envelope.unpack(namespace, key, stored)


def test_a_payload_under_another_header_is_not_an_entry():
    one, other = PACKED["json-none"], PACKED["json-number"]
    for end in range(6, len(one)):  # from within the checksum on
        with pytest.raises(DamagedEntry):
            read("json-none", one[:end] + other[end:])


@pytest.mark.parametrize("version", [0, 2, 3, 255])
def test_other_versions_are_left_alone(version):
    stored = bytearray(PACKED["text"])
    stored[4] = version
    data = bytes(stored)
    for unpack in (lambda: read("text", data), lambda: envelope.unpack_header(data)):
        with pytest.raises(DamagedEntry, match=f"version {version}"):
            unpack()


@settings(max_examples=300)
@given(st.binary(max_size=120))
def test_any_bytes_are_an_entry_or_damaged(data):
    for prefix in (b"", b"cctl\x01"):
        with pytest.raises(DamagedEntry):
            envelope.unpack("ns", "key", prefix + data)
        with suppress(DamagedEntry):
            envelope.unpack_header(prefix + data)


def test_a_header_that_lies_is_read_without_harm():
    """A header is shown before its checksum is known: numbers of any size must not break it."""
    chance = random.Random(5)
    for _ in range(2000):
        header = bytes((chance.choice((0, 1, 3, 4, 9, 255)), 0)) + struct.pack(
            "<Hqqqq",
            chance.choice((0, 4, 65_535)),
            *(chance.choice((-(2**63), -1, 0, 2**63 - 1)) for _ in range(4)),
        )
        data = b"cctl\x01" + chance.randbytes(8) + header + chance.randbytes(chance.randrange(9))
        try:
            entry = envelope.unpack_header(data)
        except DamagedEntry:
            continue
        assert isinstance(entry.expires_at, float)
