"""The AI system as its document describes it: a manager over one namespace."""

from typing import Any

from cachectl import Cache

GENRE = "genre_classification"
FEATURES = {"tempo": 120.0, "key": "C", "mode": "major", "duration": 180.0, "energy": 0.75}

HOUR = 3600


class Manager:
    """The document's manager, as it is with this cache; every call of the API has its price."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.ai = cache.namespace("ai")
        self.calls = 0

    def analyze_music(
        self,
        features: dict[str, Any],
        analysis_type: str = GENRE,
        *,
        provider: str = "google_ai",
        model: str = "gemini-2.5-pro",
        price: float = 0.005,
        bypass_cache: bool = False,
    ) -> dict[str, Any]:
        def ask() -> dict[str, Any]:
            self.calls += 1
            return {
                "result": {"summary": f"answer {self.calls}", "tokens_used": 1234},
                "provider": provider,
                "model": model,
                "analysis_type": analysis_type,
            }

        key = self.ai.key(features, analysis_type=analysis_type, provider=provider, model=model)
        return self.ai.get_or_load(key, ask, cost=price, bypass=bypass_cache)

    def get_global_stats(self) -> dict[str, Any]:
        figures = self.ai.stats()
        return {
            "cache_enabled": self.ai.policy.enabled,
            "cache_backend": self.cache.status().configured_backend,
            "cache_hits": figures.hits,
            "cache_misses": figures.misses,
            "cache_hit_rate": figures.hit_rate,
            "cache_cost_saved": figures.saved_cost,
        }


def song(number: int) -> dict[str, Any]:
    return {**FEATURES, "duration": float(number)}


def summary(answer: dict[str, Any]) -> str:
    return str(answer["result"]["summary"])
