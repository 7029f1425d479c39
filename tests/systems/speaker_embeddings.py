"""The speaker embedding system: voices by user id, and the document's endpoints over them.

`python -m tests.systems.speaker_embeddings` answers requests, which name an endpoint and a user.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cachectl import Cache
from tests.systems.service import serve

Array = np.ndarray[Any, Any]
Voice = tuple[Array, Array] | dict[str, Array]

_WORDS = {"memory": "in-memory"}  # what the document calls it


def pair(latent: Array, embedding: Array) -> Voice:
    return latent, embedding


def named(latent: Array, embedding: Array) -> Voice:
    return {"gpt_cond_latent": latent, "speaker_embedding": embedding}


def arrays(voice: Voice) -> list[Array]:
    return list(voice.values() if isinstance(voice, dict) else voice)


def same(one: Voice, other: Voice) -> bool:
    """Whether they are the same voice, in the same form, to the bit."""
    return type(one) is type(other) and _parts(one) == _parts(other)


def _parts(voice: Voice) -> list[tuple[object, ...]]:
    names = list(voice) if isinstance(voice, dict) else range(len(voice))
    return [
        (name, array.dtype, array.shape, array.tobytes())
        for name, array in zip(names, arrays(voice), strict=True)
    ]


class Embedder:
    """Stands for the model that takes 2 to 5 seconds, and remembers for whom it worked."""

    def __init__(self, form: Callable[[Array, Array], Voice] = pair) -> None:
        self.calls: list[str] = []
        self._form = form

    def __call__(self, user_id: str) -> Voice:
        self.calls.append(user_id)
        made = np.random.default_rng(len(self.calls))
        latent = made.random((1, 32, 64), np.float32).astype(np.float16)
        return self._form(latent, made.random((1, 512, 1), np.float32))


class Application:
    """The document's endpoints, as they are with this cache."""

    def __init__(self, cache: Cache, form: Callable[[Array, Array], Voice] = pair) -> None:
        self.cache = cache
        self.embed = Embedder(form)
        self.embeddings = cache.namespace("embeddings")

    def cache_user_voice(self, user_id: str) -> Voice:
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


def main() -> None:
    with Cache.open() as cache:
        application = Application(cache)

        def respond(endpoint: str, *arguments: str) -> object:
            """Answer; instead of with a voice, with those for whom the model has worked so far."""
            answer = getattr(application, endpoint)(*arguments)
            return application.embed.calls if isinstance(answer, tuple) else answer

        serve(respond)


if __name__ == "__main__":
    main()
