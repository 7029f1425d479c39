"""The blocks of a page, and the places in which they run: each test has an empty home of its own."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cachectl import Cache
from tests.support.processes import wait_until

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SECONDS = 60
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_ONLY_WHEN_ASKED = """
import cachectl._metrics.flusher
cachectl._metrics.flusher.INTERVAL = 3600.0
"""
"""Let nothing be handed over once a second, so that what is counted was handed over for good, and
what is lost does not depend on the second in which it was counted."""


class Block(NamedTuple):
    """A fenced block: its language, the name of its file if it has one, and where it stands."""

    language: str
    title: str
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return all blocks of a page."""
    text = page.read_text()
    return [
        Block(found[1], found[2] or "", found[3], text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


class Home:
    """A user with an empty home, in which programs are started."""

    def __init__(self, path: Path, **variables: str) -> None:
        self.path = path
        hooks = path / "hooks"
        hooks.mkdir()
        (hooks / "sitecustomize.py").write_text(_ONLY_WHEN_ASKED)
        self.environment = {
            "HOME": str(path),
            "PATH": f"{BIN}:/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join([str(hooks), str(path), str(ROOT)]),
            "PYTHONUNBUFFERED": "1",
            **variables,
        }

    def write(self, name: str, code: str) -> Path:
        """Put a block where it says that it is."""
        path = self.path / name
        path.write_text(code)
        return path

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, which must be a success."""
        ended = subprocess.run(
            command, cwd=self.path, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=SECONDS,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout
        return ended

    @contextmanager
    def running(self, command: str) -> "Iterator[subprocess.Popen[bytes]]":
        """Run a server; at the end it is terminated, and must end."""
        program, *arguments = shlex.split(command)
        log = self.path / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(BIN / program), *arguments], cwd=self.path, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0,
            )  # fmt: skip
        try:
            yield process
            assert process.poll() is None, log.read_text()
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def lookups(self, namespace: str) -> int:
        """Return how many lookups all programs together have handed over."""
        with Cache.open(directory=self.path / ".cache" / "cachectl") as cache:
            counted = cache.stats(namespace).namespaces[namespace]
            return counted.hits + counted.misses


def patiently(attempt, seconds: float = SECONDS):
    """Return what `attempt` returns, as soon as it raises no `OSError`."""
    results: list[object] = []

    def succeeds() -> bool:
        try:
            results.append(attempt())
        except OSError:
            return False
        return True

    wait_until(succeeds, seconds)
    return results[0]


def any_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
