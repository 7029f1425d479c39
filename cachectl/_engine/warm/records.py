"""What sources hand to a warm-up, one item after another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from cachectl._engine.options import LoadOptions
from cachectl._model.units import Duration, Money


class Position(NamedTuple):
    """Where an item was read: `line` counts from 1, `end` is how far into the source's `total`
    all has been read with this item.
    """

    source: str
    line: int | None
    end: int


class Features(NamedTuple):
    """What the namespace makes a key of: `Namespace.key(value, **extra)`."""

    value: object
    extra: Mapping[str, object] = MappingProxyType({})


class Record(NamedTuple):
    """An entry to write. `size` are the bytes that it was read from."""

    position: Position
    namespace: str
    key: str | Features
    value: object
    size: int
    ttl: Duration | None = None
    tags: Sequence[str] = ()
    cost: Money = 0
    load_us: int = 0
    label: str = ""


class Load(NamedTuple):
    """An entry to make by calling `function`, sync or async, with the key if it is not fresh; the
    options say how what it returns is stored.
    """

    position: Position
    namespace: str
    key: str
    function: Callable[[str], object]
    options: LoadOptions = LoadOptions()


class Refused(NamedTuple):
    """An item that cannot be an entry, and why, in words that do not show its value."""

    position: Position
    reason: str


class Skipped(NamedTuple):
    """Something that is not read as an item, and why."""

    position: Position
    reason: str


Found = Record | Load | Refused | Skipped
"""What a source yields."""


class Source(Protocol):
    """Something that entries are read from. One that cannot be is found out when it is made."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def total(self) -> int | None:
        """How much there is to read, in the unit of `Position.end`; None if that is unknown."""

    def items(self) -> Iterator[Found]:
        """Yield what there is, holding no more than one item. May raise `OSError`."""
