"""Programs that tests run in processes of their own."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from cachectl.testing.processes import finish, start

__all__ = ["Fork", "finish", "run", "start", "wait_until"]


def run(program: str, options: Mapping[str, object]) -> Any:
    """Run a program to its end and return the JSON that it printed."""
    return json.loads(finish(start(program, options)))


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
