"""What scripts read, by commands alone: for users who may read, and run no script."""

from collections.abc import Sequence

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.shapes import string
from cachectl._backends.redis.stored import GENERATION
from cachectl._backends.redis.transport.packing import Command
from cachectl._model.envelope import MAGIC
from cachectl.errors import BackendRefused

_FOREIGN = b"not a string"


def require_forbidden(error: BackendRefused) -> None:
    """Raise an error, unless it says that this user may not run what would tell."""
    if error.kind != "permission":
        raise error


async def heads(
    client: Client, base: str, length: int, keys: Sequence[bytes]
) -> list[tuple[bytes | None, int]]:
    """Return what `read.lua` does: beginning and size of the value of each key."""
    values, meta = f"{base}e:".encode(), f"{base}meta"
    commands: list[Command] = [("GET", f"{base}gen")]
    for key in keys:
        commands.append(("GETRANGE", values + key, 0, GENERATION + length - 1))
        commands.append(("HGET", meta, key))
    generation, *found = await client.pipeline(string, commands, foreign=_FOREIGN)
    pairs = zip(found[::2], found[1::2], strict=True)
    return [(_head(head or b"", generation), _size(about or b"")) for head, about in pairs]


def _head(data: bytes, generation: bytes | None) -> bytes:
    """Return the beginning of a value; nothing if its generation has ended."""
    if data[:GENERATION] == generation:
        return data[GENERATION:]
    has_ended = data.startswith(MAGIC, GENERATION) or data.startswith(MAGIC)
    return b"" if has_ended else data


def _size(about: bytes) -> int:
    digits = about.partition(b"\0")[0]
    return int(digits) if digits.isdigit() and len(digits) < 16 else 0
