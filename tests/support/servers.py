"""Real Redis servers for the tests, each started by them and ended by its process id.

Nothing here connects to a server that it did not start.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import redis

from cachectl._backends.redis.backend import RedisBackend
from cachectl._engine.publishing import places

_START_SECONDS = 10
_RESERVED: list[socket.socket] = []


class Server(NamedTuple):
    """A running server: `url` is its socket's, or its port's if it listens on one."""

    url: str
    socket: Path
    process: "subprocess.Popen[bytes]"

    def client(self, **settings) -> redis.Redis:
        """Return a plain client, to look behind the back of the code under test."""
        return redis.Redis(unix_socket_path=str(self.socket), **settings)


@contextmanager
def redis_server(*arguments: str, port: int | None = None) -> Iterator[Server]:
    """Run a server that saves nothing, in a directory of its own; stop it at the end."""
    binary = shutil.which("redis-server")
    assert binary, "redis-server is not installed: apt-get install redis-server"
    with tempfile.TemporaryDirectory(prefix="cc-") as directory:  # socket paths are short
        path = Path(directory, "redis.sock")
        command = [binary, "--port", str(port or 0), "--unixsocket", str(path), "--dir", directory]
        command += ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *arguments]
        log = Path(directory, "log")
        with log.open("wb") as output:
            # A group of its own: a stopped process makes the kernel hang up an orphaned group.
            process = subprocess.Popen(command, stdout=output, stderr=output, process_group=0)
        try:
            _wait(process, path, log)
            url = f"redis://127.0.0.1:{port}/0" if port else f"unix://{path}?db=0"
            forget(url)
            yield Server(url, path, process)
            forget(url)
        finally:
            process.kill()
            process.wait()


def forget(url: str) -> None:
    """Remove what processes counted or removed, and could not tell another server at this address."""
    for place in places(RedisBackend(url=url)):
        for kind in ("applications", "slots", "journal"):
            beside = place.with_name(place.name.replace("applications", kind))
            shutil.rmtree(beside, ignore_errors=True)


def free_port() -> int:
    """Return a port on which nobody listens, low enough for a cluster bus 10000 above it. Until this
    process ends no other run of tests gets it, nor a client: only a server that is told of it.
    """
    for port in range(21_000, 31_000):
        reserved = socket.socket()
        try:
            reserved.bind(("127.0.0.1", port))
        except OSError:
            reserved.close()
            continue
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # servers set it as well
        _RESERVED.append(reserved)
        forget(f"redis://127.0.0.1:{port}/0")
        return port
    raise AssertionError("no port is free")


def _wait(process: "subprocess.Popen[bytes]", path: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _accepts(path):
        running = process.poll() is None and time.monotonic() < deadline
        assert running, f"redis-server did not start:\n{log.read_text()}"
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.01)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
