"""Speaker embeddings: voices by user id, in memory, with or without a Redis behind them.

Each test names the section of the system's document that it replays.
"""

import signal
from collections.abc import Callable

import numpy as np
import pytest

from cachectl.testing import Clock
from tests.support.servers import free_port
from tests.support.servers import redis_server as run_redis_server
from tests.systems.host import Host
from tests.systems.speaker_embeddings import Application, Voice, arrays, named, pair, same


@pytest.fixture
def port() -> int:
    """A port of this machine on which nobody listens."""
    return free_port()


@pytest.fixture
def without_redis(in_memory: Host, port: int) -> Application:
    """An application that is configured for a Redis that is not there."""
    url = f"redis://127.0.0.1:{port}/0"
    return Application(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=url))


def test_the_status_of_a_user_while_redis_is_absent_is_the_documents_answer(
    without_redis: Application,
) -> None:
    """Monitoring, "Cache Status Response": field by field."""
    for user_id in ("user120", "user121", "user122", "user123", "user124"):
        without_redis.cache_user_voice(user_id)
    assert without_redis.cache_status("user123") == {
        "user_id": "user123",
        "cached": True,
        "message": "Speaker embedding found",
        "configured_backend": "redis",
        "active_backend": "in-memory",
        "status": "fallback_only",
        "fallback_entries": 5,
    }


def test_the_status_of_a_user_in_plain_memory(in_memory: Host) -> None:
    """Configuration: memory that was asked for is not a fallback."""
    application = Application(in_memory.open())
    application.cache_user_voice("user123")
    assert application.cache_status("user124") == {
        "user_id": "user124",
        "cached": False,
        "message": "Speaker embedding not found",
        "configured_backend": "memory",
        "active_backend": "in-memory",
        "status": "ok",
        "fallback_entries": 0,
    }


def test_all_meditations_of_a_user_share_one_embedding(anywhere: Host) -> None:
    """Usage Flow, steps 1 to 3: upload once, generate often, look at the status in between."""
    application = Application(anywhere.open())
    first = application.cache_user_voice("user123")
    for _ in range(10):
        assert application.cache_status("user123")["cached"]
        assert same(application.generate_meditation("user123"), first)
    figures = application.embeddings.stats()
    assert application.embed.calls == ["user123"]
    assert (figures.hits, figures.misses) == (10, 1)  # asking for the status is no lookup


@pytest.mark.parametrize("form", [pair, named])
def test_a_voice_of_two_arrays_comes_back_as_it_was_and_cannot_be_changed(
    anywhere: Host, form: Callable[..., Voice]
) -> None:
    """Core Operations: what conditions the model and what tells the speaker, as two or by name."""
    application = Application(anywhere.open(), form)
    made = application.embed("user123")
    assert application.embeddings.set("user123", made)
    latent, embedding = arrays(made)
    latent[:] = 0  # what was passed is the caller's
    stored = application.generate_meditation("user123")
    assert type(stored) is type(made)
    assert [array.shape for array in arrays(stored)] == [(1, 32, 64), (1, 512, 1)]
    assert [array.dtype for array in arrays(stored)] == [np.float16, np.float32]
    assert np.array_equal(arrays(stored)[1], embedding)
    assert arrays(stored)[0].all()
    with pytest.raises(ValueError, match="read-only"):
        arrays(stored)[0][0] = 7
    if isinstance(stored, dict):
        assert list(stored) == ["gpt_cond_latent", "speaker_embedding"]


def test_a_cleared_user_is_embedded_again_and_the_others_stay(anywhere: Host) -> None:
    """Core Operations, "DELETE /clear_user_cache/{user_id}"."""
    application = Application(anywhere.open())
    for user_id in ("user1", "user2", "user3"):
        application.cache_user_voice(user_id)
    assert application.clear_user_cache("user2")
    assert not application.clear_user_cache("user2")
    for user_id in ("user1", "user2", "user3"):
        application.generate_meditation(user_id)
    assert application.embed.calls == ["user1", "user2", "user3", "user2"]


@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_cleanup_removes_only_what_has_expired(
    in_memory: Host, clock: Clock, port: int, backend: str
) -> None:
    """Management, "POST /cleanup_cache": in plain memory, and while Redis is absent."""
    cache = in_memory.open(
        AI_CACHE_BACKEND=backend,
        REDIS_URL=f"redis://127.0.0.1:{port}/0",
        CACHECTL_NAMESPACES__EMBEDDINGS__TTL="1h",
    )
    application = Application(cache)
    application.cache_user_voice("user1")
    application.cache_user_voice("user2")
    clock.advance(1800)
    application.cache_user_voice("user3")
    assert application.cleanup_cache() == 0
    clock.advance(1800)
    assert application.cleanup_cache() == 2
    assert [entry.key for entry in application.embeddings.entries()] == ["user3"]


@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_memory_does_not_grow_with_the_number_of_users(
    in_memory: Host, port: int, backend: str
) -> None:
    """Current Limitations, "Memory usage grows with number of users": a limit stops it."""
    cache = in_memory.open(
        AI_CACHE_BACKEND=backend,
        REDIS_URL=f"redis://127.0.0.1:{port}/0",
        CACHECTL_NAMESPACES__EMBEDDINGS__MAX_ENTRIES="3",
    )
    application = Application(cache)
    for user_id in ("user1", "user2", "user3", "user1", "user4"):
        application.cache_user_voice(user_id)
    kept = [entry.key for entry in application.embeddings.entries()]
    assert kept == ["user3", "user1", "user4"]
    assert application.embeddings.stats().evictions == 1


def test_every_use_saves_the_seconds_that_the_embedding_took(anywhere: Host) -> None:
    """Performance Benefits, "First request: ~2-5 seconds": 3.5 s spared by each of ten uses."""
    cache = anywhere.open()
    embeddings = cache.namespace("embeddings")
    embeddings.set("user123", np.ones(512, np.float32), load_seconds=3.5)
    for _ in range(10):
        embeddings.get("user123")
    assert embeddings.stats().saved_seconds == 35.0


def test_the_hit_rate_is_there_for_the_status_endpoint(in_memory: Host) -> None:
    """Troubleshooting, "Performance": unknown before the first lookup, never zero."""
    application = Application(in_memory.open())
    assert application.embeddings.stats().hit_rate is None
    for _ in range(4):
        application.cache_user_voice("test123")
    assert application.embeddings.stats().hit_rate == 0.75


def test_redis_is_used_as_soon_as_it_is_there(
    in_memory: Host, without_redis: Application, port: int
) -> None:
    """Future Enhancements, "Redis": embedded into memory while it is away, then shared by all."""
    without_redis.cache_user_voice("user123")
    assert without_redis.cache_status("user123")["fallback_entries"] == 1
    with run_redis_server(port=port) as server:
        without_redis.cache.flush()
        status = without_redis.cache_status("user123")
        assert (status["active_backend"], status["status"]) == ("redis", "ok")
        assert status["fallback_entries"] == 0
        voice = without_redis.cache_user_voice("user123")
        other = Application(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=server.url))
        assert same(other.generate_meditation("user123"), voice)
        assert other.embed.calls == []
        without_redis.cache.close()
        other.cache.close()


def test_a_user_who_was_cleared_while_redis_was_away_stays_so(in_memory: Host, port: int) -> None:
    """Core Operations, "DELETE": the server, which knew the voice, comes back with it."""
    url = f"redis://127.0.0.1:{port}/0"
    application = Application(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=url))
    with run_redis_server(port=port) as server:
        for user_id in ("user1", "user2"):
            application.cache_user_voice(user_id)
        server.process.send_signal(signal.SIGSTOP)
        application.clear_user_cache("user1")
        assert application.cache_status("user1")["status"] == "fallback_only"
        server.process.send_signal(signal.SIGCONT)
        application.cache.flush()
        assert application.cache_status("user1")["status"] == "ok"
        cached = [application.cache_status(user_id)["cached"] for user_id in ("user1", "user2")]
        assert cached == [False, True]
        application.generate_meditation("user1")
        assert application.embed.calls == ["user1", "user2", "user1"]
        application.cache.close()
