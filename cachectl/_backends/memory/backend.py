"""Entries in this process: live values.

The counters live in the process too; each cache object has its own. Both are also published on
a `SharedStatistics`, so that the command line can see an application at work.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar

from cachectl._backends.base import BaseBackend
from cachectl._backends.capabilities import SupportsFork
from cachectl._backends.counter_database import CounterDatabase
from cachectl._backends.memory.shared_statistics import SharedStatistics
from cachectl._backends.memory.store import MemoryStore
from cachectl._metrics.counters import Batch, CounterStore, Counts, Series
from cachectl._metrics.sketches import Sketch
from cachectl._metrics.windows import Window
from cachectl._model.policy import EVICTIONS
from cachectl._model.records import CleanupStep, Usage, with_expired

if TYPE_CHECKING:
    from cachectl._metrics.reports import Status


class MemoryBackend(BaseBackend[MemoryStore]):
    """Namespaces in this process.

    `publish` shows counters and usage to other processes under `name`; with `observe` it is
    those that are reported, of every process that published, instead of this one's.
    """

    name: ClassVar[str] = "memory"
    live: ClassVar[bool] = True
    evictions: ClassVar[Collection[str]] = EVICTIONS

    def __init__(
        self,
        *,
        name: str = "default",
        publish: bool = False,
        observe: bool = False,
    ) -> None:
        super().__init__()
        self._counts = CounterDatabase(None)
        self._published_as = name
        self._shared_statistics = (
            SharedStatistics(name, observe=observe) if publish or observe else None
        )
        self._observe = observe

    @property
    def counters(self) -> CounterStore:
        return self

    def add(self, batch: Batch) -> None:
        self._counts.add(batch)
        if self._shared_statistics and not self._observe:
            self._shared_statistics.add(batch)

    def read(self, window: Window) -> dict[str, Counts]:
        return self._kept.read(window)

    def series(self, window: Window, parts: int, of: Collection[str] = ()) -> dict[str, Series]:
        return self._kept.series(window, parts, of)

    def sketches(self, window: Window, of: Collection[str]) -> dict[str, Sketch]:
        return self._kept.sketches(window, of)

    @property
    def _kept(self) -> CounterDatabase | SharedStatistics:
        """Where the counts are that are reported."""
        return (self._observe and self._shared_statistics) or self._counts

    def make_store(self, namespace: str) -> MemoryStore:
        return MemoryStore()

    def usage(self) -> Mapping[str, Usage]:
        if self._shared_statistics and self._observe:
            return self._shared_statistics.usage()
        return self._own_usage()

    def totals(self) -> Mapping[str, Usage]:
        return {name: store.totals() for name, store in list(self._stores.items())}

    def oldest(self, namespaces: Sequence[str], most: int) -> Mapping[str, list[tuple[float, int]]]:
        return {name: self.store(name).oldest(most) for name in namespaces}

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        return self.store(namespace).trim(most, used_until)

    def revoke_leases(self, namespace: str) -> None:
        self.store(namespace).revoke_leases()

    def expired_entries(self, now: float, of: Collection[str] = ()) -> Mapping[str, int]:
        if self._shared_statistics and self._observe:
            return {}  # they published it with their usage
        return {name: store.expired_entries(now) for name, store in list(self._stores.items())}

    def publish(self, now: float) -> None:
        if self._shared_statistics and not self._observe:
            self._shared_statistics.show(with_expired(self._own_usage(), self.expired_entries(now)))

    def stored_policies(self, of: Collection[str] = ()) -> Mapping[str, str]:
        return self._shared_statistics.policies() if self._shared_statistics else {}

    def store_policy(self, namespace: str, text: str) -> None:
        if self._shared_statistics and not self._observe:
            self._shared_statistics.store_policy(namespace, text)

    def status(self) -> "Status":
        """Say whose figures are summed, where they are those of others."""
        from cachectl._metrics.reports import Status

        if not (self._shared_statistics and self._observe):
            return Status(self.name, self.name, "ok", 0)
        programs = self._shared_statistics.programs()
        details = {
            "name": self._published_as,
            "processes": self._shared_statistics.processes(),
            "programs": programs,
        }
        notes = (_summed(self._published_as, programs),) if len(programs) > 1 else ()
        return Status(self.name, self.name, "ok", 0, details=details, notes=notes)

    def _forked(self) -> list[SupportsFork]:
        shared = [self._shared_statistics] if self._shared_statistics else []
        return [*super()._forked(), self._counts, *shared]

    def close(self) -> None:
        with ExitStack() as closing:  # whatever fails, the rest is closed
            closing.callback(self._stores.clear)
            closing.callback(self._counts.close)
            if (shared := self._shared_statistics) is not None:
                closing.callback(shared.close if self._observe else shared.withdraw)

    def _own_usage(self) -> dict[str, Usage]:
        return {name: store.usage() for name, store in list(self._stores.items())}


def _summed(name: str, programs: list[str]) -> str:
    return (
        f"the sum of what {len(programs)} programs count in memory as {name!r}: "
        f"{', '.join(programs)} (a memory.name for each keeps them apart)"
    )
