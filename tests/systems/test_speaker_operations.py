"""Speaker embeddings: an operator beside a running application, and what it leaves on a disk.

Each test names the section of the system's document that it replays. The application runs in a
process of its own.
"""

import io
import json
import os
import shutil
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from tests.support.servers import free_port
from tests.systems.host import Host
from tests.systems.service import Service
from tests.systems.speaker_embeddings import Embedder, arrays

APPLICATION = "tests.systems.speaker_embeddings"


@pytest.fixture
def application(processes: Host) -> Iterator[Service]:
    """The application, which has the voices of two users, and used that of the first twice."""
    with processes.serve(APPLICATION) as application:
        assert application.request("cache_user_voice", "user1") == ["user1"]
        for _ in range(2):
            application.request("generate_meditation", "user1")
        assert application.request("cache_user_voice", "user2") == ["user1", "user2"]
        yield application


def test_an_operator_watches_the_application_at_work(processes: Host, application: Service) -> None:
    """Monitoring: hits, misses and entries, within about a second of what the users do."""
    watch = processes.start(
        "-m", "cachectl", "stats", "embeddings", "--watch", "--interval", "0.2", "-f", "jsonl"
    )
    assert watch.stdout
    shown = (json.loads(line)["namespaces"]["embeddings"] for line in islice(watch.stdout, 150))
    figures = next(each for each in shown if each["hits"] == 2)
    assert (figures["misses"], figures["sets"], figures["entries"]) == (2, 2, 2)
    application.request("generate_meditation", "user2")
    figures = next(each for each in shown if each["hits"] == 3)
    assert (figures["misses"], figures["entries"]) == (2, 2)
    watch.terminate()
    watch.communicate()


def test_an_operator_looks_at_a_voice(processes: Host, application: Service) -> None:
    """Core Operations, "cache_status": who is cached, and both arrays as files of numpy."""
    listed = json.loads(processes.cachectl("inspect", "embeddings", "--format", "json").stdout)
    assert [entry["key"] for entry in listed["entries"]] == ["user1", "user2"]
    described = processes.cachectl("inspect", "embeddings", "user1")
    assert described.returncode == 0
    assert "float16" in described.stdout
    assert "float32" in described.stdout
    voice = np.load(io.BytesIO(processes.content("embeddings", "user1")))
    for name, array in zip(voice.files, arrays(Embedder()("user1")), strict=True):
        assert voice[name].dtype == array.dtype
        assert np.array_equal(voice[name], array)


def test_an_operator_clears_one_user_of_a_running_application(
    processes: Host, application: Service
) -> None:
    """Core Operations, "DELETE /clear_user_cache/{user_id}": from outside, and nobody else."""
    done = processes.cachectl("clear", "embeddings", "--key", "user1", "--yes")
    assert (done.returncode, done.stderr[:15]) == (0, "removed 1 entry")
    assert not application.request("cache_status", "user1")["cached"]
    assert application.request("cache_status", "user2")["cached"]
    assert application.request("generate_meditation", "user2") == ["user1", "user2"]
    assert application.request("generate_meditation", "user1") == ["user1", "user2", "user1"]
    done = processes.cachectl("clear", "embeddings", "--yes")
    assert done.returncode == 0
    assert not application.request("cache_status", "user2")["cached"]


@pytest.fixture
def published(one_process: Host) -> Iterator[Host]:
    """A host whose memory applications publish counters, under a name that nobody else has."""
    name = f"test-{os.getpid()}"
    one_process.variables |= {"CACHECTL_MEMORY__PUBLISH": "true", "CACHECTL_MEMORY__NAME": name}
    yield one_process
    shutil.rmtree(f"/dev/shm/cachectl-{os.geteuid()}-{name}", ignore_errors=True)


def test_an_operator_sees_figures_of_memory_and_is_told_that_it_is_out_of_reach(
    published: Host,
) -> None:
    """Monitoring, "active_backend: in-memory": a clear from outside is none, and says so."""
    with published.serve(APPLICATION) as application:
        for _ in range(4):
            application.request("cache_user_voice", "user1")
        application.request("cleanup_cache")  # hands over what was counted
        figures = published.figures("embeddings")["namespaces"]["embeddings"]
        assert (figures["entries"], figures["hits"], figures["misses"]) == (1, 3, 1)
        for arguments in (["embeddings"], ["embeddings", "--key", "user1"], ["--all"]):
            refused = published.cachectl("clear", *arguments, "--yes")
            assert refused.returncode == 6
            assert "nothing was removed" in refused.stderr
        assert application.request("cache_status", "user1")["cached"]
        assert application.request("generate_meditation", "user1") == ["user1"]
        assert application.request("clear_user_cache", "user1")
        assert application.request("generate_meditation", "user1") == ["user1", "user1"]


def test_the_tool_does_not_pretend_while_the_application_works_from_memory(
    one_process: Host,
) -> None:
    """Monitoring, "fallback_only": Redis is configured and absent; only the tool fails."""
    one_process.variables |= {
        "AI_CACHE_BACKEND": "redis",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    with one_process.serve(APPLICATION) as application:
        for _ in range(2):
            assert application.request("cache_user_voice", "user1") == ["user1"]
        status = application.request("cache_status", "user1")
        assert (status["active_backend"], status["status"]) == ("in-memory", "fallback_only")
        for command in (["stats"], ["inspect", "embeddings"], ["clear", "embeddings", "--yes"]):
            assert one_process.cachectl(*command).returncode == 5
        assert application.request("cache_status", "user1")["cached"]


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

from contextlib import suppress
from cachectl import BackendUnavailable, Cache
from tests.systems.speaker_embeddings import Application

with Cache.open() as cache:
    application = Application(cache)
    found = application.cache_status("user123")["cached"]
    for _ in range(3):
        application.cache_user_voice("user123")
    with suppress(BackendUnavailable):
        cache.flush()
    cache.stats()
    application.cleanup_cache()
    application.clear_user_cache("user124")
written = dict(line.split(": ") for line in open("/proc/self/io").read().splitlines())
print(json.dumps([found, touched, connected, int(written["write_bytes"])]))
"""
"""Run by an application that tells what it touched; the kernel tells what it wrote to disks."""


def session(host: Host, **variables: str) -> tuple[bool, list[str], list[str], int]:
    """Run the application once: was the user there, which paths were written, who was called, and
    how many bytes went to disks.
    """
    found, touched, connected, written = json.loads(host.run(_SESSION, **variables))
    paths = [path.removeprefix("file:") for path in touched if path != ":memory:"]
    return found, paths, connected, written


def test_memory_mode_touches_no_disk_and_no_network(one_process: Host) -> None:
    """Data Management, "Security: No disk storage, memory-only approach"; nor after a restart."""
    assert session(one_process) == (False, [], [], 0)
    assert session(one_process) == (False, [], [], 0)
    assert list(one_process.home.iterdir()) == []


def test_published_counters_stay_in_shared_memory(published: Host) -> None:
    """Data Management, "Security": what the command line can see of it is no disk either."""
    _, touched, connected, written = session(published)
    assert touched
    assert [path for path in touched if not path.removeprefix("//").startswith("/dev/shm")] == []
    assert (connected, written) == ([], 0)
    assert list(published.home.iterdir()) == []


def test_a_redis_that_is_absent_sends_nothing_to_a_disk(one_process: Host) -> None:
    """Data Management, "Security": the fallback is memory, its counts wait in shared memory."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    found, touched, connected, written = session(
        one_process, AI_CACHE_BACKEND="redis", REDIS_URL=url
    )
    absolute = [path for path in touched if path.startswith("/")]  # others are relative to these
    assert [path for path in absolute if not path.removeprefix("//").startswith("/dev/shm")] == []
    assert (found, set(connected), written) == (False, {f"('127.0.0.1', {port})"}, 0)
    assert list(one_process.home.iterdir()) == []


def test_embeddings_that_are_shared_outlive_the_process(processes: Host) -> None:
    """Lifecycle, "Cache cleared on application restart": not where more than memory is asked for.

    And what the tests above rely on: a watch that sees a disk where there is one.
    """
    (first, touched, *_), (second, *_) = session(processes), session(processes)
    assert (first, second) == (False, True)
    database = f"{processes.directory}/cache.db"
    on_disk = processes.variables["AI_CACHE_BACKEND"] == "file"
    assert any(path.startswith(database) for path in touched) is on_disk
