"""Uses of many namespaces that are written together: each arrives once, whatever becomes of the others."""

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._model.batches import BATCH
from cachectl.errors import BackendRefused, BackendUnavailable
from tests.backends.redis.blocking import blocking
from tests.backends.redis.items import FREE, item

NAMES = [f"n{number}" for number in range(5)]


@pytest.fixture
def used(backend: RedisBackend, clock) -> RedisBackend:
    """A backend where more was used in each namespace than one script writes."""
    keys = [f"k{number}" for number in range(BATCH + 100)]
    for name in NAMES:
        store = blocking(backend, name)
        store.put([item(key) for key in keys], FREE, clock())
    clock.advance(60)
    for name in NAMES:
        for key in keys:
            backend._of(name).access_log.record(key, clock())
    return backend


def waiting(backend: RedisBackend) -> list[int]:
    return [len(backend._of(name).access_log) for name in NAMES]


def written(raw, clock) -> list[int]:
    """Return of how many entries of each namespace the use is written."""
    return [raw.zcount(f"app:{{{name}}}:lru", int((clock() - 1) * 1e6), "+inf") for name in NAMES]


@pytest.mark.parametrize("known", [True, False])
def test_all_arrive_whether_or_not_the_server_knows_the_script(used, raw, clock, known):
    if not known:
        raw.script_flush()
    assert used.write_uses(NAMES)
    assert written(raw, clock) == [BATCH + 100] * 5
    assert waiting(used) == [0] * 5


def test_those_of_a_namespace_that_refuses_them_stay_noted_and_others_are_sent_once(
    used, raw, clock
):
    """A second time would be a second use where eviction counts them."""
    raw.delete("app:{n1}:lru")
    raw.set("app:{n1}:lru", "foreign")
    with pytest.raises(BackendRefused):
        used.write_uses(NAMES)
    assert waiting(used) == [0, BATCH + 100, 0, 0, 0]
    raw.config_resetstat()
    with pytest.raises(BackendRefused):
        used.write_uses(NAMES)
    assert raw.info("commandstats")["cmdstat_evalsha"]["calls"] == 2
    raw.delete("app:{n1}:lru")


def test_all_stay_noted_while_the_server_is_away(used, clock, raw):
    raw.config_set("maxclients", 1)
    used._blocking.close()
    try:
        with pytest.raises(BackendUnavailable):
            used.write_uses(NAMES)
        assert waiting(used) == [BATCH + 100] * 5
    finally:
        raw.config_set("maxclients", 10_000)
    assert used.write_uses(NAMES)
    assert written(raw, clock) == [BATCH + 100] * 5
