"""A process that has imported the package, and forks for every call that a test makes.

Each call is a process of its own, with the environment, the directory and the streams that it is
given, and does what `python -m` or `python -c` does; it is only spared the start of an interpreter
and what importing takes. What is about those, or about signals while they last, starts real ones.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, AnyStr, Final, NamedTuple, NoReturn

import cachectl

ROOT: Final = Path(__file__).parents[2]
_MOST_BYTES: Final = 128 * 1024
_STREAMS: Final = 3


class Call(NamedTuple):
    """What a process is to do: `arguments` are those of Python."""

    arguments: list[str]
    environment: dict[str, str]
    directory: str


class Forked(subprocess.Popen[AnyStr]):
    """A process that the nursery forked, and that is used as if it had been started.

    It is no child of this process, so the nursery says over a pipe how it ended.
    """

    _told: int

    def _execute_child(self, args: Sequence[str], *given: Any) -> None:
        cwd, env, streams = given[4], given[5], given[9:15]
        self._told, tell = os.pipe()
        call = Call(list(map(os.fsdecode, args)), dict(env), str(cwd))
        theirs: list[int] = [streams[0], streams[3], streams[5]]
        theirs = [number if each == -1 else each for number, each in enumerate(theirs)]
        self.pid = _nursery().fork(call, [*theirs, tell])
        self._child_created = True
        os.close(tell)
        self._close_pipe_fds(*streams)  # type: ignore[attr-defined]

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return super().wait()

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if wait_flags & os.WNOHANG and not select.select([self._told], [], [], 0)[0]:
            return 0, 0
        status = os.read(self._told, 16)
        os.close(self._told)
        return self.pid, int(status)

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode


class Nursery:
    """The process, seen from the tests."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.nursery", str(theirs.fileno())],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def fork(self, call: Call, descriptors: Sequence[int]) -> int:
        """Let a process do this, and return its id. It gets three streams; how it ended is written to
        the fourth descriptor.
        """
        socket.send_fds(self._control, [json.dumps(call).encode()], descriptors)
        return int(self._control.recv(16))

    def end(self) -> None:
        self._control.close()
        self._process.wait()


@cache
def _nursery() -> Nursery:
    nursery = Nursery()
    atexit.register(nursery.end)
    return nursery


def _serve(control: int) -> Call:
    """Fork for each call; a child returns what it is to do."""
    children: dict[int, int] = {}
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            os.read(woken, 1024)
            _tell_of_ends(children)
        if control not in ready:
            continue
        with closing(socket.socket(fileno=os.dup(control))) as connection:
            message, descriptors, _, _ = socket.recv_fds(connection, _MOST_BYTES, _STREAMS + 1)
        if not message:
            sys.exit()
        child = os.fork()
        if not child:
            return _become(Call(*json.loads(message)), descriptors)
        children[child] = descriptors.pop()
        for descriptor in descriptors:
            os.close(descriptor)
        os.write(control, b"%d" % child)


def _tell_of_ends(children: dict[int, int]) -> None:
    for child, told in list(children.items()):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            os.write(told, b"%d" % status)
            os.close(children.pop(child))


def _become(call: Call, descriptors: Sequence[int]) -> Call:
    """Be as a process is that just began."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(descriptors[:_STREAMS]):
        os.dup2(descriptor, number)
    os.closerange(_STREAMS, 1024)
    sys.stdin = os.fdopen(0, closefd=False, errors=sys.stdin.errors)
    sys.stdout = os.fdopen(1, "w", closefd=False, errors=sys.stdout.errors)
    sys.stderr = os.fdopen(2, "w", 1, closefd=False, errors=sys.stderr.errors)
    os.environ.clear()
    os.environ.update(call.environment)
    os.chdir(call.directory)
    return call


def _run(call: Call) -> None:
    """Do what Python does with these arguments."""
    given = list(call.arguments[1:])
    while given[0] not in {"-c", "-m"}:  # what else there is, is about modules that are imported
        del given[0]
    kind, what, *sys.argv[1:] = given
    here = call.directory if kind == "-m" else ""
    places = call.environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [here, *filter(None, places), *_INSTALLED]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    sys.argv[0] = kind
    main = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(what, "<string>", "exec"), main.__dict__)


def _end(code: int) -> NoReturn:
    """End as Python does, but leave the memory to the system: to free it takes longer than most calls."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os._exit(code)


def _preload() -> None:
    """Import all modules of ours: most are imported late, so by each call again."""
    found = walk_packages(cachectl.__path__, "cachectl.")
    for _, name, _ in found:
        if not name.startswith(("cachectl.__main__", "cachectl.testing")):
            import_module(name)
    for name in ("rich.console", "rich.table"):
        import_module(name)


if __name__ == "__main__":
    _INSTALLED: Final = [place for place in sys.path if place not in {"", str(ROOT)}]
    _preload()
    gc.freeze()
    call = _serve(int(sys.argv[1]))
    try:
        _run(call)
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        _end(end.code or 0)
    _end(0)
