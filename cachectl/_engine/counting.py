"""What one cache counts, and how that reaches its backend."""

from collections.abc import Callable

from cachectl._backends.protocols import Backend, SupportsFork
from cachectl._metrics.counters import Counts
from cachectl._metrics.events import Listeners
from cachectl._metrics.flusher import Flusher
from cachectl._metrics.recorder import Recorder, log
from cachectl._metrics.windows import Window
from cachectl._metrics.write_behind import CounterBuffer
from cachectl.errors import BackendError


class Counting:
    """Recorders of namespaces, the buffer behind them, and the thread that flushes for `flush`.

    A `strict` cache has no thread: it is flushed when it is closed, or asked for figures. A fork
    is told to this object, for its cache.
    """

    def __init__(
        self,
        backend: Backend,
        flush: Callable[[], None],
        close: Callable[[], None],
        clock: Callable[[], float],
        *,
        strict: bool,
    ) -> None:
        self.listeners = Listeners()
        self.buffer = CounterBuffer(backend.counters, clock)
        self.flusher = Flusher(flush, close)
        self._backend = backend
        self._flush = flush
        self._strict = strict
        self._recorders: dict[str, Recorder] = {}

    def start(self) -> None:
        """Begin to flush once a second, unless the cache is strict."""
        if not self._strict:
            self.flusher.start()

    def recorder(self, name: str, *, counting: bool) -> Recorder:
        """Return the recorder of a namespace; one that is new counts or does not."""
        if name not in self._recorders:
            counters = self.buffer.counters(name, self.start)
            self._recorders[name] = Recorder(name, counters, self.listeners, counting=counting)
        return self._recorders[name]

    def read(self, window: Window) -> dict[str, Counts]:
        """Return what all processes counted; of this one alone while that cannot be had."""
        try:
            self._flush()
            return self._backend.counters.read(window)
        except BackendError as error:
            if self._strict:
                raise
            log.warning("only counts that are not written yet are reported: %s", error)
            return self.buffer.pending()

    def before_fork(self) -> None:
        """See `SupportsFork`."""
        if isinstance(self._backend, SupportsFork):
            self._backend.before_fork()

    def after_fork_in_parent(self) -> None:
        """See `SupportsFork`."""
        if isinstance(self._backend, SupportsFork):
            self._backend.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """See `SupportsFork`; what was counted is the parent's to write."""
        self.buffer.reset()
        self.flusher.reset()
        if isinstance(self._backend, SupportsFork):
            self._backend.after_fork_in_child()
