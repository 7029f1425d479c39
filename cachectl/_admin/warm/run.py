"""Warming: what sources yield is written to a cache, and everything is accounted for."""

from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from traceback import extract_tb
from typing import Final

from cachectl._admin.warm.batch_writer import BatchWriter
from cachectl._admin.warm.loads import Loaded, Loads
from cachectl._admin.warm.records import Load, Position, Record, Refused, Source
from cachectl._admin.warm.report import Progress, WarmReport
from cachectl._engine.cache import Cache
from cachectl._model.codecs import encode
from cachectl.errors import UsageError

JOBS: Final = 4
"""Loaders that run at once unless the caller says otherwise."""

_PROGRESS_SECONDS: Final = 0.1


def warm(
    cache: Cache,
    sources: Iterable[Source],
    *,
    progress: Callable[[Progress], None] | None = None,
    jobs: int = JOBS,
    report: WarmReport | None = None,
    hash_keys: bool = False,
) -> WarmReport:
    """Write what the sources yield, and return the report.

    An item that cannot be written is a failure in the report and stops nothing. Keys of loaders
    that are fresh are left alone; up to `jobs` loaders run at once. `progress` is called about
    ten times a second and at the end of each source. With `hash_keys`, keys that are not made of
    features are stored as their SHA-256; loaders get them as they are. Raises `BackendError` if the cache is
    strict; `report`, if given, then says what was done before.
    """
    if jobs < 1:
        raise UsageError(f"at least one job is needed, not {jobs}")
    report = WarmReport() if report is None else report
    run = _Run(
        BatchWriter(cache, report, hash_keys=hash_keys), report, progress or (lambda _: None), jobs
    )
    with report.timed():
        run.all(list(sources))
    return report


class _Run:
    def __init__(
        self,
        writer: BatchWriter,
        report: WarmReport,
        progress: Callable[[Progress], None],
        jobs: int,
    ) -> None:
        self._report = report
        self._progress = progress
        self._writer = writer
        self._loads = Loads(jobs)
        self._told_at = monotonic()

    def all(self, sources: list[Source]) -> None:
        try:
            for source in sources:
                self._read(source)
        finally:
            self._loads.close()

    def _read(self, source: Source) -> None:
        position = Position(source.name, None, 0)
        for item in _items(source):
            position = item.position
            self._report.read += 1
            self._take(item)
            if monotonic() - self._told_at >= _PROGRESS_SECONDS:
                self._tell(source, position)
        while not self._loads.idle:
            self._collect()
        self._writer.flush()
        self._tell(source, position)

    def _take(self, item: Record | Load | Refused) -> None:
        if isinstance(item, Record):
            self._writer.add(item)
        elif isinstance(item, Load):
            self._load(item)
        else:
            self._report.fail(item.position, item.reason)

    def _load(self, load: Load) -> None:
        try:
            fresh = self._writer.has(load.namespace, load.key)
        except UsageError as error:
            self._report.fail(load.position, str(error))
            return
        if fresh:
            self._report.fresh += 1
            return
        if self._loads.full:
            self._collect()
        self._loads.start(load)

    def _collect(self) -> None:
        """Wait for loads and write what they brought at once: it was expensive to make."""
        for load, future in self._loads.ended():
            error = future.exception()
            if error is None:
                self._loaded(load, future.result())
            else:
                self._report.fail(load.position, _described(error))
        self._writer.flush()

    def _loaded(self, load: Load, loaded: Loaded) -> None:
        try:
            size = len(encode(loaded.value)[1])
        except UsageError as error:
            self._report.fail(load.position, str(error))
            return
        self._writer.add(
            Record(
                load.position, load.namespace, load.key, loaded.value, size, load_us=loaded.load_us
            )
        )

    def _tell(self, source: Source, position: Position) -> None:
        self._told_at = monotonic()
        done = self._report
        self._progress(
            Progress(
                source.name, position.end, source.total,
                done.read, done.written, done.fresh, done.failed,
            )
        )  # fmt: skip


def _items(source: Source) -> Iterator[Record | Load | Refused]:
    """Yield the items of a source, and one more if it cannot be read to its end."""
    end = 0
    try:
        for item in source.items():
            end = item.position.end
            yield item
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        yield Refused(Position(source.name, None, end), reason)


def _described(error: BaseException) -> str:
    """Return what a loader raised and where: its message may hold what is secret."""
    frames = extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"the loader raised {type(error).__qualname__}{where}"
