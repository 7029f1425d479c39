"""What is under the key of an entry: the generation of its namespace, and the envelope."""

from typing import Final

from cachectl._model import envelope

GENERATION: Final = 8
"""Bytes in front of each value; `common.lua` says what they are."""

HEAD_LIMIT: Final = GENERATION + envelope.HEADER_LIMIT
"""Bytes of a value that say where its payload begins."""


def head_size(data: bytes) -> int:
    """Return where the payload begins in a value that begins like this; 0 if that is none of ours, or
    damaged: no head is longer than `HEAD_LIMIT`.
    """
    size = envelope.head_size(data[GENERATION:])
    return GENERATION + size if 0 < size <= envelope.HEADER_LIMIT else 0
