"""Items as the engine makes them, for stores on Redis."""

from cachectl._model.entry import NEVER, Entry
from cachectl._model.envelope import pack
from cachectl._model.policy import Limits
from cachectl._model.records import Item

FREE = Limits()


def item(key, payload=b"value", *, now=0.0, ttl=None, tags=(), namespace="ns") -> Item:
    entry = Entry(None, 3, now, NEVER if ttl is None else now + ttl, 0, 0, tuple(tags), 0)
    data = pack(namespace, key, entry, payload)
    return Item(key, entry._replace(size=len(data)), data, 0)
