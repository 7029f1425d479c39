"""An entry in memory, and what is known of it there."""

from sys import getsizeof
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import msgspec

from cachectl._backends.memory.sizes import FLOAT, INTEGER
from cachectl._model.entry import NEVER, Entry
from cachectl._model.records import Item

if TYPE_CHECKING:
    from cachectl._backends.memory.expiries import Run

_SHARED: Final = 256
"""Integers up to here are the same objects everywhere."""


class _Held(msgspec.Struct, gc=False, eq=False):
    """What is known of every entry: its value and the bytes that this occupies, when it was last used, and
    where it waits to expire.

    `key` is the one text that all indexes hold, however often the entry is replaced. The collector does
    not look at these objects, of which there may be millions. A cycle within a value is freed once that is
    removed; a value that refers to its own cache, as only a codec of a package may keep, holds it until then.
    """

    key: str
    value: object
    codec: int
    created_at: float
    expires_at: float
    size: int
    memory: int
    used_at: float
    run: "Run | None"


class Plain(_Held, gc=False, eq=False):
    """An entry of which there is nothing more to say, as of most."""

    compression: ClassVar[int] = 0
    cost: ClassVar[int] = 0
    cost_over: ClassVar[int] = 0
    load_us: ClassVar[int] = 0
    tags: ClassVar[tuple[str, ...]] = ()
    label: ClassVar[str] = ""


class Described(_Held, gc=False, eq=False):
    """An entry with tags, a label, or what making it took; or one that is compressed, as it was meant for a
    backend for which memory stands in.
    """

    compression: int
    cost: int
    cost_over: int
    load_us: int
    tags: tuple[str, ...]
    label: str


Node: TypeAlias = Plain | Described


def made(key: str, item: Item, tags: tuple[str, ...], now: float) -> Node:
    """Return the node of an item that is written now, with the texts of key and tags that others hold."""
    value, codec, created_at, expires_at, cost, load_us, _, size, compression, over, label = (
        item.entry
    )
    if cost or load_us or tags or label or compression:
        return Described(
            key, value, codec, created_at, expires_at, size, item.memory, now, None,
            compression, cost, over, load_us, tags, label,
        )  # fmt: skip
    return Plain(key, value, codec, created_at, expires_at, size, item.memory, now, None)


def entry_of(node: Node) -> Entry:
    """Return the entry as it was written."""
    return Entry(
        node.value, node.codec, node.created_at, node.expires_at, node.cost, node.load_us, node.tags,
        node.size, node.compression, node.cost_over, node.label,
    )  # fmt: skip


def weight(node: Node) -> int:
    """Return the bytes that an entry takes, without the texts of its tags."""
    size = _PLAIN + getsizeof(node.key) + node.memory
    if node.expires_at != NEVER:
        size += FLOAT
    if node.memory > _SHARED:
        size += INTEGER
    if node.size > _SHARED:
        size += INTEGER
    return size if type(node) is Plain else size + _more(node)


def _more(node: Node) -> int:
    """Return the bytes that an entry takes beside a plain one."""
    size = _DESCRIBED + INTEGER * ((node.cost > _SHARED) + (node.load_us > _SHARED))
    if node.tags:
        size += getsizeof(node.tags)
    return size + getsizeof(node.label) if node.label else size


_TIMES: Final = FLOAT + FLOAT // 2
"""When it was written; `used_at` is the same number until it is looked up."""
_PLAIN: Final = 16 + 8 * len(Plain.__struct_fields__) + _TIMES
_DESCRIBED: Final = 8 * (len(Described.__struct_fields__) - len(Plain.__struct_fields__))
