"""Clearing: what is named is found, shown in advance, and removed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from cachectl._admin.namespaces import unknown_among
from cachectl._engine.cache import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.keys import check_tags
from cachectl._model.policy import check_namespace, is_namespace
from cachectl._model.records import EntryInfo, Removed, Usage
from cachectl.errors import CacheError, DamagedEntry, UsageError

EXAMPLES: Final = 5
_HINT: Final = "for a key say: clear NS --key KEY"


class Preview(NamedTuple):
    """What would go from a namespace, of what it holds, with the keys of some of it; and what it would
    cost to make it again, in dollars and seconds, as far as entries tell.
    """

    namespace: str
    examples: Sequence[str]
    removed: Removed
    held: int
    cost: float
    load_seconds: float


class ClearPlan:
    """Entries of these namespaces, or all, that have the tag and match the glob; or those under
    `keys`, which are made of the one namespace.

    Raises `UsageError` for what cannot be, and for a list of namespaces of which only some hold
    anything: perhaps one of them was meant as a key.
    """

    def __init__(
        self,
        cache: Cache,
        namespaces: Sequence[str],
        tag: str | None,
        match: str | None,
        keys: Callable[[Namespace], Sequence[str]] | None = None,
    ) -> None:
        if tag is not None:
            check_tags([tag])
        names = _checked(namespaces)
        self._held = cache.usage(*names)
        _require_known(names, self._held)
        self._cache = cache
        self._named = names
        self._namespaces = names or cache.namespaces()
        self._tag = tag
        self._match = match
        self._keys = None if keys is None else list(dict.fromkeys(keys(cache.namespace(*names))))
        self.unknown = unknown_among(cache, names, self._held)
        """Namespaces that nobody has used or configured."""
        self.removed: dict[str, Removed] = {}
        """What was removed so far, by namespace."""

    @property
    def target(self) -> Sequence[str]:
        """What is to go, in words."""
        named = f"of {', '.join(self._named)}" if self._named else ""
        if self._keys is not None:
            return (f"{_keys_said(len(self._keys))} {named}",)
        what = [f"tag {self._tag}" if self._tag is not None else ""]
        what.append(f"keys like {self._match}" if self._match is not None else "")
        chosen = " and ".join(filter(None, what)) or "all"
        return (f"{chosen} {named}".rstrip(), "fresh or expired")

    @property
    def held(self) -> int:
        """How many entries the whole cache holds."""
        usage = self._cache.usage() if self._named else self._held
        return sum(use.entries for use in usage.values())

    def dry_run(self) -> Iterator[Preview]:
        """Yield what `run` would remove from each namespace; it reads the entries."""
        for name in self._namespaces:
            preview = self._preview(name)
            if preview.removed.entries:
                yield preview

    def _preview(self, name: str) -> Preview:
        examples: list[str] = []
        total, nanos, micros = Removed(), 0, 0
        for info in self._entries(self._cache.namespace(name)):
            total = total.plus(Removed(1, info.size))
            if len(examples) < EXAMPLES:
                examples.append(info.key)
            if info.entry is not None:
                nanos += info.entry.cost * 1000 - info.entry.cost_over
                micros += info.entry.load_us
        held = self._held.get(name, Usage()).entries
        return Preview(name, examples, total, max(held, total.entries), nanos / 1e9, micros / 1e6)

    def run(self) -> None:
        """Remove it; `removed` says what, also if this raises."""
        try:
            for name in self._namespaces:
                self.removed[name] = self._remove(self._cache.namespace(name))
            self._cache.compact()
        except BaseException:
            with suppress(CacheError):
                self.removed = _less(self._held, self._cache.usage(*self._named))
            raise

    def _entries(self, namespace: Namespace) -> Iterator[EntryInfo]:
        if self._keys is not None:
            yield from _under(namespace, self._keys)
            return
        for info in namespace.entries(self._tag):
            if self._match is None or fnmatchcase(info.key, self._match):
                yield info

    def _remove(self, namespace: Namespace) -> Removed:
        if self._keys is not None:
            return namespace.delete_many(self._keys)
        if self._match is not None:
            self._cache.refuse_loads(namespace.name)  # all: nobody knows what is being loaded
            return namespace.delete_many(info.key for info in self._entries(namespace))
        if self._tag is not None:
            return namespace.invalidate(tag=self._tag)
        return namespace.clear()


def _keys_said(count: int) -> str:
    """Return a number of keys for people."""
    return f"{count:,} {'key' if count == 1 else 'keys'}"


def _checked(names: Sequence[str]) -> list[str]:
    """Return the names of namespaces; one of several that cannot be one is a key."""
    for name in names if len(names) > 1 else ():
        if not is_namespace(name):
            raise UsageError(f"not a namespace: {name!r}; {_HINT}")
    return [check_namespace(name) for name in names]


def _require_known(names: Sequence[str], held: Mapping[str, Usage]) -> None:
    unknown = [name for name in names if name not in held] if len(names) > 1 else []
    if 0 < len(unknown) < len(names):
        raise UsageError(f"no namespace {unknown[0]}; {_HINT}")


def _under(namespace: Namespace, keys: Sequence[str]) -> Iterator[EntryInfo]:
    """Yield the entries that are there under these keys."""
    for key in keys:
        try:
            entry = namespace.peek(key)
        except DamagedEntry:  # only a listing tells how much that is
            yield from (info for info in namespace.entries() if info.key == key)
        else:
            if entry is not None:
                yield EntryInfo(key, entry, entry.size, entry.created_at)


def _less(before: Mapping[str, Usage], now: Mapping[str, Usage]) -> dict[str, Removed]:
    """Return by how much each namespace shrank."""
    changes = {
        name: Removed(held.entries - now[name].entries, held.bytes - now[name].bytes)
        for name, held in before.items()
        if name in now
    }
    return {name: change for name, change in changes.items() if change.entries > 0}
