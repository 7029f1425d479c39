"""Where the five systems run: a home, an environment, and `config.example.toml` for all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cachectl import AsyncCache, Cache, Settings
from cachectl._config import load
from cachectl.testing import Clock
from cachectl.testing.awaited import Awaited, EventLoop
from tests.support.nursery import Forked
from tests.systems.service import SECONDS, Service

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.toml"


class Host:
    """A machine with a home of its own, on which applications open `config.example.toml`.

    `variables` are what its environment holds beside `HOME`; `engine` is that of the caches.
    """

    def __init__(self, home: Path, clock: Clock, variables: dict[str, str], engine: str) -> None:
        self.home = home
        self.clock = clock
        self.variables = {"HOME": str(home), "CACHECTL_MEMORY__PUBLISH": "false", **variables}
        self._engine = engine
        self._loop = EventLoop()
        self._opened: list[Cache] = []

    @property
    def directory(self) -> Path:
        """Where the file backend of the example keeps everything."""
        return self.home / ".cache/cachectl"

    def open(self, *, clock: Callable[[], float] | None = None, **variables: str) -> Cache:
        """Open the cache as an application does, with these variables set in addition."""
        kind = Cache if self._engine == "threads" else AsyncCache
        opened: Any = kind.of(self._settings(variables), clock=clock or self.clock)
        if isinstance(opened, AsyncCache):
            opened = Awaited(opened, self._loop)
        self._opened.append(opened)
        return self._opened[-1]

    def open_for_tasks(
        self, *, clock: Callable[[], float] | None = None, **variables: str
    ) -> AsyncCache:
        """Open one that is awaited, as an asynchronous application does; it closes it, too."""
        return AsyncCache.of(self._settings(variables), clock=clock or self.clock)

    def _settings(self, variables: dict[str, str]) -> Settings:
        return load(EXAMPLE, environ={**self.variables, **variables})

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start Python in another process; `Cache.open()` there finds the example."""
        return Forked(
            [sys.executable, *arguments],
            env=self._environment(variables),
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CACHECTL_CONFIG": str(EXAMPLE),
            **self.variables,
            **variables,
        }

    def run(self, script: str, *arguments: str, **variables: str) -> str:
        """Return what another process of the application printed."""
        return output_of(self.start("-c", script, *arguments, **variables))

    @contextmanager
    def serve(self, module: str, *arguments: str, **variables: str) -> Iterator[Service]:
        """Run an application that answers requests until the end of the body."""
        process = self.start("-m", module, *arguments, **variables)
        try:
            yield Service(process)
            process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            process.communicate()

    def cachectl(
        self, *arguments: str, text: str = "", **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command line as the operator of the application does, with a text on stdin."""
        process = self.start("-m", "cachectl", *arguments, **variables)
        output, errors = process.communicate(text, timeout=SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def content(self, *arguments: str) -> bytes:
        """Return what `cachectl get` writes into a pipe."""
        process: Forked[bytes] = Forked(
            [sys.executable, "-m", "cachectl", "get", *arguments],
            env=self._environment({}),
            cwd=self.home,
            stdout=subprocess.PIPE,
        )
        content, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        return content

    def figures(self, *arguments: str) -> dict[str, Any]:
        """Return the document that `cachectl stats` prints."""
        ended = self.cachectl("stats", *arguments, "--format", "json")
        assert ended.returncode == 0, ended.stderr
        document: dict[str, Any] = json.loads(ended.stdout)
        return document

    def close(self) -> None:
        for cache in self._opened:
            cache.close()
        self._loop.close()


def output_of(process: "subprocess.Popen[str]") -> str:
    """Wait for a process and return what it printed; it must have succeeded."""
    output, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    return output
