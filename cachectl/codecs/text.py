"""Text: a string as UTF-8."""

from sys import getsizeof


class TextCodec:
    """str, also with lone surrogates, which UTF-8 proper does not have."""

    def encode(self, value: object) -> bytes:
        assert isinstance(value, str)
        return value.encode("utf-8", "surrogatepass")

    def decode(self, payload: memoryview) -> str:
        return str(payload, "utf-8", "surrogatepass")

    copy = decode

    def memory(self, value: object) -> int:
        return getsizeof(value)
