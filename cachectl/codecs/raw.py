"""Bytes, as they are."""

from sys import getsizeof


class BytesCodec:
    """bytes."""

    def encode(self, value: object) -> bytes:
        assert isinstance(value, bytes)
        return value

    def decode(self, payload: memoryview) -> bytes:
        return bytes(payload)

    copy = decode

    def memory(self, value: object) -> int:
        return getsizeof(value)
