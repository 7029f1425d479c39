"""The thread that flushes once a second, and once more when the process ends."""

import atexit
import logging
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Final, Protocol

from cachectl._metrics.troubles import Troubles
from cachectl.errors import BackendBusy, BackendError, BackendUnavailable

INTERVAL: Final = 1.0
"""Seconds between two flushes: counts of that long are lost with a process that is killed and had
no slot."""

log: Final = logging.getLogger("cachectl")


_PATIENCE: Final = 1.0
"""Seconds that whoever stops the thread waits for what it is just doing."""


class Publisher(Protocol):
    """Shows to other processes what this one is in."""

    def show(self) -> None:
        """Show it, if it is not shown yet."""

    def withdraw(self) -> None:
        """Show nothing any more."""


class Flush(Protocol):
    """Writes counts and uses."""

    def __call__(self, *, all_uses: bool) -> None:
        """Write counts, and all uses or those that others need to know by now."""


class Flusher:
    """A thread that calls `flush` every `INTERVAL` and shows what the cache is in, and once more when
    the process ends.
    """

    def __init__(
        self,
        flush: Flush,
        close: Callable[[], None],
        troubles: Troubles,
        publisher: Publisher | None,
    ) -> None:
        self._flush = flush
        self._close = close
        self._troubles = troubles
        self._publisher = publisher
        self._abandoned = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._lock:
            if self._stop.is_set() or (self._thread and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="cachectl-flush", daemon=True)
            self._thread.start()
        _flush_at_exit(self)

    def stop(self) -> None:
        """End the thread; it does not call `flush` again."""
        self._stop.set()
        thread = self._thread
        if thread and thread.is_alive() and thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def abandon(self) -> None:
        """Let the thread, if there is one, call `close` and end: nobody else will."""
        self._abandoned = True
        self._stop.set()

    def reset(self) -> None:
        """Forget the thread, which a forked process does not inherit."""
        self._lock = threading.RLock()
        self._thread = None
        _running.discard(self)

    def flush(self) -> None:
        """Flush once, as the process is about to end."""
        if not self._stop.is_set():
            self._flush_logged(all_uses=True)
            if self._publisher is not None:
                self._publisher.withdraw()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._flush_logged(all_uses=False)
            self._show()
        if self._abandoned:
            self._close()

    def _show(self) -> None:
        try:
            if self._publisher is not None:
                self._publisher.show()
        except Exception:  # which must not end the thread either
            log.exception("what this process is in is not published because of a bug")

    def _flush_logged(self, *, all_uses: bool) -> None:
        try:
            self._flush(all_uses=all_uses)
        except (BackendUnavailable, BackendBusy) as error:  # which is told elsewhere, or over soon
            log.debug("counts are not written yet: %s", str(error))
        except BackendError as error:
            level = logging.WARNING if self._troubles.is_news(error, "") else logging.DEBUG
            log.log(level, "not all counts and uses are written yet: %s", str(error))
        except Exception:
            log.exception(
                "counts are not written because of a bug"
            )  # which must not end the thread


_running: Final[weakref.WeakSet[Flusher]] = weakref.WeakSet()


def _flush_at_exit(flusher: Flusher) -> None:
    if not _running:
        atexit.register(_flush_all)
    util = sys.modules.get("multiprocessing.util")
    if util is not None and flusher not in _running:
        # A multiprocessing child ends without `atexit`, but runs these.
        util.Finalize(None, _flush_all, exitpriority=10)
    _running.add(flusher)


def _flush_all() -> None:
    for flusher in list(_running):
        flusher.flush()
