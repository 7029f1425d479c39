"""A run as a whole: batches, order, limits, memory, what is reported when it stops."""

import gc
import json
import os
import signal
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cachectl import BackendUnavailable, Cache
from cachectl._engine.warm import (
    LoaderSource,
    Position,
    Progress,
    Record,
    WarmCounts,
    WarmFailure,
    batch_writer,
    open_source,
    warm,
)
from cachectl.testing import found
from tests.engine.warm.conftest import Warm
from tests.support.locked import locked
from tests.support.openers import Opener
from tests.support.servers import redis_server


class Records:
    """A source of records made on the fly."""

    name = "records"
    total = None

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records

    def items(self) -> Iterator[Record]:
        return self._records


def record(number: int, namespace: str, key: str, value: object, size: int = 1) -> Record:
    return Record(Position("records", number, number), namespace, key, value, size)


def test_every_line_is_accounted_for(warm_lines: Warm, cache: Cache, tmp_path: Path):
    """Read, written, failed, bytes, seconds, and what each namespace got."""
    lines = [
        {"namespace": f"n{number % 2}", "key": str(number), "value": number}
        for number in range(2500)
    ]
    report = warm_lines(*lines, {"namespace": "n0"}, {"namespace": "n1", "key": "k", "value": ""})
    assert (report.read, report.written, report.failed, report.fresh) == (2502, 2501, 1, 0)
    assert report.namespaces == {"n0": 1250, "n1": 1251}
    size = (tmp_path / "m.jsonl").stat().st_size
    assert report.bytes == size - len('{"namespace": "n0"}\n')
    assert report.seconds > 0
    assert {name: len(list(cache.namespace(name).entries())) for name in ("n0", "n1")} == {
        "n0": 1250,
        "n1": 1251,
    }


def test_the_last_line_for_a_key_wins(warm_lines: Warm, cache: Cache):
    """Within a batch, across batches, and with other namespaces in between."""
    lines = [
        {"namespace": namespace, "key": str(number % 7), "value": number}
        for number in range(1501)
        for namespace in ("a", "b")
    ]
    assert warm_lines(*lines).written == 3002
    for namespace in ("a", "b"):
        values = [found(cache.namespace(namespace).get(str(key))) for key in range(7)]
        assert sorted(values) == list(range(1494, 1501))


def test_the_backend_is_written_in_batches(cache: Cache):
    """Of as many entries as the engine writes at once, or of eight megabytes together."""
    seen = []

    def counted(size: int, count: int) -> Iterator[Record]:
        for number in range(count):
            seen.append(counts.written)
            yield record(number, f"n{number % 2}", str(number), 1, size)

    counts = WarmCounts()
    warm(cache, [Records(counted(1, 1500))], counts=counts)
    assert sorted(set(seen)) == [0, 500, 1000]
    seen.clear()
    counts = WarmCounts()
    warm(cache, [Records(counted(batch_writer.BATCH_BYTES // 4, 8))], counts=counts)
    assert sorted(set(seen)) == [0, 4]


def test_one_bad_entry_does_not_spoil_its_batch(cache: Cache):
    """However many are bad, and wherever they are."""

    def mixed() -> Iterator[Record]:
        for number in range(1000):
            yield record(number, "n", str(number), 1 if number % 100 else {1: 2})

    report = warm(cache, [Records(mixed())])
    assert (report.written, report.failed) == (990, 10)
    assert [failure.line for failure in report.failures] == list(range(0, 1000, 100))


def test_a_value_over_max_bytes_is_a_failure(warm_lines: Warm, cache: Cache):
    """The rest of the batch is written."""
    cache.namespace("n", max_bytes=1000)
    report = warm_lines(
        {"namespace": "n", "key": "a", "value": "x"},
        {"namespace": "n", "key": "b", "value": "x" * 1000, "tags": ["t"]},
        {"namespace": "n", "key": "c", "value": "x"},
    )
    assert [failure[1:] for failure in report.failures] == [(2, "larger than max_bytes of 'n'")]
    assert (report.written, report.namespaces) == (2, {"n": 2})


def test_max_bytes_is_compared_with_what_compression_leaves(warm_lines: Warm, cache: Cache):
    """Of two values over the limit, the one that shrinks below it is written."""
    cache.namespace("n", max_bytes=1000, compress="zstd")
    noise = "".join(map(chr, range(0x4E00, 0x4E00 + 1000)))
    report = warm_lines(
        {"namespace": "n", "key": "a", "value": "a" * 2000},
        {"namespace": "n", "key": "noise", "value": noise},
    )
    assert [failure[1:] for failure in report.failures] == [(2, "larger than max_bytes of 'n'")]
    assert cache.namespace("n").get("a") == "a" * 2000


def test_a_disabled_namespace_is_a_failure(warm_lines: Warm, cache: Cache):
    """Nothing would be stored there."""
    cache.namespace("off", enabled=False)
    report = warm_lines({"namespace": "off", "key": "a", "value": "x"})
    assert [failure[1:] for failure in report.failures] == [(1, "namespace 'off' is disabled")]


def test_a_run_has_a_bounded_number_of_namespaces(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    """A namespace costs memory for as long as the cache is open."""
    monkeypatch.setattr(batch_writer, "NAMESPACES_LIMIT", 3)
    report = warm(cache, [Records(record(n, f"n{n % 4}", str(n), 1) for n in range(8))])
    reason = "more than 3 namespaces in one run"
    assert report.failures == [WarmFailure("records", 3, reason), WarmFailure("records", 7, reason)]


def test_all_failures_are_counted_and_the_first_hundred_kept(warm_lines: Warm):
    report = warm_lines(*["{}"] * 250)
    assert (report.failed, len(report.failures), report.failures[99].line) == (250, 100, 100)


def test_a_source_that_breaks_off_is_a_failure(cache: Cache, tmp_path: Path):
    """The other sources are read; what came before it broke off is written."""
    gone, there = tmp_path / "gone.jsonl", tmp_path / "there.jsonl"
    for path in (gone, there):
        path.write_text('{"namespace": "n", "key": "k", "value": 1}')
    sources = [open_source(gone), open_source(there)]
    gone.unlink()
    report = warm(cache, sources)
    reason = "cannot be read: No such file or directory"
    assert report.failures == [WarmFailure(str(gone), None, reason)]
    assert report.written == 1


def test_progress_is_told(cache: Cache, tmp_path: Path):
    """In bytes of the source; at the end of each source all of it."""
    manifest, arrays, keys = tmp_path / "m.jsonl", tmp_path / "v.npz", tmp_path / "keys"
    manifest.write_text('{"namespace": "n", "key": "k", "value": 1}\n{}\n\n')
    np.savez(arrays, a=np.ones(1), b=np.ones(1))
    keys.write_text("a\nz\n")
    told: list[Progress] = []
    sources = [open_source(manifest), open_source(arrays, "n"), LoaderSource(str.upper, keys, "n")]
    report = warm(cache, sources, progress=told.append)
    last = {progress.source: progress for progress in told}
    assert last[str(manifest)] == (str(manifest), 46, 47, 2, 1, 0, 1)
    assert last[str(arrays)] == (str(arrays), 2, 2, 4, 3, 0, 1)
    assert last[str(keys)] == (str(keys), 4, 4, 6, 4, 1, 1)
    assert (report.read, report.written, report.fresh, report.failed) == (6, 4, 1, 1)


def _manifest(path: Path, lines: int) -> None:
    with path.open("w") as file:
        for number in range(lines):
            value = "x" * 1000
            file.write(json.dumps({"namespace": "n", "key": str(number), "value": value}) + "\n")


def _peak(cache: Cache, path: Path) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        warm(cache, [open_source(path)])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_manifest(cache: Cache, tmp_path: Path):
    """Twenty thousand lines of 1 KB take less than 8 MB, as two thousand do; what is known of their keys
    is half a megabyte, and beside it while it grows the half of that.
    """
    _manifest(tmp_path / "small.jsonl", 2_000)
    _manifest(tmp_path / "large.jsonl", 20_000)
    small = _peak(cache, tmp_path / "small.jsonl")
    large = _peak(cache, tmp_path / "large.jsonl")
    assert large < 8_000_000
    assert large < small + 1_500_000


def test_memory_does_not_grow_with_the_number_of_bad_lines(cache: Cache, tmp_path: Path):
    (tmp_path / "m.jsonl").write_text("{\n" * 20_000)
    assert _peak(cache, tmp_path / "m.jsonl") < 2_000_000


def test_a_backend_that_goes_away_stops_a_strict_run_and_leaves_the_report():
    """It says what was acknowledged, and no more."""
    with redis_server() as server:

        def records() -> Iterator[Record]:
            for number in range(2000):
                if number == 1200:
                    server.process.send_signal(signal.SIGKILL)
                    server.process.wait()
                yield record(number, "n", str(number), number)

        counts = WarmCounts()
        cache = Cache.open(backend="redis", url=server.url, strict=True)
        with pytest.raises(BackendUnavailable):
            warm(cache, [Records(records())], counts=counts)
        assert (counts.read, counts.written, counts.failed) == (1500, 1000, 0)
        assert counts.seconds > 0
        with pytest.raises(BackendUnavailable):
            cache.close()


def test_an_interrupted_run_leaves_the_report(cache: Cache):
    """What waited to be written is not counted."""

    def interrupted() -> Iterator[Record]:
        for number in range(2000):
            if number == 700:
                os.kill(os.getpid(), signal.SIGINT)
            yield record(number, "n", str(number), number)

    counts = WarmCounts()
    with pytest.raises(KeyboardInterrupt):
        warm(cache, [Records(interrupted())], counts=counts)
    assert (counts.written, counts.failed) == (500, 0)
    assert len(list(cache.namespace("n").entries())) == 500


@pytest.mark.parametrize("opener", ["redis", "memory"], indirect=True)
def test_redis_and_memory_are_warmed_alike(tmp_path: Path, opener: Opener):
    """Sources know nothing of backends."""
    _manifest(tmp_path / "m.jsonl", 1200)
    cache = opener()
    assert warm(cache, [open_source(tmp_path / "m.jsonl")]).written == 1200
    assert cache.namespace("n").get("1199") == "x" * 1000


def test_an_application_is_told_what_was_not_stored(tmp_path: Path):
    """A cache that is not strict goes on when its backend refuses; the report does not pretend."""
    with Cache.open(backend="file", directory=tmp_path / "c") as cache:
        cache.namespace("n").set("there", 1)
        with locked(tmp_path / "c/cache.db"):
            report = warm(cache, [Records(record(n, "n", str(n), n) for n in range(3))])
    assert (report.written, report.failed) == (0, 3)
    assert report.failures[0].reason == "the backend did not store it"
