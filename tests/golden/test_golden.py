"""The stored form is frozen: every version writes and reads exactly these bytes."""

import pytest

from cachectl._model import codecs, envelope
from cachectl._model.codecs import CODECS
from tests.golden.entries import CREATED, DIRECTORY, ENTRIES, path

names = pytest.mark.parametrize("name", ENTRIES)


@names
def test_the_bytes_written_today_are_the_frozen_ones(name):
    assert ENTRIES[name].packed() == path(name).read_bytes()


@names
def test_the_frozen_bytes_are_read_as_what_they_were(name):
    golden = ENTRIES[name]
    stored = path(name).read_bytes()
    entry = envelope.unpack(golden.namespace, golden.key, stored)
    assert (entry.created_at, entry.expires_at) == (CREATED, golden.expires_at)
    assert (entry.cost, entry.load_us, entry.tags) == (golden.cost, golden.load_us, golden.tags)
    assert (entry.cost_over, entry.label) == (golden.cost_over, golden.label)
    assert entry.size == len(stored) == envelope.packed_size(*golden.entry())
    assert isinstance(entry.value, memoryview)
    found = codecs.decode(entry.codec, entry.value)
    assert repr(found) == repr(golden.value)
    assert codecs.encode(found) == codecs.encode(golden.value)


def test_every_file_is_known_and_every_codec_has_one():
    assert {file.stem for file in DIRECTORY.glob("*.bin")} == set(ENTRIES)
    numbers = {golden.entry()[0].codec for golden in ENTRIES.values()}
    assert numbers == {codec.number for codec in CODECS}
