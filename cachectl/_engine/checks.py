"""Arguments of the operations on one namespace: what is wrong with them names it, the call and the key."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager

from cachectl._engine.options import LoadOptions
from cachectl._engine.state import NamespaceState
from cachectl._model.arguments import (
    check_called,
    check_flag,
    listed,
    passed_to,
    shown,
    told,
)
from cachectl._model.batches import BATCH, batches
from cachectl._model.keys import check_tag
from cachectl._model.records import Condition, Item
from cachectl._model.write import Write
from cachectl.errors import InvalidKey, UsageError


class Checks:
    """What is asked before anything is paid, written or removed. All of it raises `UsageError`."""

    def __init__(self, state: NamespaceState) -> None:
        self._state = state
        state.follow(self._follow)

    def _follow(self) -> None:
        self._stored_key = self._state.policy.stored_key

    def key(self, call: str, key: str) -> str:
        """Return the key under which an entry is kept."""
        try:
            return self._stored_key(key)
        except InvalidKey as error:
            raise self.told(error, call, None) from None

    def keys(self, keys: Iterable[str]) -> Iterable[str]:
        """Return those of `delete_many`: of a collection all, for nothing is removed unless all can be."""
        with self.passed_to("delete_many"):
            given = listed("what is removed", keys, "keys")
        stored = (self.key("delete_many", key) for key in given)
        return list(stored) if isinstance(keys, Collection) else stored

    def tag(self, call: str, tag: str) -> str:
        with self.passed_to(call):
            return check_tag(tag)

    def bypass(self, bypass: object) -> bool:
        """Return whether a caller wants a load in any case."""
        with self.passed_to("get_or_load"):
            return check_flag("bypass", bypass)

    def load(self, loader: object, options: LoadOptions) -> None:
        """Check what a namespace that is disabled does not look at otherwise."""
        with self.passed_to("get_or_load"):
            check_called("a loader", loader, "without arguments")
            options.checked()

    def items(
        self, writes: Iterable[Write] | Mapping[str, object]
    ) -> Iterator[tuple[list[Item], float]]:
        """Yield what `set_many` is to write in batches, with the time of each: of a collection nothing
        before all of it could be made; else what comes before one that cannot be is written.
        """
        if isinstance(writes, Mapping):
            writes = [Write(key, value) for key, value in writes.items()]
        with self.passed_to("set_many"):
            listed("what is written", writes, "Write, or a mapping of keys to values")
        size = max(BATCH, len(writes)) if isinstance(writes, Collection) else BATCH
        written = 0
        for batch in batches(writes, size):
            now = self._state.clock()
            items: list[Item] = []
            try:
                for write in batch:
                    items.append(self._state.entries.build_write(write, now))  # noqa: PERF401 - counted
            except UsageError as error:
                raise self._told_of_many(error, batch[len(items)], written) from error.__cause__
            written += len(items)
            yield from ((some, now) for some in batches(items))

    def told(self, error: UsageError, call: str, key: object) -> UsageError:
        """Return the error that names the namespace, the call and its key, if that is no secret."""
        is_secret = key is None or self._state.policy.keys == "hashed"
        return told(error, self._where(call) if is_secret else f"{self._where(call)} {shown(key)}")

    def passed_to(self, call: str) -> AbstractContextManager[None]:
        """Let what is objected to in here name the namespace and the call."""
        return passed_to(self._where(call))

    def _told_of_many(self, error: UsageError, write: Write, written: int) -> UsageError:
        """Return the error of one of many, which says what was written before it, if anything was."""
        key = write.key if isinstance(write, Write) else None
        before = f" ({written:,} before it are written)" if written else ""
        return self.told(type(error)(f"{error}{before}"), "set_many", key)

    def _where(self, call: str) -> str:
        return f"namespace {self._state.name}, {call}"


def condition_of(nx: object, xx: object) -> Condition | None:
    """Return the condition of a write. Raises `UsageError`."""
    absent, present = check_flag("nx", nx), check_flag("xx", xx)
    if absent and present:
        raise UsageError("nx and xx exclude each other")
    return "absent" if absent else "present" if present else None
