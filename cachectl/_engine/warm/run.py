"""Warming: what sources yield is written to a cache, and everything is accounted for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic
from traceback import extract_tb
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from cachectl._engine.namespace import Namespace
from cachectl._engine.warm.batch_writer import BatchWriter
from cachectl._engine.warm.fates import Fates
from cachectl._engine.warm.loads import Loaded, Loads
from cachectl._engine.warm.records import Found, Load, Position, Record, Refused, Skipped, Source
from cachectl._engine.warm.report import Progress, WarmCounts, WarmReport
from cachectl._metrics.events import Listener
from cachectl._model.arguments import check_whole, plain
from cachectl._model.outcome import Outcome
from cachectl._model.policy import Limits
from cachectl._model.records import Lease, Usage
from cachectl.errors import BackendError, UsageError

if TYPE_CHECKING:
    import asyncio

JOBS: Final = 4
"""Loaders that run at once unless the caller says otherwise."""

_PROGRESS_SECONDS: Final = 0.1
_FLUSH_SECONDS: Final = 1.0  # for a cache without a thread that does it


class Target(Protocol):
    """What is warmed: a cache for threads, or what another has of one."""

    def namespace(self, name: str) -> Namespace: ...

    def observe(self, listener: Listener) -> Callable[[], None]: ...

    def flush(self) -> None: ...

    def usage(self, *names: str) -> Mapping[str, Usage]: ...

    @property
    def limits(self) -> Limits: ...


class WarmOptions(NamedTuple):
    """How a warm-up is done: so many loaders at once, async ones in the given event loop. It ends
    early once it `is_stopped`.

    What is fresh is left alone: keys of loaders unless all is to be `refresh`ed, and records, too, if
    they are to `spare` it. With `hash_keys`, keys that are not made of features are stored as their
    SHA-256; loaders get them as they are. A dry run checks everything, and neither writes nor loads.
    """

    jobs: int = JOBS
    hash_keys: bool = False
    dry_run: bool = False
    spare: bool = False
    refresh: bool = False
    loop: "asyncio.AbstractEventLoop | None" = None
    is_stopped: Callable[[], bool] = lambda: False


DEFAULTS: Final = WarmOptions()


def warm(
    target: Target,
    sources: Iterable[Source],
    options: WarmOptions = DEFAULTS,
    *,
    progress: Callable[[Progress], None] | None = None,
    counts: WarmCounts | None = None,
) -> WarmReport:
    """Write what the sources yield, and return the report.

    An item that cannot be written is a failure in the report and stops nothing. What a loader brings
    is stored unless its key was removed or replaced meanwhile. `progress` is called about ten times
    a second and at the end of each source. Raises `BackendError` if the cache is strict; `counts`, if
    given, then say what was done before.
    """
    check_whole("jobs", options.jobs, 1)
    counts = WarmCounts() if counts is None else counts
    fates = Fates(target.limits)
    writer = BatchWriter(
        target.namespace, counts, fates, hash_keys=options.hash_keys, dry_run=options.dry_run
    )
    run = _Run(writer, counts, progress or (lambda _: None), target.flush, options)
    stop_listening = target.observe(fates)
    try:
        with counts.timed():
            run.all(list(sources))
            run.flush()
    except BaseException:
        counts.follow(fates, fates.found())
        raise
    finally:
        stop_listening()
    counts.follow(fates, fates.foretold() if options.dry_run else fates.found(target))
    return counts.report()


class _Run:
    def __init__(
        self,
        writer: BatchWriter,
        counts: WarmCounts,
        progress: Callable[[Progress], None],
        flush: Callable[[], None],
        options: WarmOptions,
    ) -> None:
        self._counts = counts
        self._flush = flush
        self._progress = progress
        self._writer = writer
        self._options = options
        self._loads = Loads(options.jobs, options.loop)
        self._told_at = self._flushed_at = monotonic()

    def all(self, sources: list[Source]) -> None:
        try:
            for source in sources:
                self._read(source)
        finally:
            for load, lease in self._loads.close():
                self._writer.release(load, lease)

    def flush(self) -> None:
        """Write counts, and hold limits over all namespaces; what is written raises, if need be."""
        with suppress(BackendError):
            if not self._options.dry_run:
                self._flush()

    def _read(self, source: Source) -> None:
        position = Position(source.name, None, 0)
        for item in _items(source):
            if self._options.is_stopped():
                return
            position = item.position
            if isinstance(item, Skipped):
                self._counts.skip(item.position, item.reason)
            else:
                self._counts.read += 1
                self._take(item)
            now = monotonic()
            if now - self._told_at >= _PROGRESS_SECONDS:
                self._tell(source, position)
            if now - self._flushed_at >= _FLUSH_SECONDS:
                self._flushed_at = now
                self.flush()
        while not self._loads.idle:
            self._collect()
        self._writer.flush()
        self._tell(source, position)

    def _take(self, item: Record | Load | Refused) -> None:
        if isinstance(item, Refused):
            self._counts.fail(item.position, item.reason)
            return
        try:
            if self._is_to_stay(item):
                self._counts.fresh += 1
            elif isinstance(item, Record):
                self._writer.add(item)
            else:
                self._load(item)
        except UsageError as error:
            self._counts.fail(item.position, plain(error))

    def _is_to_stay(self, item: Record | Load) -> bool:
        options = self._options
        looks = not options.refresh and (options.spare or isinstance(item, Load))
        return looks and self._writer.has(item.namespace, item.key)

    def _load(self, load: Load) -> None:
        if self._loads.full:
            self._collect()
        if self._options.is_stopped():
            return
        if self._options.dry_run:
            self._writer.would_load(load)
            return
        lease = self._writer.lease(load)
        if lease is None:
            self._counts.fail(load.position, Outcome.UNAVAILABLE.value)
        else:
            self._loads.start(load, lease)

    def _collect(self) -> None:
        """Wait for loads and write what they brought at once: it was expensive to make."""
        for load, lease, future in self._loads.ended():
            self._loaded(load, lease, future)

    def _loaded(self, load: Load, lease: Lease, future: "Future[Loaded]") -> None:
        error = future.exception()
        if error is None:
            loaded = future.result()
            self._writer.add_loaded(load, lease, loaded.value, loaded.load_us)
        else:
            self._writer.release(load, lease)
            self._counts.fail(load.position, _described(error))

    def _tell(self, source: Source, position: Position) -> None:
        self._told_at = monotonic()
        done = self._counts
        self._progress(
            Progress(
                source.name, position.end, source.total,
                done.read, done.written, done.fresh, done.failed,
            )
        )  # fmt: skip


def _items(source: Source) -> Iterator[Found]:
    """Yield the items of a source, and one more if it cannot be read to its end."""
    end = 0
    try:
        for item in source.items():
            end = item.position.end
            yield item
    except (OSError, UsageError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        yield Refused(Position(source.name, None, end), f"cannot be read: {reason}")


def _described(error: BaseException) -> str:
    """Return what a loader raised and where: its message may hold what is secret."""
    frames = extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"the loader raised {type(error).__qualname__}{where}"
