"""Another process that writes to a database of a cache, and does not come to an end."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import os, sqlite3, sys
os.umask(0o077)
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
connection.close()
"""


@contextmanager
def locked(database: Path) -> Iterator[Callable[[], None]]:
    """Hold the write lock of a database in another process, until the end or the returned call."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "locked\n"

    def release() -> None:
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=30) == 0

    try:
        yield release
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=30)


def is_locked(database: Path) -> bool:
    """Whether another process has the write lock now."""
    connection = sqlite3.connect(database, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False
