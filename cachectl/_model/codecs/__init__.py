"""Codecs: how values become bytes, in storage and outside of it.

To add one, write a module with a class that satisfies `Codec` and register it in `CODECS` with
the next free number, the types it takes and the suffixes of its files. A number is stored in
every entry and is for ever: it may never be given to another codec, and a codec must read all it
ever wrote (the golden files prove it). A package of its own declares a `Registration` as an entry
point in the group `cachectl.codecs`, with a number from 128 to 255.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

from cachectl._model.importing import importing
from cachectl._model.targets import load_target
from cachectl.errors import DamagedEntry, UnsupportedValue

JSON: Final = 1
"""The number of the codec for documents."""
VALUE_LIMIT: Final = 256 * 1024 * 1024
"""Bytes that an encoded value may have."""


class Codec(Protocol):
    """Turns values of some types into bytes and back. One with a method `encoded_size` says with it
    how many bytes `encode` would return, and refuses what that would: memory encodes nothing then.
    """

    def encode(self, value: object) -> bytes:
        """Return the payload. Raises `UnsupportedValue`."""

    def decode(self, payload: memoryview) -> object:
        """Return a value equal to the one encoded. Raises `ValueError` for anything else."""

    def copy(self, value: Any) -> object:
        """Return an equal value that does not change when this one does. They may share what cannot."""

    def memory(self, value: object) -> int:
        """Return the bytes that such a copy occupies in this process, once its original is gone."""

    def parse(self, data: bytes) -> object:
        """Return the value that a file with this content holds. Raises `UsageError`."""

    def render(self, value: Any) -> bytes:
        """Return the value as a file or a pipe gets it."""

    def describe(self, value: Any) -> dict[str, object]:
        """Return the members of a JSON document that hold the value."""

    def readable(self, value: Any) -> str:
        """Return the value for people. Raises `UsageError` if it is not for them."""

    def preview(self, value: Any) -> str:
        """Return what the value is, for people, on one line; it may be cut."""


class Registration(NamedTuple):
    """A codec under the `number` that entries store. `types` are qualified names of exact types,
    `suffixes` those of files that hold one value.
    """

    number: int
    name: str
    target: str
    types: tuple[str, ...]
    suffixes: tuple[str, ...] = ()


CODECS: Final = (
    Registration(
        JSON, "json", "cachectl._model.codecs.json:JsonCodec",
        ("dict", "list", "int", "float", "bool", "NoneType"), (".json",),
    ),
    Registration(2, "text", "cachectl._model.codecs.text:TextCodec", ("str",), (".txt",)),
    Registration(3, "bytes", "cachectl._model.codecs.raw:BytesCodec", ("bytes",)),
    Registration(4, "npy", "cachectl._model.codecs.npy:NpyCodec", ("numpy.ndarray",), (".npy",)),
    Registration(5, "npz", "cachectl._model.codecs.npz:NpzCodec", ("tuple",), (".npz",)),
)  # fmt: skip
"""The codecs that come with cachectl."""

_UNREAD: Final = Registration(
    -1, "pickle", "cachectl._model.codecs.unread:UnreadCodec",
    ("cachectl._model.codecs.unread.Unread",),
)  # fmt: skip
"""What is named and never read. No entry of ours has this number: it would not fit into one."""

_NPZ: Final = 5

_BY_NUMBER: Final = {registration.number: registration for registration in (*CODECS, _UNREAD)}
_BY_TYPE: Final = {name: each for each in (*CODECS, _UNREAD) for name in each.types}
_NUMBERS: Final[dict[type, int]] = {}


@cache
def codec(number: int) -> Codec:
    """Return the codec with this number. Raises `DamagedEntry` if there is none."""
    found: Codec = load_target(_registered(number).target)()
    return found


def codec_name(number: int) -> str:
    """Return what people call the codec. Raises `DamagedEntry` for an unknown number."""
    return _registered(number).name


def names() -> list[str]:
    """Return what people call the codecs, ours first."""
    return [registration.name for registration in (*CODECS, *plugins())]


def encode(value: object) -> tuple[int, bytes]:
    """Return the number of the codec that takes `value`, and its payload.

    Raises `UnsupportedValue`, naming the type, for whatever no codec takes.
    """
    kind = type(value)
    number = _NUMBERS.get(kind) or number_of(kind)
    try:
        payload = codec(number).encode(value)
    except UnsupportedValue:
        if not _holds_arrays(value):
            raise
        number = _NPZ
        payload = codec(number).encode(value)
    if len(payload) > VALUE_LIMIT:
        raise _too_large(len(payload))
    return number, payload


def measure(value: object) -> tuple[int, int]:
    """Return the number of the codec that takes `value`, and the bytes of its payload: nothing is
    encoded, where the codec knows them without that. Raises `UnsupportedValue`.
    """
    number = _NUMBERS.get(type(value)) or number_of(type(value))
    known: Callable[[object], int] | None = getattr(codec(number), "encoded_size", None)
    if known is None:
        number, payload = encode(value)
        return number, len(payload)
    size = known(value)
    if size > VALUE_LIMIT:
        raise _too_large(size)
    return number, size


def decode(number: int, payload: memoryview) -> object:
    """Return the value that `encode` took. Raises `DamagedEntry` if the payload is not one."""
    try:
        return codec(number).decode(payload)
    except (ValueError, RecursionError, TypeError) as error:
        raise DamagedEntry(f"not {codec_name(number)}: {type(error).__name__}") from None


def _too_large(size: int) -> UnsupportedValue:
    return UnsupportedValue(f"a value of {size} bytes is over {VALUE_LIMIT}")


def number_for(value: object) -> int:
    """Return the number of the codec for a value: its type says, but for a dictionary of arrays.

    Raises `UnsupportedValue` if there is none.
    """
    return _NPZ if _holds_arrays(value) else number_of(type(value))


def _holds_arrays(value: object) -> bool:
    """Return whether this is a dictionary of arrays; numpy is not imported for others."""
    if type(value) is not dict or not value:
        return False
    return all(qualified_name(type(each)) == "numpy.ndarray" for each in value.values())


def number_of(kind: type) -> int:
    """Return the number of the codec for a type, and remember it: names take time to make.

    Raises `UnsupportedValue` if there is none.
    """
    name = qualified_name(kind)
    found = _BY_TYPE.get(name) or next((r for r in plugins() if name in r.types), None)
    if found is None:
        from cachectl._model.codecs.advice import advice

        raise UnsupportedValue(
            f"a value of type {name} cannot be cached ({', '.join(names())} can): {advice(kind)}"
        )
    return _NUMBERS.setdefault(kind, found.number)


@cache
def plugins() -> tuple[Registration, ...]:
    """Return what installed packages add."""
    with importing:
        from importlib.metadata import entry_points  # takes tens of milliseconds

        return tuple(point.load() for point in entry_points(group="cachectl.codecs"))


def _registered(number: int) -> Registration:
    found = _BY_NUMBER.get(number) or next((r for r in plugins() if r.number == number), None)
    if found is None:
        raise DamagedEntry(f"codec {number} is not known here")
    return found


def qualified_name(kind: type) -> str:
    """Return `module.name` of a type, or just its name for a builtin."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
