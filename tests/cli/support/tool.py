"""The command line as a real process: piped, or on a terminal of its own."""

import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple, Self

from cachectl import Cache
from cachectl._config import load
from tests.support.nursery import ROOT, Forked

COMMAND = (sys.executable, "-m", "cachectl")
SECONDS = 30


class Ended(NamedTuple):
    """How a call ended."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Tool:
    """Calls `cachectl` with a home of its own and nothing else in its environment."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            **self.variables,
        }

    @property
    def directory(self) -> Path:
        """Where the file backend keeps everything."""
        return self.home / ".cache/cachectl"

    def having(self, **variables: str) -> "Tool":
        """Return a tool with more in its environment."""
        return Tool(self.home, {**self.variables, **variables})

    def start(self, *arguments: str | bytes, **options: Any) -> "subprocess.Popen[bytes]":
        """Start a call; what it prints is for the caller to read."""
        return subprocess.Popen([*COMMAND, *arguments], **{**self._defaults, **options})

    def fork(self, *arguments: str | bytes, **options: Any) -> "Forked[bytes]":
        """Let the nursery make a call, which begins when it is imported."""
        return Forked([*COMMAND, *arguments], **{**self._defaults, **options})

    @property
    def _defaults(self) -> dict[str, Any]:
        return {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "cwd": self.home,
            "env": self.environment,
        }

    def __call__(self, *arguments: str | bytes, stdin: bytes = b"") -> Ended:
        """Call and wait."""
        return self.together([arguments], stdin=stdin)[0]

    def together(
        self, calls: Iterable[Sequence[str | bytes]], *, stdin: bytes = b""
    ) -> list[Ended]:
        """Make several calls at once, and wait for all of them."""
        with ExitStack() as stack:
            made = [self._into_files(stack, arguments, stdin) for arguments in calls]
            return [
                Ended(process.wait(SECONDS), _content(out), _content(err).decode())
                for process, out, err in made
            ]

    def _into_files(
        self, stack: ExitStack, arguments: Sequence[str | bytes], stdin: bytes
    ) -> tuple["Forked[bytes]", IO[bytes], IO[bytes]]:
        """Call, and return what it prints into; all of it ends with the stack."""
        given, out, err = (stack.enter_context(TemporaryFile()) for _ in range(3))  # noqa: SIM115
        given.write(stdin)
        given.seek(0)
        process = self.fork(*arguments, stdin=given, stdout=out, stderr=err)
        stack.callback(process.kill)
        return process, out, err

    @contextmanager
    def open(self, *, ago: float = 0, **options: object) -> Iterator[Cache]:
        """Open the same cache in this process, `ago` seconds back in time."""
        named = {name.replace("__", "."): value for name, value in options.items()}
        settings = load(overrides=named, environ=self.environment)
        with Cache.of(settings, clock=lambda: time.time() - ago, strict=True) as cache:
            yield cache

    @contextmanager
    def on_terminal(self, *arguments: str, columns: int = 80) -> Iterator["Terminal"]:
        """Call on a terminal of its own."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        process = self.fork(*arguments, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
            process.wait()
            os.close(ours)


class Terminal:
    """What somebody sees and types."""

    def __init__(self, descriptor: int, process: "subprocess.Popen[bytes]") -> None:
        self._descriptor = descriptor
        self.process = process
        self.seen = b""

    def wait_for(self, text: bytes) -> Self:
        """Wait until this is on the screen."""
        while text not in self.seen and self._read():
            pass
        assert text in self.seen, self.seen
        return self

    def resize(self, lines: int, columns: int) -> None:
        termios.tcsetwinsize(self._descriptor, (lines, columns))

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def end(self) -> Ended:
        """Wait for the end, and return all that was on the screen."""
        while self._read():
            pass
        return Ended(self.process.wait(SECONDS), self.seen, "")

    def _read(self) -> bool:
        try:
            data = os.read(self._descriptor, 65_536)
        except OSError:  # nobody has the other end open any more
            return False
        self.seen += data
        return bool(data)


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
