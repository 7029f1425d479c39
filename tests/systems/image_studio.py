"""The image system with real images: what generates them, decorated, over a cache of PNG files.

`python -m tests.systems.image_studio` answers requests, which name a function and an argument.
"""

from io import BytesIO
from random import Random
from typing import Any

from PIL import Image

from cachectl import Cache
from tests.systems.service import serve

TYPES = ("parchment", "enso", "sigil")


def png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()  # or it would find what is damaged when it is drawn
    return image


def generated(seed: str, mode: str = "RGB", size: int = 12) -> Image.Image:
    """Return an image like no other; it stands for one that takes 100 to 500 ms to generate."""
    return Image.frombytes(mode, (size, size), Random(seed).randbytes(size * size * len(mode)))


def same(one: Image.Image, other: Image.Image) -> bool:
    """Whether they are the same to the pixel."""
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


class Brush:
    """What methods need; two of one kind draw the same."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class Studio:
    """The document's functions, two for a type of asset, and methods. `drawn` is what was really
    generated.
    """

    def __init__(self, cache: Cache) -> None:
        drawn: list[str] = []
        for name in TYPES:
            cache.namespace(name, dump=png, load=opened)

        @cache.cached("parchment")
        def create_void_parchment(index: int) -> Image.Image:
            drawn.append(f"void {index}")
            return generated(drawn[-1])

        @cache.cached("parchment")
        def create_aged_parchment(index: int) -> Image.Image:
            drawn.append(f"aged {index}")
            return generated(drawn[-1])

        class InkBrush(Brush):
            @cache.cached("enso", ignore=["self"])
            def enso(self, prompt: str) -> Image.Image:
                drawn.append(f"enso {prompt}")
                return generated(drawn[-1], "RGBA")

            @cache.cached("sigil", key=lambda self, seed: f"{self.kind}/{seed}")
            def sigil(self, seed: int) -> Image.Image:
                drawn.append(f"{self.kind} sigil {seed}")
                return generated(drawn[-1], "L")

        self.cache = cache
        self.drawn = drawn
        self.create_void_parchment = create_void_parchment
        self.create_aged_parchment = create_aged_parchment
        self.brush: Any = InkBrush


def main() -> None:
    with Cache.open() as cache:
        studio = Studio(cache)

        def respond(function: str, *arguments: Any) -> object:
            """Answer with what was really generated so far; `keys` with the key of each function."""
            parchments = [studio.create_void_parchment, studio.create_aged_parchment]
            if function == "keys":
                return [parchment.key(*arguments) for parchment in parchments]
            getattr(studio, function)(*arguments)
            return studio.drawn

        serve(respond)


if __name__ == "__main__":
    main()
