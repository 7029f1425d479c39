"""Where the five systems run: a home, an environment, and `config.example.toml` for all."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cachectl import AsyncCache, Cache
from cachectl._config import load
from cachectl.testing import Clock
from cachectl.testing.awaited import Awaited, EventLoop

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
        settings = load(EXAMPLE, environ={**self.variables, **variables})
        kind = Cache if self._engine == "threads" else AsyncCache
        opened: Any = kind.of(settings, clock=clock or self.clock)
        if isinstance(opened, AsyncCache):
            opened = Awaited(opened, self._loop)
        self._opened.append(opened)
        return self._opened[-1]

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start Python in another process; `Cache.open()` there finds the example."""
        return subprocess.Popen(
            [sys.executable, "-B", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "CACHECTL_CONFIG": str(EXAMPLE),
                **self.variables,
                **variables,
            },
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, **variables: str) -> str:
        """Return what another process of the application printed."""
        return output_of(self.start("-c", script, *arguments, **variables))

    def cachectl(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line as the operator of the application does."""
        process = self.start("-m", "cachectl", *arguments)
        output, errors = process.communicate(timeout=30)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def close(self) -> None:
        for cache in self._opened:
            cache.close()
        self._loop.close()


def output_of(process: "subprocess.Popen[str]") -> str:
    """Wait for a process and return what it printed; it must have succeeded."""
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    return output
