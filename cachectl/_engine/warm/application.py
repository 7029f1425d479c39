"""Warming from an application: what `Cache.warm` and `AsyncCache.warm` are given becomes sources."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cachectl._engine.handle import Handle
from cachectl._engine.options import LoadOptions
from cachectl._engine.warm.records import Source
from cachectl._engine.warm.report import WarmReport
from cachectl._engine.warm.run import Target, WarmOptions, warm
from cachectl._engine.warm.sources import open_source
from cachectl._engine.warm.sources.memory import KeysSource, WritesSource
from cachectl._model.arguments import check_flag, passed_to
from cachectl._model.loops import running_loop
from cachectl._model.write import Write
from cachectl.errors import UsageError


class Wanted(NamedTuple):
    """What an application wants in its cache, and how; see `Cache.warm`."""

    manifests: Sequence[str | os.PathLike[str]]
    namespace: str | None
    writes: Iterable[Write] | Mapping[str, object] | None
    keys: Iterable[str] | None
    loader: Callable[[str], Any] | None
    load: LoadOptions
    refresh: bool
    jobs: int

    def warm(self, target: Target) -> WarmReport:
        """Warm a cache."""
        return self._warm(target, WarmOptions(self.jobs, spare=True, refresh=self.refresh))

    async def warm_for_tasks(self, handle: Handle) -> WarmReport:
        """Do so in a thread, which stops where the task is cancelled; async loaders run in this loop."""
        stop = threading.Event()
        loop = running_loop()
        options = WarmOptions(
            self.jobs, spare=True, refresh=self.refresh, loop=loop, is_stopped=stop.is_set
        )
        try:
            return await handle.in_thread_of_its_own(self._warm, handle, options)
        finally:
            stop.set()

    def _warm(self, target: Target, options: WarmOptions) -> WarmReport:
        with passed_to("warm"):
            sources = self.sources()
            check_flag("refresh", self.refresh)
        return warm(target, sources, options)

    def sources(self) -> list[Source]:
        """Return what to read. Raises `UsageError` for what cannot be, before anything is written."""
        sources = [open_source(manifest, self.namespace) for manifest in self.manifests]
        if self.writes is not None:
            sources.append(WritesSource(self._named("writes="), self.writes))
        if self.keys is not None and self.loader is not None:
            sources.append(KeysSource(self._named("keys="), self.keys, self.loader, self.load))
        elif self.keys is not None or self.loader is not None:
            raise UsageError("keys= and loader= go together")
        if not sources:
            raise UsageError("nothing to warm from: a manifest, writes=, or keys= with loader=")
        return sources

    def _named(self, what: str) -> str:
        if self.namespace is None:
            raise UsageError(f"{what} needs namespace=")
        return self.namespace
