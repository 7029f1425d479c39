"""A backend: dictionaries, kept in a file from one process to the next if it is named one."""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cachectl.plugins import (
    BaseBackend,
    BaseStore,
    Directory,
    Entry,
    EntryInfo,
    Item,
    Removed,
    Table,
)


class DictStore(BaseStore):
    """One namespace, the least recently used first."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.held: dict[str, tuple[bytes, float]] = {}

    def peek(self, key: str) -> Entry | None:
        with self.lock:
            found = self.held.get(key)
        return self.unpack(key, found[0]) if found else None

    def touch(self, key: str, now: float) -> None:
        self.held[key] = self.held.pop(key)[0], now

    def write(self, item: Item, now: float) -> None:
        self.held.pop(item.key, None)
        self.held[item.key] = item.data, now

    def remove(self, keys: Iterable[str]) -> Removed:
        with self.lock:
            found = [self.held.pop(key) for key in keys if key in self.held]
        return Removed(len(found), sum(len(data) for data, _ in found))

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        with self.lock:
            held = list(self.held.items())
        for key, (data, used_at) in held:
            info = self.info(key, data, used_at)
            if info.carries(tag):
                yield info


@dataclass(frozen=True, kw_only=True)
class DictOptions(Table):
    """The settings of the backend."""

    file: Directory = Path(os.devnull)


class DictBackend(BaseBackend[DictStore]):
    """The namespaces."""

    name: ClassVar[str] = "dict"
    options: ClassVar[type[Table]] = DictOptions

    def __init__(self, *, file: Path) -> None:
        super().__init__()
        self._file = file

    def make_store(self, namespace: str) -> DictStore:
        store = DictStore(namespace)
        for key, (data, used_at) in self._kept().get(namespace, {}).items():
            store.held[key] = b64decode(data), used_at
        return store

    def namespaces(self) -> Iterable[str]:
        return {*self._kept(), *super().namespaces()}

    def close(self) -> None:
        super().close()
        held = {name: _as_text(self.store(name)) for name in self.namespaces()}
        self._file.write_text(json.dumps(held))

    def _kept(self) -> dict[str, Any]:
        text = self._file.read_text() if self._file.exists() else ""
        kept: dict[str, Any] = json.loads(text or "{}")
        return kept


def _as_text(store: DictStore) -> dict[str, tuple[str, float]]:
    return {key: (b64encode(data).decode(), at) for key, (data, at) in store.held.items()}
