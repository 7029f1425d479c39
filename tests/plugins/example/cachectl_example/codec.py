"""A codec: decimal numbers."""

from decimal import Decimal, InvalidOperation
from sys import getsizeof
from typing import Final

from cachectl import UsageError
from cachectl.plugins import CodecRegistration

REGISTRATION: Final = CodecRegistration(
    200, "decimal", "cachectl_example.codec:DecimalCodec", ("decimal.Decimal",), (".decimal",)
)


class DecimalCodec:
    """decimal.Decimal as its digits."""

    def encode(self, value: object) -> bytes:
        return str(value).encode()

    def decode(self, payload: memoryview) -> Decimal:
        try:
            return Decimal(str(payload, "ascii"))
        except InvalidOperation:
            raise ValueError from None

    def copy(self, value: Decimal) -> Decimal:
        return value

    def memory(self, value: object) -> int:
        return getsizeof(value)

    def parse(self, data: bytes) -> Decimal:
        try:
            return self.decode(memoryview(data))
        except ValueError:
            raise UsageError("not a decimal number") from None

    def render(self, value: Decimal) -> bytes:
        return self.encode(value)

    def describe(self, value: Decimal) -> dict[str, object]:
        return {"value": str(value)}

    def readable(self, value: Decimal) -> str:
        return str(value)

    def preview(self, value: Decimal) -> str:
        return str(value)
