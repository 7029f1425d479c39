"""Where processes with a memory cache show others what they count and hold.

A directory of this user on tmpfs: memory, not disk. The counts of all processes are summed. They
outlive the processes, until one begins while no other is there: like the entries, they are those
of a running application. What a process holds is a file that it replaces, and that readers
ignore once the process is gone.
"""

import fcntl
import json
import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from cachectl._backends.counter_database import CounterDatabase
from cachectl._backends.directory import PlaceRefused, claim, create_private, require_ours
from cachectl._backends.file_lock import wait_for_lock
from cachectl._metrics.counters import Batch, Counts, Series
from cachectl._metrics.program import this_program
from cachectl._metrics.sketches import Sketch
from cachectl._metrics.windows import Window
from cachectl._model.deadline import wait_anew
from cachectl._model.records import Usage
from cachectl._model.turn import Turn
from cachectl.errors import BackendError

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the directory itself is private
_WAITING: Final = 100
"""Batches that are kept while others have the counters locked."""
_log: Final = logging.getLogger("cachectl")


class SharedStatistics:
    """What is published under one name by the processes of this user. Who only observes changes nothing,
    and puts nothing aside.
    """

    def __init__(self, name: str, *, observe: bool) -> None:
        self._directory = _SHARED_MEMORY / f"cachectl-{os.geteuid()}-{name}"
        self._programs = self._directory / "programs.json"
        self._policies = self._directory / "policies.json"
        self._counters = CounterDatabase(self._directory, puts_aside=not observe)
        self._shown: dict[str, Usage] | None = None
        self._own_policies: dict[str, str] = {}
        self._waiting: list[Batch] = []
        self._told = ""

    def add(self, batch: Batch) -> None:
        """Add counts. A failure is logged, never raised; what could not be added is, the next time."""
        self._waiting.append(batch)
        del self._waiting[:-_WAITING]
        self._attempt("counters", self._add_waiting)
        for news in self._counters.look():
            _log.warning(news)

    def show(self, usage: dict[str, Usage]) -> None:
        """Replace this process's usage. A failure is logged, never raised."""
        if usage != (self._shown or {}) or (self._shown is not None and self._is_lost()):
            self._attempt("usage", partial(self._show, usage))

    def read(self, window: Window) -> dict[str, Counts]:
        return self._counters.read(window)

    def series(self, window: Window, parts: int, of: Collection[str] = ()) -> dict[str, Series]:
        return self._counters.series(window, parts, of)

    def sketches(self, window: Window, of: Collection[str]) -> dict[str, Sketch]:
        return self._counters.sketches(window, of)

    def usage(self) -> dict[str, Usage]:
        """Return the sum over all living processes."""
        total: dict[str, Usage] = {}
        if not require_ours(self._directory):
            return total
        for path in self._living():
            for namespace, figures in _read(path).items():
                entries, size, memory, expired, _ = figures  # all of which are counted
                held = total.get(namespace, Usage(expired_entries=0))
                total[namespace] = Usage(
                    held.entries + entries,
                    held.bytes + size,
                    (held.memory_bytes or 0) + memory,
                    (held.expired_entries or 0) + expired,
                )
        return total

    def policies(self) -> dict[str, str]:
        """Return what applications set of policies, by namespace."""
        if not require_ours(self._directory):
            return {}
        found = _content(self._policies)
        known = found.items() if isinstance(found, dict) else ()
        return {name: text for name, text in known if isinstance(text, str)}

    def store_policy(self, namespace: str, text: str) -> None:
        """Keep what an application set, as long as any is there. A failure is logged, never raised."""
        self._attempt("policies", partial(self._add_policy, namespace, text))

    def _add_policy(self, namespace: str, text: str) -> None:
        self._own_policies[namespace] = text
        with self._alone():
            self._write(self._policies, {**self.policies(), namespace: text})

    def _attempt(self, what: str, publish: Callable[[], None]) -> None:
        """Publish something, if there is a place for it. A failure is logged, never raised."""
        if not _SHARED_MEMORY.is_dir():
            return
        try:
            if self._shown is None or self._is_lost():
                self._begin()
            publish()
        except (BackendError, OSError) as error:
            said = error.what if isinstance(error, PlaceRefused) else str(error)
            level = logging.DEBUG if said == self._told else logging.WARNING  # once a second
            _log.log(level, "cannot publish the %s of the memory cache: %s", what, said)
            self._told = said

    def processes(self) -> int:
        """Return how many processes publish now."""
        if not require_ours(self._directory):
            return 0
        return len({path.stem.partition("-")[0] for path in self._living()})

    def programs(self) -> list[str]:
        """Return the programs whose counts are summed, also of those that have ended."""
        programs: list[str] = _content(self._programs) or []
        return programs

    def withdraw(self) -> None:
        """Remove this process's usage; its counts stay, also those that still wait."""
        wait_anew()
        with suppress(BackendError, OSError):
            self._add_waiting()
        if self._shown is not None:  # or what is there may be somebody else's
            with suppress(OSError):
                self._path().unlink()
        self.close()

    def close(self) -> None:
        """Read no more."""
        self._counters.close()

    def turns(self) -> Iterator[Turn]:
        """See `SupportsFork`."""
        return self._counters.turns()

    def before_fork(self) -> bool:
        """See `SupportsFork`."""
        return self._counters.before_fork()

    def after_fork_in_child(self) -> None:
        """See `SupportsFork`; what was shown is the parent's."""
        self._shown, self._waiting = None, []
        self._counters.after_fork_in_child()

    def _add_waiting(self) -> None:
        while self._waiting:
            batch = self._waiting[0]
            self._counters.add(batch)
            with suppress(ValueError):  # another thread, that ends the cache, added it as well
                self._waiting.remove(batch)

    def _begin(self) -> None:
        """Join those who publish; the first of them resets the counts."""
        with self._alone():
            if not list(self._living()):
                self._counters.reset()
                self._programs.unlink(missing_ok=True)
                self._policies.unlink(missing_ok=True)
            self._sign()
            if self._own_policies:  # which went with the directory
                self._write(self._policies, {**self.policies(), **self._own_policies})
            self._show({})

    def _is_lost(self) -> bool:
        """Whether somebody removed the directory, and so what this process signed."""
        return not self._programs.exists()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process change what is shared meanwhile."""
        claim(self._directory)
        lock = self._directory / "begin.lock"
        create_private(lock)
        with lock.open("rb") as file:
            wait_for_lock(file, "the shared counters")
            try:
                yield
            finally:  # also for processes that were forked meanwhile, which have the file open
                fcntl.flock(file, fcntl.LOCK_UN)

    def _living(self) -> Iterator[Path]:
        """Yield the usage files of living processes, and remove the others."""
        for path in sorted(self._directory.glob("*.usage")):
            pid = path.stem.partition("-")[0]
            if pid.isdecimal() and _alive(int(pid)):
                yield path
            else:
                path.unlink(missing_ok=True)

    def _sign(self) -> None:
        """Add this program to those that count here."""
        programs, own = self.programs(), this_program()
        if own not in programs:
            self._write(self._programs, [*programs, own])

    def _show(self, usage: dict[str, Usage]) -> None:
        self._write(self._path(), usage)
        self._shown = usage

    def _write(self, path: Path, content: object) -> None:
        draft = self._path().with_suffix(".draft")
        create_private(draft)
        draft.write_text(json.dumps(content))
        draft.replace(path)

    def _path(self) -> Path:
        """One file per cache object: a process may have several."""
        return self._directory / f"{os.getpid()}-{id(self):x}.usage"


def _read(path: Path) -> dict[str, list[int]]:
    """Return what a process holds; nothing if it went while we looked."""
    usage: dict[str, list[int]] = _content(path) or {}
    return usage


def _content(path: Path) -> Any:
    """Return what is in a file; None if there is none, or something else in it."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
