"""What type checkers must know of the API. Checked by mypy and pyright, and never run."""

import json
from collections.abc import Callable
from typing import Any, assert_type

from cachectl import (
    MISSING,
    AsyncCache,
    AsyncNamespace,
    Cache,
    MissingType,
    Namespace,
    Outcome,
    Stats,
)

cache = Cache.open(backend="memory")
space: Namespace = cache.namespace(
    "space",
    ttl="1h",
    max_entries=10,
    max_bytes="1MiB",
    key_decimals={"tempo": 1},
    enabled=True,
    metrics=False,
    eviction="lrfu",
    compress="zstd",
    keys="hashed",
)
cache.namespace("space", ttl=None, max_entries=None)
cache.namespace("space", dump=str, load=int)


@cache.cached("space")
def draw(prompt: str, size: int = 8) -> bytes:
    return prompt.encode() * size


@cache.cached("space", ttl="1h", cost=len, name="ask", bypass="fresh", ignore=["session"])
async def ask(question: str, *, session: object, fresh: bool = False) -> list[str]:
    return [question]


class Painter:
    @cache.cached("space", ignore=["self"])
    def draw(self, prompt: str) -> str:
        return prompt

    @cache.cached("space", ignore=["self"])
    async def ask(self, prompt: str) -> str:
        return prompt

    @classmethod
    @cache.cached("space")
    def below(cls, prompt: str) -> str:
        return prompt

    @cache.cached("space")
    @classmethod
    def above(cls, prompt: str) -> str:
        return prompt

    @staticmethod
    @cache.cached("space")
    def plain(prompt: str) -> str:
        return prompt

    @property
    @cache.cached("space", ignore=["self"])
    def best(self) -> str:
        return "cat"


assert_type(draw("cat"), bytes)
assert_type(draw("cat", size=4), bytes)
assert_type(draw.key("cat"), str)
assert_type(draw.refresh("cat", 4), bytes)
assert_type(draw.invalidate("cat"), bool)
assert_type(draw.uncached("cat"), bytes)
assert_type(draw.__wrapped__("cat"), bytes)
called: Callable[[str], bytes] = draw

painter = Painter()
assert_type(painter.draw("cat"), str)
assert_type(painter.draw.key("cat"), str)
assert_type(painter.draw.refresh("cat"), str)
assert_type(Painter.draw(painter, "cat"), str)
assert_type(Painter.draw.key(painter, "cat"), str)
assert_type(Painter.below("cat"), str)
assert_type(painter.below("cat"), str)
assert_type(Painter.above("cat"), str)
assert_type(Painter.above.key("cat"), str)
assert_type(Painter.plain("cat"), str)
assert_type(painter.plain("cat"), str)
assert_type(painter.best, str)


def load_any() -> Any:
    return json.loads("1")


async def main() -> None:
    assert_type(await ask("why", session=None), list[str])
    assert_type(await ask.refresh("why", session=None, fresh=True), list[str])
    assert_type(ask.invalidate("why", session=None), bool)
    assert_type(await painter.ask("why"), str)


async def load_text() -> str:
    return "text"


async def awaited() -> None:
    async with AsyncCache.open(backend="memory") as tasks:
        there: AsyncNamespace = tasks.namespace("space", ttl="1h")
        assert_type(await there.set("key", 1), Outcome)
        assert_type(await there.get_or_load("key", load_text), str)
        assert_type(await there.get_or_load("key", lambda: 5), int)
        assert_type(await there.delete("key"), bool)
        assert_type(await tasks.stats(), Stats)
        keys = [info.key async for info in there.entries()]
        assert_type(keys, list[str])

        @tasks.cached("space")
        async def decorated(number: int) -> str:
            return str(number)

        assert_type(await decorated(5), str)


found = space.get("key")
if found is not MISSING:
    found.upper()
missing: MissingType = MISSING
assert_type(space.get_or_load("key", lambda: 5), int)
assert_type(space.get_or_load("key", dict[str, int], ttl="1h"), dict[str, int])
loaded: str = space.get_or_load("key", load_any)
