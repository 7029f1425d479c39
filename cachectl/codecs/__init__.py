"""Codecs: how values become bytes.

To add one, write a module with a class that satisfies `Codec` and register it in `CODECS` with
the next free number and the types it takes. A number is stored in every entry and is for ever:
it may never be given to another codec, and a codec must read all it ever wrote (the golden
files prove it).
"""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple, Protocol

from cachectl.errors import DamagedEntry, UnsupportedValue
from cachectl.registry import Registry

VALUE_LIMIT: Final = 256 * 1024 * 1024
"""Bytes that an encoded value may have."""


class Codec(Protocol):
    """Turns values of some types into bytes and back."""

    def encode(self, value: object) -> bytes:
        """Return the payload. Raises `UnsupportedValue`."""

    def decode(self, payload: memoryview) -> object:
        """Return a value equal to the one encoded. Raises `ValueError` for anything else."""

    def copy(self, payload: memoryview) -> object:
        """Do what `decode` does, sharing nothing with other values: these can be weighed."""

    def memory(self, value: object) -> int:
        """Return the bytes that such a copy occupies in this process."""


class Registration(NamedTuple):
    """`number` is what entries store, `types` are qualified names of exact types."""

    number: int
    name: str
    target: str
    types: tuple[str, ...]


CODECS: Final = (
    Registration(
        1, "json", "cachectl.codecs.json:JsonCodec",
        ("dict", "list", "int", "float", "bool", "NoneType"),
    ),
    Registration(2, "text", "cachectl.codecs.text:TextCodec", ("str",)),
    Registration(3, "bytes", "cachectl.codecs.raw:BytesCodec", ("bytes",)),
    Registration(4, "npy", "cachectl.codecs.npy:NpyCodec", ("numpy.ndarray",)),
)  # fmt: skip

_CLASSES: Final[Registry[Callable[[], Codec]]] = Registry(
    "codec", {registration.name: registration.target for registration in CODECS}
)
_NAMES: Final = {registration.number: registration.name for registration in CODECS}
_NUMBERS: Final = {name: r.number for r in CODECS for name in r.types}
_TYPES: Final[dict[type, int]] = {}


@cache
def codec(number: int) -> Codec:
    """Return the codec with this number. Raises `DamagedEntry` if there is none."""
    return _CLASSES[codec_name(number)]()


def codec_name(number: int) -> str:
    """Return what people call the codec. Raises `DamagedEntry` for an unknown number."""
    try:
        return _NAMES[number]
    except KeyError:
        raise DamagedEntry(f"codec {number} is not known here") from None


def encode(value: object) -> tuple[int, bytes]:
    """Return the number of the codec that takes `value`, and its payload.

    Raises `UnsupportedValue`, naming the type, for whatever is not JSON, text, bytes or an array.
    """
    kind = type(value)
    number = _TYPES.get(kind) or _number(kind)
    payload = codec(number).encode(value)
    if len(payload) > VALUE_LIMIT:
        raise UnsupportedValue(f"a value of {len(payload)} bytes is over {VALUE_LIMIT}")
    return number, payload


def _number(kind: type) -> int:
    """Return the number of the codec for a type, and remember it: names take time to make."""
    name = qualified_name(kind)
    if name not in _NUMBERS:
        raise UnsupportedValue(
            f"a value of type {name} cannot be cached (JSON, text, bytes and numpy arrays can)"
        )
    return _TYPES.setdefault(kind, _NUMBERS[name])


def decode(number: int, payload: memoryview) -> object:
    """Return the value that `encode` took. Raises `DamagedEntry` if the payload is not one."""
    try:
        return codec(number).decode(payload)
    except (ValueError, RecursionError, TypeError) as error:
        raise DamagedEntry(f"not {codec_name(number)}: {type(error).__name__}") from None


def qualified_name(kind: type) -> str:
    """Return `module.name` of a type, or just its name for a builtin."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
