"""Programs that tests run in processes of their own."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from cachectl.testing.processes import finish, start

__all__ = ["finish", "run", "start", "wait_until"]


def run(program: str, options: Mapping[str, object]) -> Any:
    """Run a program to its end and return the JSON that it printed."""
    return json.loads(finish(start(program, options)))


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return as soon as the condition holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.01)
