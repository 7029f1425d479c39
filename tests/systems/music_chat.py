"""The music chat system: sessions as the application holds them, under tokens that are secret.

`python -m tests.systems.music_chat` answers requests, which name a function and a token;
`load_session` is what `cachectl warm` calls to fill the cache before.
"""

import asyncio
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cachectl import AsyncCache, Cache
from tests.systems.service import serve

FETCHED_AT = datetime(2025, 1, 1, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Play:
    track: str
    played_at: datetime


@dataclass(frozen=True)
class Session:
    """Cache Structure: what the document keeps of a user, in the types of its application."""

    profile: dict[str, Any]
    top_artists: tuple[tuple[str, str], ...]
    recently_played: tuple[Play, ...]
    genre_analysis: dict[str, float]
    """Shares; NaN for what Spotify tells nothing about."""
    summary: str
    timestamp: datetime
    expires: datetime


def dump(session: Session) -> dict[str, Any]:
    """Return a session as JSON."""
    shares = session.genre_analysis.items()
    return {
        **vars(session),
        "top_artists": [list(artist) for artist in session.top_artists],
        "recently_played": [[p.track, p.played_at.isoformat()] for p in session.recently_played],
        "genre_analysis": {name: None if math.isnan(share) else share for name, share in shares},
        "timestamp": session.timestamp.isoformat(),
        "expires": session.expires.isoformat(),
    }


def load(stored: dict[str, Any]) -> Session:
    """Return the session that was dumped."""
    return Session(
        profile=stored["profile"],
        top_artists=tuple((name, genre) for name, genre in stored["top_artists"]),
        recently_played=tuple(
            Play(track, datetime.fromisoformat(at)) for track, at in stored["recently_played"]
        ),
        genre_analysis={
            name: math.nan if share is None else share
            for name, share in stored["genre_analysis"].items()
        },
        summary=stored["summary"],
        timestamp=datetime.fromisoformat(stored["timestamp"]),
        expires=datetime.fromisoformat(stored["expires"]),
    )


def session(summary: str) -> Session:
    return Session(
        profile={"id": "ann", "display_name": "Ann É.", "followers": {"total": 12}},
        top_artists=(("Björk", "art pop"), ("Portishead", "trip hop")),
        recently_played=(Play("Jóga", FETCHED_AT - timedelta(minutes=3, microseconds=1)),),
        genre_analysis={"art pop": 0.75, "trip hop": math.nan},
        summary=summary,
        timestamp=FETCHED_AT,
        expires=FETCHED_AT + timedelta(hours=1),
    )


class Spotify:
    """Stands for the service, which takes 2 to 3 seconds and may fail."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    def fetch(self) -> Session:
        self.calls += 1
        if self.error:
            raise self.error
        return session(f"fetch {self.calls}")

    async def fetch_awaited(self) -> Session:
        await asyncio.sleep(0)
        return self.fetch()


def token_hash(token: str) -> str:
    """Return "user_token_hash", for an application that hashes by itself."""
    return sha256(token.encode()).hexdigest()


class Chat:
    """The document's functions over sessions. Tokens are keys as they are where the namespace hashes
    them; where not, this does.
    """

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.spotify = Spotify()
        self.sessions = cache.namespace("sessions", dump=dump, load=load)

    def _key(self, token: str) -> str:
        return token if self.sessions.policy.keys == "hashed" else token_hash(token)

    def get_comprehensive_user_data(self, token: str) -> Session:
        return self.sessions.get_or_load(self._key(token), self.spotify.fetch)

    def summary(self, token: str) -> str:
        return self.get_comprehensive_user_data(token).summary

    def get_cached_user_data(self, token: str) -> Session | None:
        return self.sessions.get(self._key(token), None)

    def clear_user_cache(self, token: str) -> bool:
        return self.sessions.delete(self._key(token))


async def converse(cache: AsyncCache, spotify: Spotify, token: str, messages: int) -> list[Session]:
    """Return what messages got that came all at once, to an application of tasks."""
    sessions = cache.namespace("sessions", dump=dump, load=load)
    key = token_hash(token)
    asked = (sessions.get_or_load(key, spotify.fetch_awaited) for _ in range(messages))
    return await asyncio.gather(*asked)


async def load_session(token: str) -> dict[str, Any]:
    """Fetch for `cachectl warm`, which stores what the application would."""
    fetched = await Spotify().fetch_awaited()
    if token.endswith("-invalid"):
        raise PermissionError(f"401 for {token}")
    return dump(replace(fetched, summary="warmed"))


def main() -> None:
    with Cache.open() as cache:
        chat = Chat(cache)
        serve(lambda function, token: getattr(chat, function)(token))


if __name__ == "__main__":
    main()
