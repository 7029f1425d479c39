"""An entry: a value under a key, and what the engine knows about it."""

import enum
from typing import Final, Literal, NamedTuple, Protocol

NEVER: Final = float("inf")
"""The `expires_at` of an entry without a TTL."""
LATEST: Final = 253_402_300_799.0
"""The last second of the year 9999: no date is later."""


class Missing(enum.Enum):
    """The type of `MISSING`."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.MISSING
"""What a lookup returns when there is nothing: never equal to a value, not even to None."""
MissingType = Literal[Missing.MISSING]


class Entry(NamedTuple):
    """One entry, as backends keep it and return it.

    `value` is the encoded payload for backends that store bytes, and the value itself for
    those that hold live values (`Backend.live`). Times are Unix seconds, `cost` is
    micro-dollars, rounded up, and `cost_over` the nano-dollars by which that is too much; `load_us`
    the microseconds that making the value took, `size` the bytes of the stored envelope. An encoded
    payload may be compressed; `cachectl._model.compression` says how. `label` says to people what
    the key does not.
    """

    value: object
    codec: int
    created_at: float
    expires_at: float
    cost: int
    load_us: int
    tags: tuple[str, ...]
    size: int
    compression: int = 0
    cost_over: int = 0
    label: str = ""

    @property
    def dollars(self) -> float:
        """What the value cost."""
        return (self.cost * 1000 - self.cost_over) / 10**9


class Found(Protocol):
    """What a lookup returns of an entry: all that a hit needs. See `Entry`, which is one."""

    @property
    def value(self) -> object: ...
    @property
    def codec(self) -> int: ...
    @property
    def expires_at(self) -> float: ...
    @property
    def cost(self) -> int: ...
    @property
    def load_us(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def compression(self) -> int: ...
    @property
    def cost_over(self) -> int: ...


class Worth(NamedTuple):
    """What making a value took; see `Entry`."""

    load_us: int = 0
    cost: int = 0
    cost_over: int = 0

    @classmethod
    def of(cls, entry: Entry) -> "Worth":
        """Return what each hit of an entry saves."""
        return cls(entry.load_us, entry.cost, entry.cost_over)
