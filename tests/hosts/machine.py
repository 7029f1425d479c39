"""The machine on which a host runs: its processes, their descriptors, and what they counted."""

import json
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen
from typing import Self
from urllib.request import urlopen

from tests.hosts import KEYS
from tests.support.home import BIN, SECONDS, Home, patiently
from tests.support.processes import wait_until
from tests.support.servers import free_port

LIMIT = 10.0
"""Seconds in which a request must be answered, and in which a host that was ended must be gone."""
CLIENTS = 8
"""Requests that are under way at once."""
SLACK = 20
"""Descriptors that a process may have more after many requests than after some: of threads that had
nothing to do at first. What leaks with requests is a hundred and more."""


class Machine(Home):
    """A home whose hosts run `tests.hosts.application`."""

    def __init__(self, path: Path, **variables: str) -> None:
        self._notes = path / "notes"
        super().__init__(path, NOTES=str(self._notes), **variables)

    def noted(self) -> int:
        """Return how many lookups the application has noted."""
        return self._notes.stat().st_size if self._notes.exists() else 0

    def counted(self) -> int:
        """Return how many lookups there are for a process that looks from outside."""
        printed = self.run(str(BIN / "cachectl"), "stats", "greetings", "--format", "json").stdout
        figures = json.loads(printed)["namespaces"]["greetings"]
        lookups: int = figures["hits"] + figures["misses"] + figures["shared"]
        return lookups

    def processes(self) -> list[int]:
        """Return the processes that run here, in whatever group or session they are."""
        home = f"HOME={self.path}".encode()
        return [pid for pid in _pids() if home in _read(pid, "environ").split(b"\0")]

    def descriptors(self) -> dict[int, int]:
        """Return how many descriptors each of the processes has open."""
        counts = {}
        for pid in self.processes():
            with suppress(OSError):  # it has just ended
                counts[pid] = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        return counts

    def assert_flat(self, before: dict[int, int]) -> None:
        """Fail if one of the processes keeps more descriptors open than before."""

        def flat() -> bool:
            now = self.descriptors()
            return all(now.get(pid, 0) <= count + SLACK for pid, count in before.items())

        with suppress(AssertionError):
            wait_until(flat, LIMIT)
        assert flat(), f"{before} became {self.descriptors()}"

    def assert_gone(self) -> None:
        """Fail if a process is still there after its host has ended."""
        wait_until(lambda: not self.processes(), LIMIT)

    @contextmanager
    def serving(self, command: str) -> Iterator["Site"]:
        """Run a web server, `PORT` in its command being one of its own; all of it must end."""
        port = free_port()
        with self.running(command.replace("PORT", str(port))) as process:
            site = Site(port, process)
            patiently(lambda: site.ask(0), SECONDS)
            yield site
        self.assert_gone()

    def kill(self) -> None:
        """Leave nothing behind."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Site:
    """A web server and those who ask it, each request on a connection of its own."""

    def __init__(self, port: int, process: "Popen[bytes]") -> None:
        self.process = process
        self._port = port

    def ask(self, number: int, query: str = "") -> None:
        """Request a greeting, which must be the right one."""
        url = f"http://127.0.0.1:{self._port}/{number}{query}"
        with urlopen(url, timeout=LIMIT) as answer:
            assert answer.read() == f"Hello, {number % KEYS}!".encode()

    def ask_all(self, numbers: Iterable[int], query: str = "") -> Self:
        """Make many requests, `CLIENTS` at a time."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            for _ in clients.map(lambda number: self.ask(number, query), numbers):
                pass
        return self


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended
        return b""
