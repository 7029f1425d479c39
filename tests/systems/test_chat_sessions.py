"""Music chat: what was fetched for a user, under the hash of the token that fetched it.

Each test names the section of the system's document that it replays.
"""

import logging
import time

import pytest

from cachectl import Cache
from cachectl.testing import Clock
from tests.support.servers import Server, free_port
from tests.systems.host import Host

TOKEN = "BQDsecret-spotify-token-of-ann"
OTHER = "BQDsecret-spotify-token-of-bob"


def listening_data(summary: str) -> dict[str, object]:
    """Cache Structure: what the document keeps for each user."""
    return {
        "profile": {"id": "ann", "display_name": "Ann É.", "followers": {"total": 12}},
        "top_artists": {"short_term": [{"name": "Björk", "genres": ["art pop"]}]},
        "top_tracks": {"long_term": []},
        "recently_played": [{"track": "Jóga", "played_at": "2025-01-01T00:00:00Z"}],
        "playlists": [],
        "genre_analysis": {"art pop": 0.75, "trip hop": 0.25},
        "summary": summary,
    }


class Spotify:
    """Stands for the service, which takes 2 to 3 seconds and may fail."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    def fetch(self) -> dict[str, object]:
        self.calls += 1
        if self.error:
            raise self.error
        return listening_data(f"fetch {self.calls}")


class Lyra:
    """The document's functions, as they are with this cache."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.spotify = Spotify()
        self.sessions = cache.namespace("sessions")

    def get_comprehensive_user_data(self, token: str) -> dict[str, object]:
        return self.sessions.get_or_load(self.sessions.key(token), self.spotify.fetch)

    def initialize_user_session(self, token: str) -> dict[str, object]:
        data = self.get_comprehensive_user_data(token)
        return {
            "success": True,
            "summary": data["summary"],
            "profile": data["profile"],
            "message": "User data loaded and cached successfully",
        }

    chat = get_comprehensive_user_data  # what a message needs before it is answered

    def get_cached_user_data(self, token: str) -> dict[str, object] | None:
        return self.sessions.get(self.sessions.key(token), default=None)

    def clear_user_cache(self, token: str | None = None) -> None:
        if token is None:
            self.sessions.clear()
        else:
            self.sessions.delete(self.sessions.key(token))


def test_a_session_is_initialised_with_the_documents_answer(anywhere: Host) -> None:
    """New Endpoint, "POST /lyra/init": loads, and answers from what it loaded."""
    lyra = Lyra(anywhere.open())
    assert lyra.initialize_user_session(TOKEN) == {
        "success": True,
        "summary": "fetch 1",
        "profile": {"id": "ann", "display_name": "Ann É.", "followers": {"total": 12}},
        "message": "User data loaded and cached successfully",
    }


def test_cached_data_has_the_documents_structure(anywhere: Host) -> None:
    """Cache Structure: every field comes back, and a user who is not there is None."""
    lyra = Lyra(anywhere.open())
    assert lyra.get_cached_user_data(TOKEN) is None
    lyra.initialize_user_session(TOKEN)
    assert lyra.get_cached_user_data(TOKEN) == listening_data("fetch 1")


def test_an_entry_knows_when_it_was_made_and_when_it_expires(anywhere: Host, clock: Clock) -> None:
    """Cache Structure, "timestamp" and "expires": an hour apart."""
    lyra = Lyra(anywhere.open())
    lyra.initialize_user_session(TOKEN)
    entry = lyra.sessions.peek(lyra.sessions.key(TOKEN))
    assert entry is not None
    assert (entry.created_at, entry.expires_at) == (clock.now, clock.now + 3600)


def test_a_conversation_of_ten_messages_costs_one_call(anywhere: Host) -> None:
    """API Call Reduction, "Savings: 90%+": one of ten calls is left, nine messages are hits."""
    lyra = Lyra(anywhere.open())
    lyra.initialize_user_session(TOKEN)
    for _ in range(9):
        lyra.chat(TOKEN)
    figures = lyra.sessions.stats()
    assert lyra.spotify.calls == 1
    assert (figures.hits, figures.misses, figures.hit_rate) == (9, 1, 0.9)


def test_a_conversation_saves_the_time_of_nine_calls(anywhere: Host) -> None:
    """Response Time Comparison, "Conversation (10 messages)": ~25 s become ~2.5 s."""
    lyra = Lyra(anywhere.open())
    key = lyra.sessions.key(TOKEN)
    lyra.sessions.set(key, listening_data("fetch 1"), load_seconds=2.5)
    for _ in range(9):
        lyra.chat(TOKEN)
    assert lyra.sessions.stats().saved_seconds == 25 - 2.5


def test_data_is_fresh_for_an_hour_to_the_second(anywhere: Host, clock: Clock) -> None:
    """Cache Duration, "Default: 1 hour"."""
    lyra = Lyra(anywhere.open())
    lyra.initialize_user_session(TOKEN)
    clock.advance(3599)
    assert lyra.chat(TOKEN)["summary"] == "fetch 1"
    clock.advance(1)
    assert lyra.get_cached_user_data(TOKEN) is None
    assert lyra.chat(TOKEN)["summary"] == "fetch 2"


def test_the_duration_is_configurable(in_memory: Host, clock: Clock) -> None:
    """Configuration, "Cache Duration": half an hour, without touching the program."""
    lyra = Lyra(in_memory.open(CACHECTL_NAMESPACES__SESSIONS__TTL="30m"))
    lyra.initialize_user_session(TOKEN)
    clock.advance(1799)
    assert lyra.get_cached_user_data(TOKEN) is not None
    clock.advance(1)
    assert lyra.get_cached_user_data(TOKEN) is None


def test_expired_entries_are_removed(anywhere: Host, clock: Clock) -> None:
    """Cache Duration, "Automatic cleanup": and they are no longer active entries."""
    lyra = Lyra(anywhere.open())
    lyra.initialize_user_session(TOKEN)
    clock.advance(1800)
    lyra.initialize_user_session(OTHER)
    assert lyra.sessions.stats().entries == 2
    clock.advance(1800)
    report = lyra.cache.cleanup("sessions")
    figures = lyra.sessions.stats()
    assert report.expired["sessions"].entries == 1
    assert (figures.entries, figures.expired) == (1, 1)
    assert lyra.get_cached_user_data(OTHER) == listening_data("fetch 2")


def test_one_user_or_all_can_be_cleared(anywhere: Host) -> None:
    """Backend Functions, "Clear Cache": of one token, then of every token."""
    lyra = Lyra(anywhere.open())
    for token in (TOKEN, OTHER):
        lyra.initialize_user_session(token)
    lyra.clear_user_cache(TOKEN)
    assert lyra.get_cached_user_data(TOKEN) is None
    assert lyra.get_cached_user_data(OTHER) is not None
    lyra.initialize_user_session(TOKEN)
    lyra.clear_user_cache()
    assert lyra.get_cached_user_data(TOKEN) is None
    assert lyra.get_cached_user_data(OTHER) is None
    assert lyra.sessions.stats().invalidated == 3


def test_clearing_all_sessions_touches_no_other_namespace(anywhere: Host) -> None:
    """Backend Functions, "Clear all cached data": it is this system's data that is meant."""
    lyra = Lyra(anywhere.open())
    lyra.cache.namespace("prompts").set("agent", "You are a music assistant.")
    lyra.initialize_user_session(TOKEN)
    lyra.clear_user_cache()
    assert lyra.cache.namespace("prompts").get("agent") == "You are a music assistant."


def test_monitoring_tells_active_entries_and_the_hit_rate(anywhere: Host) -> None:
    """Monitoring, "Active cache entries": and the tracking left to the reader is done."""
    lyra = Lyra(anywhere.open())
    for token in (TOKEN, OTHER, TOKEN, TOKEN):
        lyra.chat(token)
    figures = lyra.cache.stats().namespaces["sessions"]
    assert (figures.entries, figures.hits, figures.misses) == (2, 2, 2)


@pytest.mark.parametrize("error", [PermissionError("invalid token"), ConnectionError("network")])
def test_a_failed_fetch_reaches_the_caller_and_is_not_cached(
    anywhere: Host, error: Exception
) -> None:
    """Error Handling, "Invalid tokens" and "Network failures": the next message tries again."""
    lyra = Lyra(anywhere.open())
    lyra.spotify.error = error
    with pytest.raises(type(error)):
        lyra.initialize_user_session(TOKEN)
    lyra.spotify.error = None
    assert lyra.initialize_user_session(TOKEN)["summary"] == "fetch 2"


def test_missing_user_data_is_an_answer_that_is_cached(anywhere: Host) -> None:
    """Error Handling, "Missing user data": None is a value, asked for once."""
    sessions = anywhere.open().namespace("sessions")
    asked: list[str] = []
    for _ in range(3):
        assert sessions.get_or_load(sessions.key(TOKEN), lambda: asked.append("once")) is None
    assert asked == ["once"]


def test_a_cache_that_cannot_be_used_falls_back_to_fetching(on_disk: Host) -> None:
    """Error Handling, "fall back to the original behavior": a directory that is not ours."""
    on_disk.directory.mkdir(parents=True)
    on_disk.directory.chmod(0o700)
    (on_disk.directory / "thesis.odt").write_text("years of work")
    lyra = Lyra(on_disk.open())
    summaries = [lyra.chat(TOKEN)["summary"] for _ in range(3)]
    assert summaries == ["fetch 1"] * 3  # memory stands in
    assert [path.name for path in on_disk.directory.iterdir()] == ["thesis.odt"]


def test_a_redis_that_cannot_be_reached_is_replaced_by_memory(in_memory: Host) -> None:
    """Error Handling, "fall back": the conversation still costs one call."""
    url = f"redis://127.0.0.1:{free_port()}/0"
    lyra = Lyra(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=url))
    lyra.initialize_user_session(TOKEN)
    assert [lyra.chat(TOKEN)["summary"] for _ in range(9)] == ["fetch 1"] * 9
    assert lyra.spotify.calls == 1


def test_a_damaged_entry_is_fetched_again(in_memory: Host, redis_server: Server) -> None:
    """Error Handling: what somebody else wrote under our key is never an answer."""
    with redis_server.client() as client:
        client.flushall()
        lyra = Lyra(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=redis_server.url))
        lyra.initialize_user_session(TOKEN)
        (stored,) = client.scan_iter(f"*{lyra.sessions.key(TOKEN)}*")
        client.setrange(stored, 60, b"!!!!!!!!")
    assert lyra.get_cached_user_data(TOKEN) is None
    assert lyra.chat(TOKEN)["summary"] == "fetch 2"
    assert lyra.sessions.stats().errors == 2


def test_users_are_told_apart_by_the_hash_of_their_token(in_memory: Host) -> None:
    """Cache Structure, "user_token_hash": SHA-256 as hexadecimal digits, one for each token."""
    sessions = in_memory.open().namespace("sessions")
    keys = {sessions.key(token) for token in (TOKEN, OTHER, TOKEN.lower(), f"{TOKEN} ")}
    assert len(keys) == 4
    assert all(len(key) == 64 and int(key, 16) >= 0 for key in keys)


def test_the_token_is_in_no_file_and_no_log(
    on_disk: Host, caplog: pytest.LogCaptureFixture
) -> None:
    """Cache Structure, "user_token_hash": its hash is on the disk, the token is not."""
    caplog.set_level(logging.DEBUG)
    lyra = Lyra(on_disk.open())
    lyra.initialize_user_session(TOKEN)
    lyra.chat(TOKEN)
    lyra.cache.flush()
    files = {path: path.read_bytes() for path in on_disk.home.rglob("*") if path.is_file()}
    key = lyra.sessions.key(TOKEN).encode()
    assert any(key in content for content in files.values())
    assert [path for path, content in files.items() if TOKEN.encode() in content] == []
    assert "get sessions: hit" in caplog.text
    assert TOKEN not in caplog.text


def test_the_token_is_nowhere_in_redis(in_memory: Host, redis_server: Server) -> None:
    """Cache Structure, "user_token_hash": neither in a key nor in a value."""
    with redis_server.client() as client:
        client.flushall()
        lyra = Lyra(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=redis_server.url))
        lyra.initialize_user_session(TOKEN)
        lyra.cache.flush()
        client.config_set("rdbcompression", "no")  # so that DUMP shows values as they are
        dump = b"".join(name + client.dump(name) for name in client.scan_iter("*"))
    assert lyra.sessions.key(TOKEN).encode() in dump
    assert TOKEN.encode() not in dump


def test_the_command_line_shows_hashes_only(processes: Host) -> None:
    """Monitoring: an operator sees entries and figures, and no secret of a user."""
    lyra = Lyra(processes.open(clock=time.time))
    lyra.initialize_user_session(TOKEN)
    lyra.cache.close()
    key = lyra.sessions.key(TOKEN)
    listing = processes.cachectl("-v", "inspect", "sessions", "--format", "json")
    entry = processes.cachectl("-v", "inspect", "sessions", key)
    figures = processes.cachectl("-v", "stats", "sessions")
    assert key in listing.stdout
    assert entry.returncode == figures.returncode == 0
    for shown in (listing, entry, figures):
        assert TOKEN not in shown.stdout + shown.stderr
