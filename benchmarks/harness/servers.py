"""A Redis server for a while: on a socket in a temporary directory, saving nothing."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import redis

_START_SECONDS = 10.0


class Server(NamedTuple):
    """A running server: its Unix socket and its process id."""

    socket: Path
    pid: int

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self) -> "redis.Redis":
        """Return redis-py as a user would make it."""
        return redis.Redis(unix_socket_path=str(self.socket))


@contextmanager
def redis_server() -> Iterator[Server]:
    """Run a server, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        socket = Path(directory, "redis.sock")
        command = ["redis-server", "--port", "0", "--unixsocket", str(socket)]
        command += ["--dir", directory, "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        server = Server(socket, process.pid)
        try:
            _wait(server)
            yield server
        finally:
            process.terminate()
            process.wait()


@contextmanager
def placed(server: Server, *, apart: bool) -> Iterator[None]:
    """Keep the server and this thread on one core, or on two, where the system can do that.

    Left alone, they do now this and now that. On one core only work takes time; on two, each
    exchange also waits for the other core to wake up, which can take longer than the work.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    os.sched_setaffinity(server.pid, {max(cores) if apart else min(cores)})
    try:
        yield
    finally:
        for process in (0, server.pid):
            os.sched_setaffinity(process, cores)


def _wait(server: Server) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with server.client() as client:
                client.ping()
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
