"""What can be wrong with the place of a cache: each is entered when it holds some entries and an
application uses it, and ends when it is set right.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import redis

from tests.cli.support.tool import Tool
from tests.support.locked import locked
from tests.support.servers import free_port, redis_server


class Ground(NamedTuple):
    """The place of a cache: what messages call it, the tool that uses it, and its server if it has
    one.
    """

    place: str
    tool: Tool
    port: int = 0
    servers: ExitStack = ExitStack()

    @property
    def server(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def start(self, *arguments: str) -> None:
        """Start a server that holds nothing, in place of the one before."""
        self.servers.close()
        self.servers.enter_context(redis_server(*arguments, port=self.port))


Wrong = Callable[[Ground], Iterator[None]]
ON_FILES: Final[dict[str, Wrong]] = {}
ON_REDIS: Final[dict[str, Wrong]] = {}


def on_files(name: str) -> Callable[[Wrong], Wrong]:
    return lambda wrong: ON_FILES.setdefault(name, wrong)


def on_redis(name: str) -> Callable[[Wrong], Wrong]:
    return lambda wrong: ON_REDIS.setdefault(name, wrong)


@on_files("nothing is wrong")
def _(ground: Ground) -> Iterator[None]:
    yield


@on_files("the directory is removed")
def _(ground: Ground) -> Iterator[None]:
    shutil.rmtree(ground.tool.directory)
    yield


@on_files("an empty directory is put in its place")
def _(ground: Ground) -> Iterator[None]:
    ground.tool.directory.rename(ground.tool.home / "aside")
    ground.tool.directory.mkdir(mode=0o700)
    yield


@on_files("a copy of it is put in its place")
def _(ground: Ground) -> Iterator[None]:
    copy = ground.tool.home / "copy"
    shutil.copytree(ground.tool.directory, copy, ignore=shutil.ignore_patterns("*.db*"))
    copy.chmod(0o700)
    for name in ("cache.db", "counters.db"):
        with (
            closing(sqlite3.connect(ground.tool.directory / name)) as from_,
            closing(sqlite3.connect(copy / name)) as to,
        ):
            from_.backup(to)
        (copy / name).chmod(0o600)
    ground.tool.directory.rename(ground.tool.home / "aside")
    copy.rename(ground.tool.directory)
    yield


@on_files("it is mounted read-only")
def _(ground: Ground) -> Iterator[None]:
    directory = str(ground.tool.directory)
    _mount("--bind", directory, directory)
    try:
        _mount("-o", "remount,ro,bind", directory)
        yield
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


@on_files("the disk is full")
def _(ground: Ground) -> Iterator[None]:
    if not ground.tool.home.is_mount():
        pytest.skip("only root can have a disk of its own")
    filler = ground.tool.home / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"x" * 1_000_000):
            pass
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while file.write(b"x" * 512):
            pass
    yield
    filler.unlink()


@on_files("another process writes and does not end")
def _(ground: Ground) -> Iterator[None]:
    with locked(ground.tool.directory / "cache.db"):
        yield


@on_files("another process has the counters locked")
def _(ground: Ground) -> Iterator[None]:
    with locked(ground.tool.directory / "counters.db"):
        yield


@on_files("`cache.db` is damaged")
def _(ground: Ground) -> Iterator[None]:
    _checkpoint(ground.tool.directory / "cache.db")
    with (ground.tool.directory / "cache.db").open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        for page in range(1, size // 4096):
            file.seek(page * 4096)
            file.write(bytes(4096))
    yield


@on_files("`cache.db` is not a database")
def _(ground: Ground) -> Iterator[None]:
    (ground.tool.directory / "cache.db").write_bytes(b"what is no database " * 500)
    yield


@on_files("`counters.db` is damaged")
def _(ground: Ground) -> Iterator[None]:
    (ground.tool.directory / "counters.db").write_bytes(b"what is no database " * 500)
    yield


@on_files("the directory is open to others")
def _(ground: Ground) -> Iterator[None]:
    ground.tool.directory.chmod(0o755)
    yield
    ground.tool.directory.chmod(0o700)


@on_files("a file is where the directory was")
def _(ground: Ground) -> Iterator[None]:
    ground.tool.directory.rename(ground.tool.home / "aside")
    ground.tool.directory.write_text("")
    yield
    ground.tool.directory.unlink()


@on_files("a newer cachectl made it")
def _(ground: Ground) -> Iterator[None]:
    with closing(sqlite3.connect(ground.tool.directory / "cache.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    yield
    with closing(sqlite3.connect(ground.tool.directory / "cache.db")) as connection:
        connection.execute("PRAGMA user_version = 1")


@on_redis("nothing is wrong")
def _(ground: Ground) -> Iterator[None]:
    yield


@on_redis("the server is not there")
def _(ground: Ground) -> Iterator[None]:
    ground.servers.close()
    yield
    ground.start()


@on_redis("the server does not answer")
def _(ground: Ground) -> Iterator[None]:
    process = int(ground.server.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)
    yield
    os.kill(process, signal.SIGCONT)


@on_redis("it began again with nothing")
def _(ground: Ground) -> Iterator[None]:
    ground.start()
    yield


@on_redis("it is full, and drops nothing (`noeviction`)")
def _(ground: Ground) -> Iterator[None]:
    used = ground.server.info("memory")["used_memory"]
    ground.server.config_set("maxmemory", used - 300_000)  # less than the largest value takes
    yield
    ground.server.config_set("maxmemory", 0)


@on_redis("it became a replica")
def _(ground: Ground) -> Iterator[None]:
    ground.server.replicaof("127.0.0.1", free_port())
    yield
    ground.server.replicaof("NO", "ONE")


@on_redis("the user may only read")
def _(ground: Ground) -> Iterator[None]:
    ground.server.execute_command("ACL SETUSER default -@write")
    yield
    ground.server.execute_command("ACL SETUSER default +@write")


@on_redis("it wants a password")
def _(ground: Ground) -> Iterator[None]:
    server = ground.server
    server.config_set("requirepass", "secret")
    server.client_kill_filter(_type="normal", skipme=True)
    yield
    redis.Redis(port=ground.port, password="secret").config_set("requirepass", "")


@on_redis("somebody deleted the value")
def _(ground: Ground) -> Iterator[None]:
    server = ground.server
    server.delete(*(key for key in server.scan_iter() if b"}:e:" in key))
    yield


@on_redis("somebody deleted the index")
def _(ground: Ground) -> Iterator[None]:
    server = ground.server
    server.delete(*(key for key in server.scan_iter() if b"}:e:" not in key))
    yield


def _mount(*arguments: str) -> None:
    if os.geteuid() != 0 or subprocess.run(["mount", *arguments], check=False).returncode:
        pytest.skip("only root can mount")


def _checkpoint(database: Path) -> None:
    """Let all of a database be in its file, and nothing in its log."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
