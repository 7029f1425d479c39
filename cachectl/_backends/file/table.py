"""The table of entries of all namespaces: each method one transaction, among many processes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file import bulk
from cachectl._backends.file.reader import key_range
from cachectl._backends.file.rows import Rows, row_key
from cachectl._backends.file.value_files import ROW_LIMIT, ValueFiles
from cachectl._backends.file.writer import Writer
from cachectl._backends.sqlite import translated
from cachectl._model.batches import BATCH, batches
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, CleanupStep, Condition, Item, Removed, Written

_DUE_PER_WRITE: Final = 100

_Placed = tuple[Item, str | None]
"""An item, and the file that holds its value if that is large."""


class EntryTable:
    """Entries of all namespaces."""

    def __init__(self, directory: Path, writer: Writer) -> None:
        self._writer = writer
        self._files = ValueFiles(directory)

    def put(
        self,
        namespace: str,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None,
        access_log: AccessLog,
        *,
        check_limits: bool,
    ) -> Written:
        """Write items, then hold the limits.

        The uses that `access_log` noted are handed over only if something is to be evicted, and
        what is replaced is noted there as well: to move its row now would double the pages that
        are written. An order that is not of use alone is told at once. `look` says whether to
        look also for what others did, and for what has expired.
        """
        used: list[tuple[str, int]] = []
        stored = expired = 0
        evicted: list[str] = []
        filenames = self._write_files(items)
        try:
            with self._rows(namespace) as table:
                table.follow(limits.eviction)
                if check_limits:
                    access_log.advance(table.newest())
                    table.forget_other_order()
                if table.ordered:  # what was used counts before what is written
                    _write_uses(table, access_log, used)
                for run in _without_repeats(list(zip(items, filenames, strict=True))):
                    more, outdated = _write(table, run, now, condition, access_log)
                    stored, expired = stored + more, expired + outdated
                if check_limits:
                    expired += table.remove_expired(now, _DUE_PER_WRITE)[0].entries
                if (check_limits or table.grown) and table.exceeded(limits):
                    _write_uses(table, access_log, used)
                    evicted = table.evict_all(limits)
                table.rebalance(stored)
        except BaseException:
            access_log.requeue(used)
            self._files.remove_all(filenames)
            raise
        return Written(stored, expired, tuple(evicted))

    def touch(self, namespace: str, access_log: AccessLog) -> None:
        """Write when keys were last used."""
        used = access_log.drain()
        try:
            for batch in batches(used):
                with self._rows(namespace) as table:
                    table.touch(batch)
        except BaseException:
            access_log.requeue(used)
            raise

    def remove(self, namespace: str, keys: Sequence[str]) -> Removed:
        """Remove these keys; at most `BATCH` of them."""
        names = [row_key(namespace, key) for key in keys]
        with self._rows(namespace) as table:
            return table.remove(bulk.keys(len(names)), *names)

    def remove_expired(self, namespace: str, key: str, now: float) -> Removed:
        """Remove one key if it expired by `now`."""
        with self._rows(namespace) as table:
            return table.remove(bulk.IF_EXPIRED, row_key(namespace, key), now)

    def remove_tagged(self, namespace: str, tag: str) -> Removed:
        """Remove some entries that carry `tag`; nothing if there are none."""
        with self._rows(namespace) as table:
            return table.remove(bulk.TAGGED, tag, *key_range(namespace), BATCH)

    def clear(self, namespace: str) -> Removed:
        """Remove some entries; nothing if there are none."""
        with self._rows(namespace) as table:
            removed = table.keep_only(bulk.OTHERS)
            if not removed.entries:
                removed = table.remove(bulk.ALL, BATCH)
            table.forget_order()
            return removed

    def cleanup(self, namespace: str, rule: CleanupRule) -> CleanupStep:
        """Remove some entries that `rule` condemns; nothing if there are none."""
        with self._rows(namespace) as table:
            expired = table.keep_only(bulk.FRESH, rule.now)
        more = True
        while more and not expired.entries:  # each time in a transaction of its own
            with self._rows(namespace) as table:
                expired, more = table.remove_expired(rule.now, BATCH)
        if expired.entries:
            return CleanupStep(expired)
        with self._rows(namespace) as table:
            if rule.idle_before is not None:
                idle, keys = table.remove_idle(rule.idle_before, BATCH)
                if idle.entries:
                    return CleanupStep(evicted=idle, evicted_keys=tuple(keys))
            removed, keys = table.evict(rule.limits)
            return CleanupStep(evicted=removed, evicted_keys=tuple(keys))

    def has_file(self, filename: str) -> bool:
        """Return whether an entry has its value in this file."""
        select = "SELECT 1 FROM Cache WHERE filename = ?"
        with self._writer as connection:
            return connection.execute(select, (filename,)).fetchone() is not None

    def _rows(self, namespace: str) -> Rows:
        return Rows(self._writer, self._files, namespace)

    def _write_files(self, items: Sequence[Item]) -> list[str | None]:
        """Write the large values to files, before any lock is held."""
        names: list[str | None] = []
        try:
            for item in items:
                if len(item.data) > ROW_LIMIT:
                    self._writer.open()
                    names.append(self._files.write(item.data))
                else:
                    names.append(None)
        except BaseException as error:
            self._files.remove_all(names)
            if isinstance(error, OSError):
                raise translated("the cache", error) from None
            raise
        return names


def _write_uses(table: Rows, access_log: AccessLog, used: list[tuple[str, int]]) -> None:
    """Note the uses, and add them to those to be taken back if the transaction fails."""
    more = access_log.drain()
    used += more
    table.touch(more)


def _write(
    table: Rows,
    items: Sequence[_Placed],
    now: float,
    condition: Condition | None,
    access_log: AccessLog,
) -> tuple[int, int]:
    """Write items whose keys differ. Return how many, and how many replaced an expired entry."""
    new: list[tuple[Item, int, str | None]] = []
    replaced = expired = 0
    for (item, filename), old in zip(items, table.find([item for item, _ in items]), strict=True):
        fresh = old is not None and not old.expired(now)
        if condition and fresh != (condition == "present"):
            table.unlinked.append(filename)
        elif old is None:
            new.append((item, access_log.stamp(now), filename))
        else:
            stamp = access_log.stamp(now) if table.ordered else access_log.record(item.key, now)
            table.replace(item, old, stamp, filename)
            replaced += 1
            expired += not fresh
    table.insert(new)
    return len(new) + replaced, expired


def _without_repeats(items: Sequence[_Placed]) -> Iterator[Sequence[_Placed]]:
    """Yield the items in lists in which no key comes twice."""
    if len(items) == 1:
        yield items
        return
    run: list[_Placed] = []
    keys: set[str] = set()
    for item, filename in items:
        if item.key in keys:
            yield run
            run, keys = [], set()
        run.append((item, filename))
        keys.add(item.key)
    yield run
