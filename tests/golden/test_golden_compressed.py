"""Compressed entries that were once written are read for ever."""

import pytest

from cachectl._model import codecs, envelope
from cachectl._model.codecs import CODECS, VALUE_LIMIT
from cachectl._model.compression import ZSTD, decompress
from tests.golden.entries import COMPRESSED, CREATED, DIRECTORY, compressed_path


@pytest.mark.parametrize("name", COMPRESSED)
def test_the_frozen_bytes_are_read_as_what_they_were(name):
    golden = COMPRESSED[name]
    stored = compressed_path(name).read_bytes()
    entry = envelope.unpack(golden.namespace, golden.key, stored)
    assert (entry.compression, entry.created_at, entry.size) == (ZSTD, CREATED, len(stored))
    assert (entry.expires_at, entry.cost, entry.tags) == (
        golden.expires_at, golden.cost, golden.tags,
    )  # fmt: skip
    assert isinstance(entry.value, memoryview)
    payload = decompress(entry.value, VALUE_LIMIT)
    assert payload == golden.entry()[1]
    assert repr(codecs.decode(entry.codec, memoryview(payload))) == repr(golden.value)


def test_every_file_is_known_and_every_codec_has_one():
    assert {file.stem for file in (DIRECTORY / "compressed").glob("*.bin")} == set(COMPRESSED)
    numbers = {golden.entry()[0].codec for golden in COMPRESSED.values()}
    assert numbers == {codec.number for codec in CODECS}
