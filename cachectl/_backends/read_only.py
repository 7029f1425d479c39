"""What backends have in common that are only read: whatever writes is refused, by one sentence."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn, TypeVar

from cachectl._backends.base import BaseBackend
from cachectl._backends.planning import planned
from cachectl._backends.protocols import Store
from cachectl._metrics.counters import Batch, Counts, Series
from cachectl._metrics.sketches import Sketch
from cachectl._metrics.windows import Window
from cachectl._model.entry import Entry
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    EntryInfo,
    Item,
    Lease,
    Planned,
    Removed,
    Written,
)
from cachectl.errors import BackendRefused


class ReadOnlyStore:
    """One namespace. A lookup is no use of an entry, and removes none that has expired."""

    def __init__(self, refusal: str) -> None:
        self._refusal = refusal

    @abstractmethod
    def peek(self, key: str) -> Entry | None:
        """Return the entry, fresh or not. Raises `DamagedEntry`."""

    @abstractmethod
    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        """Yield all entries, or those with `tag`, in the order in which a limit would remove them."""

    def plan(self, rule: CleanupRule) -> Iterator[Planned]:
        return planned(self.scan, rule)

    def get(self, key: str, now: float) -> Entry | None:
        return self.peek(key)

    def remove_expired(self, key: str, now: float) -> Removed:
        return Removed()

    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        self._refuse()

    def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        self._refuse()

    def release(self, lease: Lease) -> None:
        self._refuse()

    def remove(self, keys: Iterable[str]) -> Removed:
        self._refuse()

    def remove_tagged(self, tag: str) -> Removed:
        self._refuse()

    def clear(self) -> Removed:
        self._refuse()

    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise BackendRefused(self._refusal)


class ReadOnlyCounters:
    """Counters that somebody else keeps: what this process counts is not added to them."""

    def add(self, batch: Batch) -> None:
        """Drop it: a lookup here is no lookup of the application's."""

    @abstractmethod
    def read(self, window: Window) -> dict[str, Counts]:
        """Return the counts of each namespace within `window`."""

    def series(self, window: Window, parts: int, of: Collection[str] = ()) -> dict[str, Series]:
        """Return nothing but totals: when anything was counted is not known."""
        totals = self.read(window).items()
        return {name: Series([], counts, None) for name, counts in totals if not of or name in of}

    def sketches(self, window: Window, of: Collection[str]) -> dict[str, Sketch]:
        """Return nothing: that is not known."""
        return {}


S = TypeVar("S", bound=Store)


class ReadOnlyBackend(BaseBackend[S]):
    """A backend whose stores are `ReadOnlyStore`s. `refusal` says why it writes nothing."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        raise BackendRefused(self.refusal)
