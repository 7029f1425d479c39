"""Speaker embeddings: vectors by user id, in memory, with or without a Redis behind them.

Each test names the section of the system's document that it replays.
"""

import json
import os
import shutil

import numpy as np
import pytest

from cachectl import Cache
from cachectl._model.write import Write
from cachectl.testing import Clock, found
from tests.support.servers import free_port
from tests.support.servers import redis_server as run_redis_server
from tests.systems.host import Host

_WORDS = {"memory": "in-memory"}  # what the document calls it


class Embedder:
    """Stands for the model that takes 2 to 5 seconds, and remembers for whom it worked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, user_id: str) -> np.ndarray:
        self.calls.append(user_id)
        return np.random.default_rng(len(self.calls)).random(512, dtype=np.float32)


class Application:
    """The document's endpoints, as they are with this cache."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.embed = Embedder()
        self.embeddings = cache.namespace("embeddings")

    def cache_user_voice(self, user_id: str) -> np.ndarray:
        return self.embeddings.get_or_load(user_id, lambda: self.embed(user_id))

    generate_meditation = cache_user_voice  # asks for the voice in the same way

    def cache_status(self, user_id: str) -> dict[str, object]:
        cached, status = self.embeddings.has(user_id), self.cache.status()
        return {
            "user_id": user_id,
            "cached": cached,
            "message": f"Speaker embedding {'found' if cached else 'not found'}",
            "configured_backend": status.configured_backend,
            "active_backend": _WORDS.get(status.active_backend, status.active_backend),
            "status": status.status,
            "fallback_entries": status.fallback_entries,
        }

    def clear_user_cache(self, user_id: str) -> bool:
        return self.embeddings.delete(user_id)

    def cleanup_cache(self) -> int:
        return self.cache.cleanup().removed().entries


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
        assert np.array_equal(application.generate_meditation("user123"), first)
    figures = application.embeddings.stats()
    assert application.embed.calls == ["user123"]
    assert (figures.hits, figures.misses) == (10, 1)  # asking for the status is no lookup


def test_an_embedding_comes_back_as_it_was_and_cannot_be_changed(anywhere: Host) -> None:
    """Core Operations: the vectors are float32 and shared by whoever asks."""
    embeddings = anywhere.open().namespace("embeddings")
    vector = np.linspace(-1, 1, 512, dtype=np.float32)
    embeddings.set("user123", vector)
    vector[:] = 0
    stored = found(embeddings.get("user123"))
    assert (stored.dtype, stored.shape) == (np.float32, (512,))
    assert np.array_equal(stored, np.linspace(-1, 1, 512, dtype=np.float32))
    with pytest.raises(ValueError, match="read-only"):
        stored[0] = 7


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
    embeddings.set_many([Write("user123", np.ones(512, np.float32), load_us=3_500_000)])
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
        status = without_redis.cache.status()
        assert (status.active_backend, status.status) == ("redis", "ok")
        assert status.fallback_entries == 0
        vector = without_redis.cache_user_voice("user123")
        other = Application(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=server.url))
        assert np.array_equal(other.generate_meditation("user123"), vector)
        assert other.embed.calls == []
        without_redis.cache.close()
        other.cache.close()


_SESSION = """
import json, os, sys

touched, connected = [], []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

def watch(event, arguments):
    if event == "open" and arguments[2] & WRITING:
        touched.append(str(arguments[0]))
    elif event in ("os.mkdir", "os.rename", "sqlite3.connect"):
        touched.append(str(arguments[0]))
    elif event == "socket.connect":
        connected.append(str(arguments[1]))

sys.addaudithook(watch)

import numpy
from cachectl import Cache
from cachectl.testing import found

with Cache.open() as cache:
    embeddings = cache.namespace("embeddings")
    found = embeddings.has("user123")
    embeddings.get_or_load("user123", lambda: numpy.ones(512, numpy.float32))
    embeddings.get("user123")
    cache.flush()
    cache.stats()
    cache.cleanup()
    embeddings.delete("user124")
print(json.dumps([found, touched, connected]))
"""


in_a_process = pytest.mark.parametrize("engine", ["threads"], indirect=True)
"""Where applications run in processes of their own, which open what they like."""


def session(host: Host, **variables: str) -> tuple[bool, list[str], list[str]]:
    """Run the application once: was the user there, which paths were written, who was called."""
    found, touched, connected = json.loads(host.run(_SESSION, **variables))
    paths = [path.removeprefix("file:") for path in touched if path != ":memory:"]
    return found, paths, connected


@in_a_process
def test_memory_mode_touches_no_disk_and_no_network(in_memory: Host) -> None:
    """Data Management, "Security: No disk storage, memory-only approach"."""
    assert session(in_memory) == (False, [], [])
    assert list(in_memory.home.iterdir()) == []


@in_a_process
def test_published_counters_stay_in_shared_memory(in_memory: Host) -> None:
    """Data Management, "Security": what the command line can see of it is no disk either."""
    name = f"test-{os.getpid()}"
    board = f"/dev/shm/cachectl-{os.geteuid()}-{name}"
    try:
        _, touched, connected = session(
            in_memory, CACHECTL_MEMORY__PUBLISH="true", CACHECTL_MEMORY__NAME=name
        )
    finally:
        shutil.rmtree(board)
    assert touched
    assert [path for path in touched if not path.startswith("/dev/shm")] == []
    assert connected == []
    assert list(in_memory.home.iterdir()) == []


@in_a_process
def test_the_watch_on_the_disk_sees_a_disk(on_disk: Host) -> None:
    """Data Management: what the two tests above rely on."""
    _, touched, _ = session(on_disk)
    assert any(path.startswith(f"{on_disk.directory}/cache.db") for path in touched)


@in_a_process
def test_embeddings_end_with_the_process(anywhere: Host) -> None:
    """Lifecycle, "Cache cleared on application restart": only what is shared is found again."""
    first, second = (session(anywhere)[0] for _ in range(2))
    assert (first, second) == (False, anywhere.variables["AI_CACHE_BACKEND"] != "memory")
