"""Entries and counters in a directory: two databases, and value files for what is large."""

import fcntl
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, ClassVar, Final

from cachectl._backends.base import BaseBackend
from cachectl._backends.capabilities import SupportsFork
from cachectl._backends.counter_database import CounterDatabase
from cachectl._backends.directory import (
    claim,
    create_private,
    mark_again,
    require_ours,
    require_possible,
)
from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file.reader import Reader
from cachectl._backends.file.rows import microseconds
from cachectl._backends.file.store import FileStore
from cachectl._backends.file.writer import Writer
from cachectl._backends.place import COUNTERS, ENTRIES, Place
from cachectl._backends.protocols import AsyncStore
from cachectl._metrics.counters import CounterStore
from cachectl._model.deadline import SECONDS, one_call
from cachectl._model.policy import EVICTIONS, is_namespace
from cachectl._model.records import MOST_EXPIRED, CleanupRule, CleanupStep, Usage
from cachectl.errors import BackendBusy, BackendError, BackendRefused, ConfigError

if TYPE_CHECKING:
    from cachectl._backends.file.async_store import Tasks
    from cachectl._backends.file.table import EntryTable
    from cachectl._metrics.reports import Status

_LAST: Final = 0.25  # seconds that closing waits to write uses, which the engine has tried before


class FileBackend(BaseBackend[FileStore]):
    """Namespaces in `directory`, which is made by the first write.

    A damaged database is put aside by who meets it, if it is of those that this `puts_aside`; and `compact`
    looks for damage in those that it `verifies`.
    """

    name: ClassVar[str] = "file"
    evictions: ClassVar[Collection[str]] = EVICTIONS
    modules: ClassVar[tuple[str, ...]] = (
        "cachectl._backends.eviction.foresight",
        "cachectl._backends.file.checkpoints",
        "cachectl._backends.file.debris",
        "cachectl._backends.file.due",
        "cachectl._backends.file.eviction_index",
        "cachectl._backends.file.listing",
        "cachectl._backends.file.plan",
        "cachectl._backends.file.recount",
        "cachectl._backends.file.removals",
        "cachectl._backends.file.shares",
        "cachectl._backends.file.table",
        "cachectl._backends.holder",
        "cachectl._backends.reading",
        "cachectl._metrics.slots.row",
    )

    def __init__(
        self,
        *,
        directory: Path,
        timeout: float = SECONDS,
        puts_aside: Collection[str] = (ENTRIES, COUNTERS),
        verifies: Collection[str] = (),
    ) -> None:
        super().__init__()
        if "$" in str(directory) or str(directory).startswith("~"):
            raise ConfigError(f"the path of a cache directory has no $ and no ~: {directory}")
        self._directory = directory.absolute()
        self._timeout = timeout
        self._verifies = verifies
        self._last_news: tuple[str, ...] = ()
        self._place = Place(self._directory / ENTRIES, puts_aside=ENTRIES in puts_aside)
        self._reader = Reader(self._directory, timeout, self._place)
        connections = self._reader.connections
        self._writer = Writer(self._directory, timeout, self._place, connections.drop)
        self._database = CounterDatabase(
            self._directory, timeout, puts_aside=COUNTERS in puts_aside
        )
        self._table: EntryTable | None = None
        self._tasks: Tasks | None = None
        self._note: Callable[[str, str, int], None] | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"FileBackend({str(self._directory)!r})"

    @property
    def place(self) -> str:
        return os.path.realpath(self._directory)  # one place may be written in many ways

    @property
    def counters(self) -> CounterStore:
        return self._database

    @property
    def table(self) -> "EntryTable":
        """What writes, made when it is first needed."""
        if self._table is None:
            from cachectl._backends.file.table import EntryTable  # a lookup that misses needs none

            self._table = EntryTable(self._directory, self._writer)
        return self._table

    def make_store(self, namespace: str) -> FileStore:
        note = None if self._note is None else partial(self._note, namespace)
        return FileStore(namespace, self._reader, self, AccessLog(note))

    def slots(self, *, create: bool) -> Path | None:
        if create:
            claim(self._directory)
        elif not require_ours(self._directory):
            return None
        return self._directory / "slots"

    def note_uses(self, note: Callable[[str, str, int], None]) -> None:
        self._note = note

    def touch(self, namespace: str, uses: Sequence[tuple[str, int]]) -> None:
        table = self.existing_table()
        if table is not None:
            table.touch(namespace, uses)

    def store_for_tasks(self, namespace: str) -> AsyncStore:
        from cachectl._backends.file.async_store import FileTaskStore, Tasks  # imports asyncio

        if self._tasks is None:
            with self._lock:
                self._tasks = self._tasks or Tasks(self._timeout)
        return FileTaskStore(self.store(namespace), self._tasks)

    def existing_table(self) -> "EntryTable | None":
        """Return what writes, unless there is no cache: nothing needs to be removed from it then.

        Raises `BackendRefused` for a place that is not ours.
        """
        if self._writer.is_open:
            return self.table
        self._writer.let_go()  # of what is not there any more
        return self.table if self._reader.connections.exists() else None

    def totals(self) -> Mapping[str, Usage]:
        held = self._reader.totals()
        return {name: Usage(entries, size, None) for _, name, entries, size, _ in held if name}

    def oldest(self, namespaces: Sequence[str], most: int) -> Mapping[str, list[tuple[float, int]]]:
        return {
            name: [(stamp / 1e6, size) for stamp, size in self._reader.oldest(name, most)]
            for name in namespaces
        }

    def due(self, rules: Mapping[str, CleanupRule]) -> Collection[str]:
        from cachectl._backends.file.due import due  # a lookup needs none

        return due(self._reader, rules)

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        return self.table.removals.trim(namespace, most, used_until)

    def revoke_leases(self, namespace: str) -> None:
        table = self.existing_table()
        if table is not None:
            table.revoke_leases(namespace)

    def forget(self, namespace: str, now: float) -> bool:
        table = self.existing_table()
        if table is not None and not table.removals.forget(namespace):
            return False
        self._database.forget(namespace)
        return True

    def reset(self, namespace: str, now: float) -> None:
        self._database.forget(namespace)

    def expired_entries(self, now: float, of: Collection[str] = ()) -> Mapping[str, int]:
        return self._reader.expired_entries(microseconds(now), MOST_EXPIRED)

    def stored_policies(self, of: Collection[str] = ()) -> Mapping[str, str]:
        from cachectl._backends.file import policies  # a lookup needs none

        return policies.read(self._reader)

    def store_policy(self, namespace: str, text: str) -> None:
        self.table.store_policy(namespace, text)

    def usage(self) -> Mapping[str, Usage]:
        from cachectl._backends.file import shares  # a lookup needs none

        return shares.usage(self._reader)

    def check(self) -> None:
        if self._reader.connections.exists():
            self._reader.totals()
        else:
            require_possible(self._directory)

    def prepare(self) -> None:
        claim(self._directory)  # also where a connection is open still
        self._writer.open(self._writer.patience())

    def look(self) -> Sequence[str]:
        connections = self._reader.connections
        connections.look()
        if any([self._writer.has_lost_log(), connections.has_lost_log()]):
            self._place.lost_log()
        if self._writer.is_open:
            mark_again(self._directory)
        news = [*self._place.news(), *self._database.look()]
        if news:
            self._last_news = tuple(
                f"{time.strftime('%Y-%m-%d %H:%M:%S')}: {each}" for each in news
            )
        return news

    def status(self) -> "Status":
        from cachectl._backends.file import checkpoints, shares
        from cachectl._metrics.reports import Status

        details: dict[str, object] = {}
        with suppress(BackendError):  # which others say
            details["free_bytes"] = shares.free_bytes(self._reader)
        notes = (*self._last_news, *checkpoints.notes(self._place))
        return Status(self.name, self.name, "ok", 0, details=details, notes=notes)

    def lock(self, name: str) -> AbstractContextManager[None]:
        return self._flocked(name)

    @contextmanager
    def _flocked(self, name: str) -> Iterator[None]:
        from cachectl._backends import holder  # a lookup needs none

        claim(self._directory)
        with self._opened(f"{name}.lock") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                said = holder.said(name, file.read(holder.LONGEST))
                raise BackendBusy(f"{self._directory}: {said}") from None
            with suppress(OSError):  # on a full disk nobody is told
                file.write(f"{holder.signed()}\n".encode())
                file.truncate()
            try:
                yield
            finally:  # also for processes that were forked meanwhile, which have the file open
                fcntl.flock(file, fcntl.LOCK_UN)

    def _opened(self, name: str) -> IO[bytes]:
        path = self._directory / name
        try:
            create_private(path)
        except OSError as error:
            from cachectl._backends.room import is_full  # not as a rule

            if not is_full(error):
                raise BackendRefused(f"cannot write {path}: {error.strerror}") from None
            self.table.removals.freeing.give()
        try:
            create_private(path)
            return path.open("r+b")
        except OSError as error:
            raise BackendRefused(f"cannot write {path}: {error.strerror}") from None

    def recount(self) -> None:
        table = self.existing_table()
        if table is not None:
            table.removals.recount(self._reader)
            for name in self._database.names():
                if not is_namespace(name):  # somebody planted or damaged it
                    self._database.forget(name)

    def compact(self) -> None:
        if ENTRIES in self._verifies:
            self._writer.verify()
        if COUNTERS in self._verifies:
            self._database.verify()
        table = self.existing_table()
        if table is not None:
            table.removals.compact()

    def _forked(self) -> list[SupportsFork]:
        # Readers first: who was interrupted while he reads may still write, and then read on.
        return [*super()._forked(), self._reader.connections, self._writer, self._database]

    def close(self) -> None:
        """Write the uses, unless others write for long, and close for good."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._tasks is not None:
            self._tasks.close(self._timeout)
        began = monotonic() - self._timeout + _LAST
        with one_call(began), ExitStack() as closing:  # whatever fails
            if self._table is not None:
                closing.callback(self._table.closed)
            closing.callback(self._database.close)
            closing.callback(self._writer.close)
            closing.callback(self._reader.connections.close)
            closing.callback(super().close)

    def after_fork_in_child(self) -> None:
        super().after_fork_in_child()
        if self._tasks is not None:
            self._tasks.after_fork_in_child()
