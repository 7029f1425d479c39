"""Rows of diskcache's table, as entries."""

import math
from typing import Final, NamedTuple

from cachectl._backends.diskcache.keys import SHOWN, Key, PickledKey, name_of
from cachectl._model.codecs import number_of
from cachectl._model.codecs.unread import Unread
from cachectl._model.entry import LATEST, NEVER, Entry

MODE_RAW: Final = 1  # in the row; text and bytes in a file; a pickle in either
MODE_BINARY: Final = 2
MODE_TEXT: Final = 3
MODE_PICKLE: Final = 4

_IN_ROW: Final[dict[str, type]] = {
    "text": str, "blob": bytes, "integer": int, "real": float, "null": type(None),
}  # fmt: skip
_IN_FILE: Final[dict[object, type]] = {MODE_BINARY: bytes, MODE_TEXT: str}

COLUMNS: Final = f"""
    rowid,
    raw IS 1,
    CASE WHEN raw IS NOT 1 THEN NULL
         WHEN typeof(key) IN ('text', 'blob') THEN substr(key, 1, {SHOWN + 1}) ELSE key END,
    store_time, access_time, access_count, expire_time,
    CASE WHEN typeof(tag) IN ('text', 'blob') THEN substr(tag, 1, {SHOWN}) ELSE tag END,
    CASE WHEN filename IS NOT NULL THEN size
         WHEN typeof(value) = 'blob' THEN length(value)
         WHEN typeof(value) = 'text' THEN length(CAST(value AS BLOB)) ELSE 8 END,
    mode, typeof(value), filename"""
"""What a listing reads. diskcache keeps no `size` of what is in the row."""


class Row(NamedTuple):
    """One row, in the order of `COLUMNS`; of what was planted anything may be anything."""

    rowid: int
    raw: int
    key: str | bytes | float | None
    store_time: object
    access_time: object
    access_count: object
    expire_time: object
    tag: str | bytes | float | None
    stored_size: object
    mode: object
    kind: str
    filename: object

    def name(self, shard: str) -> str:
        """Return the name of the key."""
        if not self.raw:
            return name_of(PickledKey(shard, self.rowid))
        key: Key = math.nan if self.key is None else self.key
        if isinstance(key, str | bytes) and len(key) > SHOWN:
            return f"{name_of(key[:SHOWN])}…"
        return name_of(key)

    @property
    def type(self) -> type | None:
        """The type of the value; None if diskcache writes no such row."""
        if self.mode == MODE_PICKLE:
            return Unread
        if self.mode == MODE_RAW and self.filename is None:
            return _IN_ROW[self.kind]
        if self.filename is not None and self.mode in _IN_FILE:
            return _IN_FILE[self.mode]
        return None

    @property
    def size(self) -> int:
        return self.stored_size if isinstance(self.stored_size, int) else 0

    @property
    def used_at(self) -> float:
        """When it was last used, as far as that is kept; to be stored is a use."""
        return max(moment(self.access_time), moment(self.store_time))

    @property
    def uses(self) -> int:
        """How often it was used, where that is kept."""
        return self.access_count if isinstance(self.access_count, int) else 0

    def entry(self, value: object) -> Entry | None:
        """Return the entry with this value; None if diskcache writes no such row."""
        if self.type is None:
            return None
        expires_at = NEVER if self.expire_time is None else moment(self.expire_time)
        tags = () if self.tag is None else (name_of(self.tag),)
        return Entry(
            value=value,
            codec=number_of(self.type),
            created_at=moment(self.store_time),
            expires_at=NEVER if expires_at == LATEST else expires_at,
            cost=0,
            load_us=0,
            tags=tags,
            size=self.size,
        )


def moment(value: object) -> float:
    """Return Unix seconds between 1970 and 9999: an application may have expired in 10^9 years."""
    seconds = value if isinstance(value, int | float) else 0.0
    return min(max(float(seconds), 0.0), LATEST)
