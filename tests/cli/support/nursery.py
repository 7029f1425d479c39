"""A process that has imported the command line, and forks for every call that a test makes.

Each call is a process of its own, with the environment and the streams that it is given, and
runs the real `main`; it is only spared the third of a second that importing takes. What calls
import is the matter of `test_cost.py`, which starts real ones.
"""

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import NamedTuple

import cachectl

ROOT = Path(__file__).parents[3]
SECONDS = 30


class Call(NamedTuple):
    """A call to make: `streams` are the paths of stdin, stdout and stderr."""

    arguments: list[str]
    environment: dict[str, str]
    directory: str
    streams: list[str]


class Nursery:
    """The process, seen from the tests."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, calls: Sequence[Call]) -> list[int]:
        """Make the calls, all at once, and return their exit codes."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(calls)}\n")
        self._process.stdin.flush()
        codes: list[int] = json.loads(self._process.stdout.readline())
        return codes


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Start the process; end it with the tests."""
    command = [sys.executable, "-m", "tests.cli.support.nursery"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=-1, stdout=-1
    ) as process:
        yield Nursery(process)
        assert process.stdin
        process.stdin.close()


def _serve() -> None:
    for module in (*_modules(), "rich.console", "rich.table"):
        import_module(module)
    from cachectl._cli.main import main

    gc.freeze()
    for line in sys.stdin:
        children = []
        for call in json.loads(line):
            child = os.fork()
            if not child:
                _become(Call(*call))
                try:
                    main()
                except SystemExit as end:  # all is flushed and closed: spare us the teardown
                    os._exit(end.code if isinstance(end.code, int) else 1)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(f"{json.dumps(codes)}\n")
        sys.stdout.flush()


def _modules() -> list[str]:
    """Return the names of all modules of ours: most are imported late, so by each call again."""
    found = walk_packages(cachectl.__path__, "cachectl.")
    return [
        name
        for _, name, _ in found
        if not name.startswith(("cachectl.__main__", "cachectl.testing"))
    ]


def _become(call: Call) -> None:
    signal.alarm(SECONDS)
    modes = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)
    for number, (path, mode) in enumerate(zip(call.streams, modes, strict=True)):
        os.dup2(os.open(path, mode), number)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(0, closefd=False),
        os.fdopen(1, "w", closefd=False),
        os.fdopen(2, "w", closefd=False, errors="backslashreplace"),
    )
    os.environ.clear()
    os.environ.update(call.environment)
    os.chdir(call.directory)
    sys.argv[:] = ["cachectl", *call.arguments]


if __name__ == "__main__":
    _serve()
