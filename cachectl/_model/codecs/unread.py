"""What others stored in a way that is not read: it has a name, and no value."""

from typing import NoReturn

from cachectl.errors import UnsupportedValue, UsageError


class Unread:
    """Stands for a pickle: loading one can run anything."""

    def __repr__(self) -> str:
        return "pickled, not read"


class UnreadCodec:
    """`Unread`, which can be named and nothing else."""

    def encode(self, value: object) -> NoReturn:
        raise UnsupportedValue(f"{value!r}: there is nothing to store")

    parse = encode

    def decode(self, payload: memoryview) -> NoReturn:
        raise ValueError

    def copy(self, value: object) -> object:
        return value

    def memory(self, value: object) -> int:
        return 0

    def render(self, value: object) -> NoReturn:
        raise UsageError(f"the value is {value!r}")

    readable = render

    def describe(self, value: object) -> dict[str, object]:
        return {"value": None, "note": repr(value)}

    def preview(self, value: object) -> str:
        return repr(value)
