"""Writing records: in batches, in the order they came, each acknowledged or accounted for."""

from collections.abc import Callable
from typing import Final, NamedTuple

from cachectl._engine.features import feature_key
from cachectl._engine.namespace import Namespace
from cachectl._engine.warm.fates import Fates
from cachectl._engine.warm.records import Features, Load, Position, Record
from cachectl._engine.warm.report import WarmCounts
from cachectl._model.arguments import plain
from cachectl._model.batches import BATCH
from cachectl._model.coroutines import run
from cachectl._model.interrupts import unbroken
from cachectl._model.keys import hashed_key
from cachectl._model.outcome import Outcome
from cachectl._model.policy import check_namespace
from cachectl._model.records import Lease
from cachectl._model.write import Write
from cachectl.errors import UsageError

BATCH_BYTES: Final = 8 * 1024 * 1024
"""Bytes read after which all that waits is written."""

NAMESPACES_LIMIT: Final = 1000
"""Namespaces of one run: each costs memory for as long as the cache is open."""

_RECORD_BYTES: Final = 512  # what a waiting record takes besides its value


class _Waiting(NamedTuple):
    position: Position
    size: int
    write: Write


class _Batch:
    """What waits to be written to one namespace. If it is limited no key comes twice, or nobody could
    tell which of the two a limit evicts.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.waiting: list[_Waiting] = []
        self._keys: set[str] | None = set() if namespace.policy.limits.named("") else None

    def takes(self, write: Write) -> bool:
        """Return whether a write may be added, and note that it is."""
        if self._keys is None:
            return True
        before = len(self._keys)
        self._keys.add(write.key)
        return len(self._keys) > before


class BatchWriter:
    """Writes records to their namespaces and keeps the report."""

    def __init__(
        self,
        namespace_of: Callable[[str], Namespace],
        counts: WarmCounts,
        fates: Fates,
        *,
        hash_keys: bool,
        dry_run: bool,
    ) -> None:
        self._namespace_of = namespace_of
        self._counts = counts
        self._fates = fates
        self._hash_keys = hash_keys
        self._dry_run = dry_run
        self._namespaces: dict[str, Namespace] = {}
        self._waiting: dict[str, _Batch] = {}
        self._waiting_bytes = 0

    def namespace(self, name: str) -> Namespace:
        """Return a namespace that can be written. Raises `UsageError`."""
        if name not in self._namespaces:
            if len(self._namespaces) == NAMESPACES_LIMIT:
                raise UsageError(f"more than {NAMESPACES_LIMIT} namespaces in one run")
            namespace = self._namespace_of(check_namespace(name))
            if not namespace.policy.enabled:
                raise UsageError(f"namespace {name!r} is disabled")
            if self._dry_run:  # also of what compression took
                namespace.state.recorder.counting = False
            self._namespaces[name] = namespace
        return self._namespaces[name]

    def has(self, name: str, key: str | Features) -> bool:
        """Return whether there is a fresh entry. Raises `UsageError`."""
        namespace = self.namespace(name)
        return namespace.has(self._key(namespace, key))

    def add(self, record: Record) -> None:
        """Write a record together with the next ones."""
        try:
            write = self._write(record)
        except UsageError as error:
            self._counts.fail(record.position, str(error))
            return
        batch = self._batch(record.namespace)
        if not batch.takes(write):
            self._put(record.namespace)
            batch = self._batch(record.namespace)
            batch.takes(write)
        batch.waiting.append(_Waiting(record.position, record.size, write))
        self._waiting_bytes += record.size + _RECORD_BYTES
        if self._waiting_bytes >= BATCH_BYTES:
            self.flush()
        elif len(batch.waiting) == BATCH:
            self._put(record.namespace)

    def would_load(self, load: Load) -> None:
        """Count what a dry run does not load. Raises `UsageError`."""
        namespace = self.namespace(load.namespace)
        write = Write(self._key(namespace, load.key), None, load.options.ttl)
        self._fates.begin(namespace)
        self._fates.end(namespace, [write], [Outcome.STORED])
        self._counts.wrote(namespace.name, 1, 0)

    def lease(self, load: Load) -> Lease | None:
        """Return what `add_loaded` needs of what is loaded from now on; None if there is none to be
        had. Raises `UsageError`.
        """
        namespace = self.namespace(load.namespace)
        key = self._key(namespace, load.key)
        return run(namespace.operations.lease(key, load.options.tags))

    def release(self, load: Load, lease: Lease) -> None:
        """Store nothing with this lease."""
        run(self.namespace(load.namespace).operations.release(lease))

    def add_loaded(self, load: Load, lease: Lease, value: object, load_us: int) -> None:
        """Write what a load brought, unless its key was removed or replaced meanwhile."""
        namespace = self.namespace(load.namespace)
        key = self._key(namespace, load.key)
        self._fates.begin(namespace)
        try:
            write = load.options.write(key, value, load_us)
            outcome, size = run(namespace.operations.set_loaded(write, lease))
            self._fates.end(namespace, [write], [outcome])
        except UsageError as error:
            self.release(load, lease)
            reason: str | None = plain(error)
        else:
            reason = None if outcome else _reason(outcome, namespace.name)
        if reason is None:
            self._counts.wrote(namespace.name, 1, size)
        else:
            self._counts.fail(load.position, reason)

    def flush(self) -> None:
        """Write all that waits."""
        for name in list(self._waiting):
            self._put(name)

    def _batch(self, name: str) -> _Batch:
        found = self._waiting.get(name)
        if found is None:
            found = self._waiting[name] = _Batch(self._namespaces[name])
        return found

    def _write(self, record: Record) -> Write:
        namespace = self.namespace(record.namespace)
        key = self._key(namespace, record.key)
        return Write(
            key, record.value, record.ttl, record.tags, record.cost, record.load_us, record.label
        )

    def _key(self, namespace: Namespace, key: str | Features) -> str:
        if isinstance(key, Features):
            return feature_key(namespace, *key)
        return hashed_key(key) if self._hash_keys else key

    def _put(self, name: str) -> None:
        batch = self._waiting.pop(name).waiting
        self._waiting_bytes -= sum(waiting.size + _RECORD_BYTES for waiting in batch)
        with unbroken():
            self._store(self._namespaces[name], batch)

    def _store(self, namespace: Namespace, batch: list[_Waiting]) -> None:
        """Write a batch. If the engine refuses something in it, write each half by itself."""
        writes = [waiting.write for waiting in batch]
        self._fates.begin(namespace)
        try:
            outcomes = _foreseen(namespace, writes) if self._dry_run else namespace.set_many(writes)
        except UsageError as error:
            if len(batch) == 1:
                self._counts.fail(batch[0].position, plain(error))
                return
            middle = len(batch) // 2
            self._store(namespace, batch[:middle])
            self._store(namespace, batch[middle:])
            return
        self._fates.end(namespace, writes, outcomes)
        stored = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if outcome:
                stored.append(waiting)
            else:
                self._counts.fail(waiting.position, _reason(outcome, namespace.name))
        if stored:
            self._counts.wrote(namespace.name, len(stored), sum(each.size for each in stored))


def _foreseen(namespace: Namespace, writes: list[Write]) -> list[Outcome]:
    """Return what would become of values. Raises `UsageError`."""
    entries, now = namespace.state.entries, namespace.state.clock()
    most = namespace.policy.max_bytes
    sizes = [entries.build_write(write, now).entry.size for write in writes]
    return [Outcome.STORED if most is None or size <= most else Outcome.TOO_LARGE for size in sizes]


def _reason(outcome: Outcome, namespace: str) -> str:
    if outcome is Outcome.REFUSED:
        return "its key was removed or replaced while it was loaded"
    too_large = outcome is Outcome.TOO_LARGE
    return f"{outcome.value} of {namespace!r}" if too_large else outcome.value
