"""A diskcache directory as a backend that is only read.

diskcache knows no namespaces, so everything is in one, called like the library. Limits and
counters are the application's: our configuration says nothing about them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from cachectl._backends.diskcache.place import find_shards
from cachectl._backends.diskcache.schema import Figures
from cachectl._backends.diskcache.shard import Shard
from cachectl._backends.diskcache.store import DiskcacheStore
from cachectl._backends.read_only import ReadOnlyBackend, ReadOnlyCounters
from cachectl._metrics.counters import CounterStore, Counts
from cachectl._metrics.reports import Status
from cachectl._metrics.windows import Window
from cachectl._model.policy import Policy
from cachectl._model.records import Usage
from cachectl.errors import UsageError

NAMESPACE: Final = "diskcache"
_OFF: Final = (
    "its statistics are off, so hits and misses are not known;"
    " the application turns them on with cache.stats(enable=True)"
)


class DiskcacheBackend(ReadOnlyBackend[DiskcacheStore]):
    """The entries of a `diskcache.Cache` or `FanoutCache`, and what it counted."""

    name: ClassVar[str] = "diskcache"
    live: ClassVar[bool] = True
    refusal: ClassVar[str] = "a diskcache directory is only read here; its application writes it"

    def __init__(self, *, directory: Path) -> None:
        super().__init__()
        self._directory = directory.absolute()

    @property
    def place(self) -> str:
        return str(self._directory)

    @property
    def counters(self) -> CounterStore:
        return _Counters(self)

    def make_store(self, namespace: str) -> DiskcacheStore:
        _require_known(namespace)
        return DiskcacheStore(self._shards, self.refusal)

    def usage(self) -> Mapping[str, Usage]:
        shards = self._shards()
        figures = [shard.figures() for shard in shards]
        volume = sum(part.volume for part in figures)
        logs = sum(shard.log_size() for shard in shards)
        return {NAMESPACE: Usage(sum(part.entries for part in figures), volume, volume + logs)}

    def policy(self, namespace: str) -> Policy:
        """Return what the application chose; diskcache has no TTL but that of each entry."""
        _require_known(namespace)
        limits = [part.size_limit for part in self.figures()]
        size = None if None in limits else sum(limit or 0 for limit in limits)
        return Policy(ttl=None, max_bytes=size)

    def status(self) -> Status:
        figures = self.figures()
        details = {
            "eviction_policy": " and ".join(sorted({part.eviction_policy for part in figures})),
            "statistics": all(part.statistics for part in figures),
            "shards": len(figures),
        }
        notes = () if details["statistics"] else (f"{self._directory}: {_OFF}",)
        return Status(self.name, self.name, "ok", 0, details=details, notes=notes)

    def check(self) -> None:
        self.figures()

    def figures(self) -> Sequence[Figures]:
        """Return the figures of each shard."""
        return [shard.figures() for shard in self._shards()]

    def _shards(self) -> Sequence[Shard]:
        """Return the databases that are there now. Raises `BackendError`."""
        paths = find_shards(self._directory)
        return [Shard(path, "" if path == self._directory else path.name) for path in paths]


class _Counters(ReadOnlyCounters):
    """Hits and misses, where the application has them counted."""

    def __init__(self, backend: DiskcacheBackend) -> None:
        self._backend = backend

    def read(self, window: Window) -> dict[str, Counts]:
        if window.ring is not None:
            raise UsageError("diskcache counts without times; ask without --since")
        counted = [part for part in self._backend.figures() if part.statistics]
        hits, misses = sum(part.hits for part in counted), sum(part.misses for part in counted)
        return {NAMESPACE: Counts(hits=hits, missed_absent=misses)}


def _require_known(namespace: str) -> None:
    if namespace != NAMESPACE:
        raise UsageError(f"no namespace {namespace}: a diskcache directory has one, {NAMESPACE}")
