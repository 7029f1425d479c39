"""Programs that tests run in processes of their own."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cachectl.testing.processes import PRELUDE, finish
from cachectl.testing.processes import start as start_afresh
from tests.support.nursery import Forked

__all__ = ["Fork", "finish", "run", "run_afresh", "start", "start_afresh", "wait_until"]


def start(
    program: str, options: Mapping[str, object], arguments: Sequence[str] = ()
) -> "subprocess.Popen[str]":
    """Let the nursery run a program that opens its cache with `open_cache()`: all that it imports of
    the package is imported when it begins.
    """
    return Forked(
        [sys.executable, "-c", PRELUDE + program, json.dumps(options, default=str), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def run(program: str, options: Mapping[str, object]) -> Any:
    """Run a program to its end and return the JSON that it printed."""
    return json.loads(finish(start(program, options)))


def run_afresh(program: str, options: Mapping[str, object]) -> Any:
    """Do the same in an interpreter that has imported nothing yet."""
    return json.loads(finish(start_afresh(program, options)))


class Fork(threading.Thread):
    """A thread that forks, and waits for its child."""

    ended = -1

    def run(self) -> None:
        child = os.fork()
        if child == 0:
            os._exit(0)
        self.ended = os.waitpid(child, 0)[1]

    def waits(self) -> bool:
        """Whether it waits for a turn."""
        frame = sys._current_frames().get(self.ident or 0)
        return frame is not None and frame.f_code.co_name == "hold"


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return as soon as the condition holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.01)
