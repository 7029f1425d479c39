"""Homes of users, empty at first, in which tests start programs and servers."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import wait_until

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SECONDS = 60


class Home:
    """A user with an empty home, in which programs are started."""

    def __init__(self, path: Path, **variables: str) -> None:
        self.path = path
        self.environment = {
            "HOME": str(path),
            "PATH": f"{BIN}:/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)]),
            "PYTHONUNBUFFERED": "1",
            **variables,
        }

    def write(self, name: str, code: str) -> Path:
        """Put a file there."""
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
