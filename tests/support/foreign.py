"""Directories as applications make them with the real diskcache library, and traps in them."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import diskcache

ROOT = Path(__file__).parents[2]


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = str(trace)

    def __reduce__(self):
        return (Path.touch, (Path(self._trace),))


def fill(cache: "diskcache.Cache | diskcache.FanoutCache", trace: Path) -> None:
    """Put an entry of each kind into a cache."""
    cache["text"] = "hello"
    cache[7] = 42
    cache["7"] = 1.5
    cache[2.5] = float("inf")
    cache[b"\xff\x00"] = b"\x01\x02"
    cache["none"] = None
    cache["object"] = Trap(trace)
    cache[Trap(trace)] = "under a pickled key"
    cache["tuple", 1] = [Trap(trace)]
    cache.set("tagged", "v", expire=3600, tag="org:42")
    cache["large text"] = "é" * 50_000
    cache["large bytes"] = b"\xff" * 100_000
    cache["large object"] = (Trap(trace), "x" * 100_000)
    cache.set("expired", "v", expire=1e-6)  # last: a write removes what has expired


KINDS = 14
"""How many entries `fill` makes."""


def snapshot(directory: Path) -> dict[str, str]:
    """Return all that is in a directory, with a hash of each file."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "directory"
        for path in sorted(directory.rglob("*"))
    }


@contextmanager
def running(directory: Path, trace: Path, **options: object) -> Iterator[None]:
    """Run an application that has filled a cache and has it open: in a process of its own, since
    SQLite shares the index of the log within one.
    """
    code = (
        "import ast, diskcache, sys; from pathlib import Path\n"
        "from tests.support.foreign import fill\n"
        "with diskcache.Cache(sys.argv[1], **ast.literal_eval(sys.argv[3])) as cache:\n"
        "    fill(cache, Path(sys.argv[2]))\n"
        "    print('filled', flush=True)\n"
        "    sys.stdin.read()"
    )
    arguments = [sys.executable, "-c", code, str(directory), str(trace), repr(options)]
    with subprocess.Popen(arguments, stdin=-1, stdout=-1, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"filled\n"
        yield


def crashed(directory: Path) -> None:
    """Leave a cache behind as a process does that is killed after its writes."""
    code = (
        "import diskcache, os, sys; cache = diskcache.Cache(sys.argv[1])\n"
        "for i in range(20): cache[str(i)] = i\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(directory)], check=True, timeout=60)
