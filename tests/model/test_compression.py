"""Compression: values come back equal, smaller where that pays, and no frame does harm."""

import random
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cachectl import MISSING, Cache
from cachectl._model import envelope
from cachectl._model.codecs import VALUE_LIMIT
from cachectl._model.compression import NONE, SMALLEST, ZSTD, compress, decompress
from cachectl._model.coroutines import run
from cachectl._model.entry import NEVER, Entry
from cachectl._model.importing import importing
from cachectl._model.policy import COMPRESSIONS, Limits
from cachectl._model.records import Item
from cachectl.errors import DamagedEntry
from cachectl.testing import Clock
from cachectl.testing.contract.values import arrays, json_values, quick
from tests.support.openers import SHARED, Opener, settings
from tests.support.servers import free_port

TEXT = "the quick brown fox jumps over the lazy dog " * 30
ROOT = Path(__file__).parents[2]
NOISE = random.Random(7).randbytes(3_000_000)

shared = pytest.mark.parametrize("opener", SHARED, indirect=True)


def frame(data: bytes, *, tells_size: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=tells_size).compress(data)


def claiming(size: int) -> bytes:
    """Return the frame of TEXT with a header that says it holds so many bytes."""
    told = frame(TEXT.encode())
    assert told[4] == 0x60  # one segment, whose size is told in two bytes
    return told[:4] + b"\xe0" + size.to_bytes(8, "little") + told[7:]


FRAME = claiming(len(TEXT))
HOSTILE = {
    "nothing": b"",
    "noise": NOISE[:500],
    "a frame and junk": FRAME + b"\0",
    "two frames": FRAME + FRAME,
    "a frame to be skipped": b"\x50\x2a\x4d\x18" + (500).to_bytes(4, "little") + bytes(500),
    "a frame of nothing": frame(b""),
    "a frame larger than what it holds": frame(b"x"),
    "a frame that does not tell its size": frame(TEXT.encode(), tells_size=False),
    "a size of 100 GB": claiming(100 * 2**30),
    "a size of 16 EB": claiming(2**64 - 3),
    "a size just over the limit": claiming(VALUE_LIMIT + 1),
    "a size that is too large": claiming(VALUE_LIMIT),
    "a size that is too small": claiming(len(TEXT) - 1),
    "a bomb": frame(bytes(VALUE_LIMIT + 1)),
}


@given(
    st.binary(max_size=3000) | st.builds(lambda part, n: part * n, st.binary(), st.integers(1, 500))
)
def test_what_is_kept_compressed_comes_back_and_is_a_tenth_smaller(payload):
    compressed = compress(payload)
    if compressed is not None:
        assert decompress(compressed, len(payload)) == payload
        assert len(compressed) <= 0.9 * len(payload)


def test_what_does_not_pay_is_left_as_it_is():
    vector = np.random.default_rng(1).standard_normal(512).astype("f4")
    for payload in (b"x" * (SMALLEST - 1), NOISE[:2000], NOISE, vector.tobytes()):
        assert compress(payload) is None
    assert compress(b"x" * SMALLEST) is not None
    assert compress(TEXT.encode() * 300) is not None


def test_a_large_value_is_judged_by_its_beginning_and_its_middle():
    noise, text = NOISE[:100_000], b"x" * 100_000
    assert compress(noise + text) is not None
    assert compress(text + noise) is not None
    assert compress(noise * 2 + text) is None


def test_a_frame_that_tells_the_truth_is_read():
    assert decompress(FRAME, len(TEXT)) == TEXT.encode()
    with pytest.raises(DamagedEntry):
        decompress(FRAME, len(TEXT) - 1)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_frame_is_damage_and_takes_no_memory(name):
    decompress(FRAME, VALUE_LIMIT)  # the first one imports the library
    tracemalloc.start()
    try:
        with pytest.raises(DamagedEntry):
            decompress(memoryview(HOSTILE[name]), 2**20)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    with pytest.raises(DamagedEntry):
        decompress(HOSTILE[name], VALUE_LIMIT)


def test_a_size_for_which_there_is_no_memory_is_damage():
    program = """
import resource
from tests.model.test_compression import FRAME, VALUE_LIMIT, DamagedEntry, claiming, decompress

decompress(FRAME, VALUE_LIMIT)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + VALUE_LIMIT // 4,) * 2)
try:
    decompress(claiming(VALUE_LIMIT), VALUE_LIMIT)
except DamagedEntry:
    print("damaged")
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("damaged\n", "")


def test_every_truncated_frame_is_damage():
    for end in range(len(FRAME)):
        with pytest.raises(DamagedEntry):
            decompress(FRAME[:end], VALUE_LIMIT)


@given(st.data())
def test_a_changed_frame_is_damage_or_a_value_within_the_limit(data):
    changed = bytearray(FRAME)
    for at in data.draw(st.sets(st.integers(0, len(changed) - 1), min_size=1, max_size=3)):
        changed[at] = data.draw(st.integers(0, 255))
    try:
        found = decompress(bytes(changed), 5000)
    except DamagedEntry:
        return
    assert len(found) <= 5000


def test_threads_share_no_context_while_they_use_it():
    payloads = [bytes((n,)) * 200_000 + NOISE[n : n + 500] for n in range(40)]

    def there_and_back(payload: bytes) -> bool:
        compressed = compress(payload)
        assert compressed is not None
        return decompress(compressed, VALUE_LIMIT) == payload

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, payloads * 5))


def stored(namespace: str, payload: bytes, flags: int) -> Item:
    """Return a text to write with a right checksum, whatever the payload and its flags are."""
    entry = Entry(payload, 2, 1_700_000_000.0, NEVER, 0, 0, (), 0, flags)
    data = envelope.pack(namespace, "k", entry, payload)
    return Item("k", entry._replace(size=len(data)), data, len(payload))


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_an_import_in_another_thread_holds_nobody_up(opener: Opener):
    """What a namespace needs is imported by its first calls; later ones ask for no lock."""
    users = opener().namespace("users", compress="zstd")

    def use() -> object:
        users.set("k", TEXT)
        return users.get("k")

    assert use() == TEXT
    with ThreadPoolExecutor(1) as threads, importing:
        assert threads.submit(use).result(timeout=30) == TEXT


def test_every_truncation_of_a_compressed_envelope_is_noticed():
    data = stored("users", FRAME, ZSTD).data
    assert envelope.unpack("users", "k", data).compression == ZSTD
    for end in range(len(data)):
        with pytest.raises(DamagedEntry):
            envelope.unpack("users", "k", data[:end])


@pytest.mark.parametrize("flags", [2, 3, 128, 255])
def test_flags_that_are_not_known_are_damage(flags):
    data = stored("users", FRAME, flags).data
    for read in (lambda: envelope.unpack("users", "k", data), lambda: envelope.unpack_header(data)):
        with pytest.raises(DamagedEntry, match=rf"version 1\.{flags}"):
            read()


def test_the_numbers_of_compressions_are_the_places_of_their_names():
    assert (COMPRESSIONS[NONE], COMPRESSIONS[ZSTD]) == ("none", "zstd")


@shared
@pytest.mark.parametrize("name", [*HOSTILE, "flags that are not known"])
def test_a_hostile_frame_is_a_miss_and_an_error(opener: Opener, name):
    cache = opener()
    users = cache.namespace("users")
    item = stored("users", HOSTILE.get(name, FRAME), ZSTD if name in HOSTILE else 2)
    store = cache._core.backend.store_for_threads("users")
    run(store.put([item], Limits(), 1_700_000_000.0))
    assert users.get("k") is MISSING
    assert users.get_or_load("k", lambda: "loaded") == "loaded"
    assert users.get("k") == "loaded"
    figures = users.stats()
    assert (figures.errors, figures.misses, figures.hits) == (2, 2, 1)


@pytest.fixture
def users(opener: Opener):
    return opener().namespace("users", compress="zstd")


@pytest.fixture
def plain(opener: Opener):
    """The same namespace in a cache where compression is off."""
    return opener().namespace("users")


times = st.integers(1, 200)
texts = st.text(st.characters(codec=None))
repetitive = (
    st.builds(lambda value, n: [value] * n, json_values, times)
    | st.builds(lambda value, n: value * n, st.binary() | texts, times)
)  # fmt: skip


@shared
@quick
@given(repetitive)
def test_json_text_and_bytes_come_back_as_they_were_under_any_setting(users, plain, value):
    for writer, reader in ((users, users), (users, plain), (plain, users)):
        writer.set("k", value)
        assert repr(reader.get("k")) == repr(value)
        assert repr(reader.peek("k").value) == repr(value)


@quick
@given(arrays, times)
def test_arrays_come_back_with_dtype_and_shape_and_read_only(users, value, n):
    value = np.repeat(value, n)
    users.set("k", value)
    found = users.get("k")
    assert (found.dtype, found.shape, found.tobytes()) == (
        value.dtype,
        value.shape,
        value.tobytes(),
    )
    assert not found.flags.writeable


@shared
def test_sizes_are_those_of_what_is_stored(users, plain):
    plain.set("plain", TEXT, tags=["t"])
    users.set("compressed", TEXT, tags=["t"])
    users.set("noise", NOISE[:2000])
    sizes = {listed.key: listed.size for listed in users.entries()}
    assert sizes["compressed"] < sizes["plain"] / 5
    assert sizes["noise"] == 2000 + sizes["plain"] - len(TEXT) - len("t")
    assert users.stats().bytes == sum(sizes.values())
    assert users.peek("compressed").size == sizes["compressed"]
    assert {listed.entry.compression for listed in users.entries("t")} == {NONE, ZSTD}


@shared
def test_limits_count_what_is_stored(users, plain):
    users.state.use(replace(users.policy, max_bytes=2000))
    assert all(users.set_many({f"{n}": TEXT + str(n) for n in range(5)}))
    assert len(list(users.entries())) == 5
    plain.state.use(replace(plain.policy, max_bytes=1000))
    assert not plain.set("0", TEXT)


@shared
def test_ratio_and_time_are_counted_over_all_processes(opener: Opener, users):
    users.set("text", TEXT)
    users.set("noise", NOISE[: len(TEXT)])
    (entry,) = [listed.entry for listed in users.entries() if listed.entry.compression]
    kept = entry.size - 49  # the header
    users.peek("text")
    assert users.stats().decompress_seconds == 0
    users.get("text")
    assert users.stats().decompress_seconds > 0
    figures = opener().stats().namespaces["users"]
    assert figures.compression_ratio == 2 * len(TEXT) / (kept + len(TEXT))
    assert 0 < figures.compress_seconds < 10
    users.get("noise")
    assert users.stats() == replace(
        figures, hits=2, hit_rate=1.0, memory_bytes=users.stats().memory_bytes
    )


def test_where_nothing_is_compressed_there_is_no_ratio_and_no_time(plain):
    plain.set("k", TEXT)
    plain.get("k")
    figures = plain.stats()
    assert figures.compression_ratio is None
    assert (figures.compress_seconds, figures.decompress_seconds) == (0, 0)


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_memory_holds_live_values_and_compresses_nothing(users):
    users.set("k", TEXT)
    assert users.get("k") == TEXT
    assert users.stats().compression_ratio is None
    assert users.stats().bytes > len(TEXT)


def test_without_metrics_it_compresses_and_counts_nothing(opener: Opener):
    users = opener().namespace("users", compress="zstd", metrics=False)
    users.set("k", TEXT)
    assert users.get("k") == TEXT
    assert users.stats().compression_ratio is None


def test_memory_that_stands_in_for_redis_keeps_compressed_values(clock: Clock):
    url = f"redis://127.0.0.1:{free_port()}/0"
    with Cache.of(settings("redis", redis__url=url, redis__timeout=0.2), clock=clock) as cache:
        users = cache.namespace("users", compress="zstd")
        assert users.set("k", TEXT)
        assert users.get("k") == TEXT
        assert users.stats().bytes < len(TEXT) / 5
