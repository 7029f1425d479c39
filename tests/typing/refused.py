"""What mypy must refuse: each line with the code of its error. Never run."""

from cachectl import Cache

cache = Cache.open(backend="memory")
space = cache.namespace("space")


@cache.cached("space")
def draw(prompt: str, size: int = 8) -> bytes:
    return prompt.encode() * size


async def fetch() -> str:
    return "fetched"


class Painter:
    @cache.cached("space", ignore=["self"])
    def draw(self, prompt: str) -> str:
        return prompt


draw(5)  # refused: arg-type
draw("cat", nope=1)  # refused: call-arg
draw.key("cat", nope=1)  # refused: call-arg
draw.refresh()  # refused: call-arg
draw.invalidate(prompt=5)  # refused: arg-type
draw.uncached("cat", "large")  # refused: arg-type
draw.forget("cat")  # refused: attr-defined
wrong: str = draw("cat")  # refused: assignment
Painter().draw(5)  # refused: arg-type
Painter().draw.key("cat", 5)  # refused: call-arg
cache.namespace("space", tttl=5)  # refused: call-arg
cache.namespace("space", eviction="fifo")  # refused: arg-type
cache.namespace("space", max_entries="many")  # refused: arg-type
cache.cached("space", tll="1h")  # refused: call-arg
cache.cached("space", ttl=[1])  # refused: arg-type
cache.cached("space", key="key")  # refused: arg-type
cache.cleanup(max_entrys=4)  # refused: call-arg
space.set("key", 1, tll=5)  # refused: call-arg
loaded: str = space.get_or_load("key", fetch)  # refused: assignment


async def main() -> None:
    await space.get_or_load("key", fetch)  # refused: misc
    await draw("cat")  # refused: misc
