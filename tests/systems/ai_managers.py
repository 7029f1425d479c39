"""The AI system's asynchronous manager, as its document calls it: decorated, and over `AsyncCache`.

`python -m tests.systems.ai_managers CALLS SONGS` is a worker that asks for songs, all at once.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from cachectl import AsyncCache, Cache
from tests.systems.service import work

Answer = dict[str, Any]
Ask = Callable[[dict[str, Any], "AnalysisType"], Awaitable[Answer]]

FEATURES = {"tempo": 120.0, "key": "C", "mode": "major", "duration": 180.0, "energy": 0.75}
PROVIDER = {"provider": "google_ai", "model": "gemini-2.5-pro"}
TOKEN_PRICE = 2.5e-7
"""Dollars: a quarter of a micro-dollar, so that an answer of 1,234 tokens has half a one."""


class AnalysisType(Enum):
    GENRE_CLASSIFICATION = "genre_classification"
    PRODUCTION_COACHING = "production_coaching"


def price(answer: Answer) -> float:
    """Return dollars, which nobody knows before the answer is there."""
    return TOKEN_PRICE * int(answer["result"]["tokens_used"])


class Api:
    """Stands for the API: each call is paid, by the tokens that its answer takes."""

    def __init__(self) -> None:
        self.paid = 0
        self.error: Exception | None = None
        self.extra: object = None
        self.tokens = 1234
        self.asked = asyncio.Event()
        self.busy: asyncio.Event | None = None

    async def ask(self, features: dict[str, Any], analysis_type: AnalysisType) -> Answer:
        self.paid += 1
        self.asked.set()
        answer = {"summary": f"answer {self.paid}", "tokens_used": self.tokens}
        if self.busy is not None:
            await self.busy.wait()
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        if self.extra is not None:
            answer["raw"] = self.extra
        return {"result": answer, **PROVIDER, "analysis_type": analysis_type.value}


class DecoratedManager:
    """Over a `Cache`: the method is decorated, and figures are had without awaiting them."""

    def __init__(self, cache: Cache) -> None:
        self.api = Api()
        self.cache = cache
        self.ai = cache.namespace("ai")
        self.analyze_music = cache.cached(
            "ai", key=self._key, bypass="bypass_cache", cost=price, tags=["manager"]
        )(self._analyze_music)

    async def _analyze_music(
        self,
        features: dict[str, Any],
        analysis_type: AnalysisType,
        bypass_cache: bool = False,
    ) -> Answer:
        return await self.api.ask(features, analysis_type)

    def _key(self, features: dict[str, Any], analysis_type: AnalysisType, **_: object) -> str:
        return self.ai.key(features, analysis_type=analysis_type.value, **PROVIDER)

    async def figures(self) -> Any:
        return self.ai.stats()

    async def close(self) -> None:
        self.cache.close()


class AsyncManager:
    """Over an `AsyncCache`: everything is awaited."""

    def __init__(self, cache: AsyncCache) -> None:
        self.api = Api()
        self.cache = cache
        self.ai = cache.namespace("ai")

    async def analyze_music(
        self, features: dict[str, Any], analysis_type: AnalysisType, *, bypass_cache: bool = False
    ) -> Answer:
        key = self.ai.key(features, analysis_type=analysis_type.value, **PROVIDER)
        return await self.ai.get_or_load(
            key,
            lambda: self.api.ask(features, analysis_type),
            cost=price,
            tags=["manager"],
            bypass=bypass_cache,
        )

    async def figures(self) -> Any:
        return await self.ai.stats()

    async def close(self) -> None:
        await self.cache.close()


Manager = DecoratedManager | AsyncManager


def song(number: int) -> dict[str, Any]:
    return {**FEATURES, "duration": float(number)}


async def converse(manager: Manager, calls: int, songs: int) -> None:
    """Ask for songs, all at once, and again once these answers are there."""
    for _ in range(2):
        asked = (song(number % songs) for number in range(calls // 2))
        genre = AnalysisType.GENRE_CLASSIFICATION
        await asyncio.gather(*(manager.analyze_music(each, genre) for each in asked))


def main() -> None:
    calls, songs = map(int, sys.argv[1:])

    async def session() -> int:
        manager = AsyncManager(AsyncCache.open())
        await converse(manager, calls, songs)
        await manager.close()
        return manager.api.paid

    work(lambda: asyncio.run(session()))


if __name__ == "__main__":
    main()
