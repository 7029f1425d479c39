"""Bytes, as they are."""

from sys import getsizeof

from cachectl.errors import UsageError


class BytesCodec:
    """bytes."""

    def encode(self, value: object) -> bytes:
        assert isinstance(value, bytes)
        return value

    def encoded_size(self, value: bytes) -> int:
        return len(value)

    def decode(self, payload: memoryview) -> bytes:
        whole = payload.obj
        if type(whole) is bytes and len(whole) == len(payload):
            return whole  # what is large is read without anything around it
        return bytes(payload)

    def copy(self, value: bytes) -> bytes:
        return value

    def memory(self, value: object) -> int:
        return getsizeof(value)

    def parse(self, data: bytes) -> bytes:
        return data

    def render(self, value: bytes) -> bytes:
        return value

    def describe(self, value: bytes) -> dict[str, object]:
        return {"value_base64": base64(value)}

    def readable(self, value: bytes) -> str:
        raise UsageError(f"{len(value)} bytes are not for a terminal; redirect them")

    def preview(self, value: bytes) -> str:
        return f"{len(value)} bytes: {value[:32].hex(' ')}"


def base64(data: bytes) -> str:
    """Return bytes as base64, on one line."""
    from binascii import b2a_base64

    return b2a_base64(data, newline=False).decode()
