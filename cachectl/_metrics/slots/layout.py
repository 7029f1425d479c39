"""What is where in the file of a slot. All is in words of eight bytes, in the machine's order.

The file is sparse. Blocks are given room when they are first needed: a store into a hole of a full
disk would end the process.

    header      magic, client and creation, with a checksum
                state: which record holds what was handed over, and whether the other is on its way
                two record heads: sequence, time, number of namespaces, checksum
                halves of uses: which is written, how far each is; the room that blocks have
    namespaces  name with a checksum, and the namespace's part of each record
    rows        namespace, and the counters of one thread
    uses        two halves: (stamp, namespace, length of the key, key), one behind the other
"""

from struct import Struct
from typing import Final

from xxhash import xxh3_64_intdigest

from cachectl._metrics.counters import LAST_HIT, SUMMED

WORD: Final = 8
COLUMNS: Final = (*SUMMED, LAST_HIT)
"""The counters of a record, in their order."""

HEADER: Final = Struct("=16sq8sd")
MAGIC: Final = b"cachectl slot 1\n"
CHECKSUM_WORD: Final = HEADER.size // WORD
STATE_BYTE: Final = 64
"""0 or 2: the first or the second record holds what was handed over. One more: the other record
holds that and a batch that may be on its way. It changes in one store."""
HALF_BYTE: Final = 65
RECORD_WORD: Final = 12
"""The head of the first record; that of the second follows."""
RECORD: Final = Struct("=qdqq")
RECORD_WORDS: Final = RECORD.size // WORD
USED_WORD: Final = 20  # bytes of each half
NAMESPACES_ROOM: Final = 22
ROWS_ROOM: Final = 23
USES_ROOM: Final = 24
"""Words that say for how many bytes there is room: for namespaces, rows, and in each half."""

BLOCK: Final = 4096
NAMESPACES_AT: Final = BLOCK
NAMESPACES: Final = 512
NAME_BYTES: Final = 64
NAMESPACE_WORDS: Final = -(-(1 + NAME_BYTES // WORD + 2 * len(COLUMNS)) // 8) * 8
AMOUNTS_WORD: Final = 1 + NAME_BYTES // WORD
"""Where the parts of the records begin in a namespace, behind the checksum and the name."""

ROWS_AT: Final = NAMESPACES_AT + -(-NAMESPACES * NAMESPACE_WORDS * WORD // BLOCK) * BLOCK
ROWS: Final = 4096
ROW_WORDS: Final = -(-(2 + len(SUMMED)) // 8) * 8
"""A namespace's number and one, the counters that are summed, and the time of the last hit."""

USES_AT: Final = ROWS_AT + ROWS * ROW_WORDS * WORD
HALF_BYTES: Final = 256 * 1024
USE: Final = Struct("=qHH")

SIZE: Final = USES_AT + 2 * HALF_BYTES
MOST: Final = (
    NAMESPACES * NAMESPACE_WORDS * WORD,
    ROWS * ROW_WORDS * WORD,
    HALF_BYTES,
    HALF_BYTES,
)
"""The most that the words of room may say."""


def checksum(data: bytes) -> int:
    """Return a checksum that fits a word, and is never 0: that is what a hole has."""
    return xxh3_64_intdigest(data) >> 1 or 1


LAYOUT: Final = checksum(repr((COLUMNS, SIZE)).encode())
"""Tells slots apart whose words mean something else."""
