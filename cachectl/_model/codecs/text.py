"""Text: a string as UTF-8."""

from sys import getsizeof

from cachectl.errors import UsageError


class TextCodec:
    """str, also with lone surrogates, which UTF-8 proper does not have."""

    def encode(self, value: object) -> bytes:
        assert isinstance(value, str)
        return value.encode("utf-8", "surrogatepass")

    def encoded_size(self, value: str) -> int:
        return len(value) if value.isascii() else len(self.encode(value))

    def decode(self, payload: memoryview) -> str:
        return str(payload, "utf-8", "surrogatepass")

    def copy(self, value: str) -> str:
        return value

    def memory(self, value: object) -> int:
        return getsizeof(value)

    def parse(self, data: bytes) -> str:
        return utf8(data)

    def render(self, value: str) -> bytes:
        return value.encode("utf-8", "surrogatepass")

    def describe(self, value: str) -> dict[str, object]:
        return {"value": value}

    def readable(self, value: str) -> str:
        return value

    def preview(self, value: str) -> str:
        return value


def utf8(data: bytes) -> str:
    """Return UTF-8 as text. Raises `UsageError`, saying where it is not."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8 at byte {error.start + 1}") from None
