"""Counters on Redis: added once, and gone with their ring."""

from cachectl._metrics.counters import Batch, Counts
from cachectl._metrics.windows import RINGS, Window


def test_counters_are_added_exactly_once(backend, raw, clock):
    """A batch that is sent again after a lost reply changes nothing; another client's does."""
    counts = {"ns": Counts(hits=3, last_hit_us=50), "other": Counts(misses=1)}
    for client, sequence in [("a", 1), ("a", 1), ("a", 2), ("b", 1), ("a", 1)]:
        backend.counters.add(Batch(client, sequence, clock(), counts))
    read = backend.counters.read(Window(None, None, clock()))
    assert read == {"ns": Counts(hits=9, last_hit_us=50), "other": Counts(misses=3)}
    assert 0 < raw.ttl("app:{ns}:seen:a") <= 86_400


def test_counter_buckets_end_with_their_ring(backend, raw, clock):
    """Buckets expire on the server a bucket after their ring has moved on; totals never do."""
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}))
    for ring in RINGS:
        left = raw.ttl(f"app:{{ns}}:c:{ring.width}:{ring.bucket(clock())}")
        assert ring.span < left <= ring.span + ring.width
    assert raw.ttl("app:{ns}:c") == -1
