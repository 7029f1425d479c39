"""Music chat: sessions with dates, tuples and gaps, preloaded and cleared by tokens nobody sees.

Each test names the section of the system's document that it replays.
"""

import asyncio
import json
import logging
import math
from datetime import UTC
from pathlib import Path

import pytest

from cachectl.testing import Clock
from tests.support.locked import locked
from tests.support.servers import Server, free_port
from tests.support.servers import redis_server as run_redis_server
from tests.systems.host import Host
from tests.systems.music_chat import Chat, Play, Spotify, converse, dump, session, token_hash

TOKEN = "BQDsecret-spotify-token-of-ann"
OTHER = "BQDsecret-spotify-token-of-bob"
INVALID = "BQDsecret-spotify-token-of-cyd-invalid"

HASHED = {"CACHECTL_NAMESPACES__SESSIONS__KEYS": "hashed"}
"""The policy under which no token can be stored by mistake."""

APPLICATION = "tests.systems.music_chat"


def test_a_session_comes_back_with_its_dates_tuples_and_gaps(anywhere: Host) -> None:
    """Cache Structure, "timestamp: datetime": what the application holds, not what JSON knows."""
    chat = Chat(anywhere.open())
    fetched = chat.get_comprehensive_user_data(TOKEN)
    cached = chat.get_comprehensive_user_data(TOKEN)
    assert chat.spotify.calls == 1
    assert cached == fetched == session("fetch 1")
    assert cached.timestamp.tzinfo is UTC
    assert type(cached.recently_played[0]) is Play
    assert math.isnan(cached.genre_analysis["trip hop"])
    fetched.profile["id"] = "changed by who fetched it"
    assert chat.get_cached_user_data(TOKEN) == session("fetch 1")


def test_a_session_that_cannot_be_stored_is_fetched_and_returned(
    anywhere: Host, caplog: pytest.LogCaptureFixture
) -> None:
    """Error Handling, "fall back to fetching fresh": before anybody has said how to store it."""
    chat = Chat(anywhere.open())
    chat.cache.namespace("sessions", dump=None, load=None)
    caplog.set_level(logging.WARNING, "cachectl")
    fetched = [chat.get_comprehensive_user_data(TOKEN) for _ in range(3)]
    assert fetched == [session(f"fetch {number}") for number in (1, 2, 3)]
    figures = chat.sessions.stats()
    assert (figures.entries, figures.errors, figures.misses) == (0, 3, 3)
    (record,) = caplog.records
    assert "sessions" in record.getMessage()
    assert "Session" in record.getMessage()
    assert TOKEN not in caplog.text


def test_a_session_of_another_version_is_fetched_again(anywhere: Host) -> None:
    """Error Handling, "Missing user data": what lacks a field is a miss, and is replaced."""
    chat = Chat(anywhere.open())
    chat.sessions.set(token_hash(TOKEN), session("old"))
    older = {name: part for name, part in dump(session("old")).items() if name != "expires"}
    chat.cache.namespace("sessions", dump=None).set(token_hash(TOKEN), older)
    chat = Chat(chat.cache)
    assert chat.get_comprehensive_user_data(TOKEN) == session("fetch 1")
    assert chat.get_comprehensive_user_data(TOKEN) == session("fetch 1")
    assert chat.sessions.stats().errors == 1


def test_messages_at_the_same_time_share_a_fetch(anywhere: Host) -> None:
    """Usage Flow: a conversation of tasks, whose ten messages come before the first answer."""
    spotify = Spotify()

    async def conversation() -> None:
        async with anywhere.open_for_tasks() as cache:
            assert await converse(cache, spotify, TOKEN, 10) == [session("fetch 1")] * 10
            assert await converse(cache, spotify, TOKEN, 10) == [session("fetch 1")] * 10
            figures = await cache.namespace("sessions").stats()
            assert (figures.misses, figures.hits + figures.shared) == (1, 19)

    asyncio.run(conversation())
    assert spotify.calls == 1


def stored_bytes(host: Host, server: Server) -> bytes:
    """Return all that is kept of a cache, on disks and in Redis."""
    files = (path for path in host.home.rglob("*") if path.is_file())
    kept = [path.read_bytes() for path in files if path.name != "tokens.txt"]
    with server.client() as client:
        client.config_set("rdbcompression", "no")  # so that DUMP shows values as they are
        kept += [name + client.dump(name) for name in client.scan_iter("*")]
    return b"".join(kept)


def test_a_token_that_the_policy_hashes_is_nowhere(
    shared: Host, redis_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Cache Structure, "user_token_hash": the application passes the token, its hash is kept."""
    shared.variables |= HASHED
    caplog.set_level(logging.DEBUG, "cachectl")
    with redis_server.client() as client:
        client.flushall()
    chat = Chat(shared.open())
    assert [chat.summary(TOKEN) for _ in range(3)] == ["fetch 1"] * 3
    chat.spotify.error = PermissionError(f"401 for {OTHER}")
    with pytest.raises(PermissionError):
        chat.summary(OTHER)
    assert [entry.key for entry in chat.sessions.entries()] == [token_hash(TOKEN)]
    chat.cache.flush()
    kept = stored_bytes(shared, redis_server)
    assert token_hash(TOKEN).encode() in kept
    for token in (TOKEN, OTHER):
        assert token.encode() not in kept
        assert token not in caplog.text + repr(chat.sessions) + repr(chat.cache)
    assert chat.clear_user_cache(TOKEN)
    assert chat.get_cached_user_data(TOKEN) is None


def test_a_token_that_the_policy_hashes_is_not_even_sent(in_memory: Host) -> None:
    """Cache Structure, "user_token_hash": whoever watches the server learns nothing."""
    in_memory.variables |= HASHED
    with run_redis_server("--slowlog-log-slower-than", "0") as server, server.client() as client:
        chat = Chat(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=server.url))
        assert chat.get_cached_user_data(TOKEN) is None
        assert [chat.summary(TOKEN) for _ in range(2)] == ["fetch 1"] * 2
        assert chat.clear_user_cache(TOKEN)
        chat.cache.close()
        sent = b"".join(logged["command"] for logged in client.slowlog_get(1000))
    assert token_hash(TOKEN).encode() in sent
    assert TOKEN.encode() not in sent


@pytest.fixture
def tokens(processes: Host) -> Path:
    """The tokens of two users and of one who logged out."""
    path = processes.home / "tokens.txt"
    path.write_text(f"{TOKEN}\n{INVALID}\n{OTHER}\n")
    return path


@pytest.mark.parametrize(
    ("policy", "options"), [(HASHED, []), ({}, ["--hash-keys"])], ids=["policy", "option"]
)
def test_sessions_are_preloaded_under_the_hashes_of_their_tokens(
    processes: Host, tokens: Path, redis_server: Server, policy: dict[str, str], options: list[str]
) -> None:
    """Initialize Session, "Pre-load user Spotify data": by a process, before the application."""
    processes.variables |= policy
    warmed = processes.cachectl(
        "-v", "warm", "--loader", f"{APPLICATION}:load_session", "--keys", str(tokens),
        "--namespace", "sessions", *options,
    )  # fmt: skip
    assert warmed.returncode == 4  # for the one who logged out
    assert "tokens.txt:2: " in warmed.stderr
    assert "PermissionError" in warmed.stderr
    kept = stored_bytes(processes, redis_server)
    for token in (TOKEN, OTHER, INVALID):
        assert token not in warmed.stdout + warmed.stderr
        assert token.encode() not in kept
    with processes.serve(APPLICATION) as application:
        served = [application.request("summary", token) for token in (TOKEN, OTHER, INVALID)]
    assert served == ["warmed", "warmed", "fetch 1"]


def test_an_operator_clears_one_user_by_a_token_that_no_command_line_shows(
    processes: Host,
) -> None:
    """Clear Cache, "Clear specific user's cache": from stdin, beside a running application."""
    processes.variables |= HASHED
    with processes.serve(APPLICATION) as application:
        assert application.request("summary", TOKEN) == "fetch 1"
        assert application.request("summary", OTHER) == "fetch 2"
        shown = processes.cachectl("inspect", "sessions", "-", "--format", "json", text=TOKEN)
        assert json.loads(shown.stdout)["key"] == token_hash(TOKEN)
        clear = ["clear", "sessions", "--key", "-"]
        preview = processes.cachectl(*clear, "--dry-run", text=f"{TOKEN}\n")
        cleared = processes.cachectl(*clear, "--yes", text=f"{TOKEN}\n")
        again = processes.cachectl(*clear, "--yes", "--format", "json", text=f"{TOKEN}\n")
        assert (preview.returncode, cleared.returncode, again.returncode) == (0, 0, 0)
        assert "would remove 1 entry" in preview.stderr
        assert "removed 1 entry" in cleared.stderr
        assert json.loads(again.stdout)["entries"] == 0
        for told in (shown, preview, cleared, again):
            assert TOKEN not in told.stdout + told.stderr
        assert application.request("summary", OTHER) == "fetch 2"
        assert application.request("summary", TOKEN) == "fetch 3"


def test_a_redis_that_dies_in_a_conversation_costs_one_fetch(in_memory: Host) -> None:
    """Error Handling, "Network failures": killed, the cache goes on from memory and says so."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    chat = Chat(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=url))
    with run_redis_server(port=port) as server:
        assert [chat.summary(TOKEN) for _ in range(3)] == ["fetch 1"] * 3
        server.process.kill()
        server.process.wait()
        assert [chat.summary(TOKEN) for _ in range(7)] == ["fetch 2"] * 7
        assert chat.get_cached_user_data(TOKEN) == session("fetch 2")
        assert chat.cache.status().status == "fallback_only"


def test_a_cache_that_cannot_be_written_serves_what_it_has_and_fetches_the_rest(
    on_disk: Host, clock: Clock
) -> None:
    """Error Handling, "fall back to fetching fresh": beside another process's long write."""
    chat = Chat(on_disk.open())
    chat.summary(TOKEN)
    with locked(on_disk.directory / "cache.db") as release:
        assert [chat.summary(TOKEN) for _ in range(5)] == ["fetch 1"] * 5
        assert chat.summary(OTHER) == "fetch 2"  # and could not be kept
        clock.advance(3600)
        assert chat.get_cached_user_data(TOKEN) is None
        release()
    assert [chat.summary(token) for token in (TOKEN, OTHER)] == ["fetch 3", "fetch 4"]
    assert [chat.summary(token) for token in (TOKEN, OTHER)] == ["fetch 3", "fetch 4"]
