"""Applications that serve requests in processes of their own: both ends of the pipe."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from select import select
from typing import Any, Final

SECONDS: Final = 30


def serve(respond: Callable[..., object]) -> None:
    """Answer requests until there are none: what `respond` returns for their words, as JSON."""
    for line in sys.stdin:
        _say(respond(*json.loads(line)))


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def work(task: Callable[[], object]) -> None:
    """Say that one is ready, wait for the word to begin, and tell what the task returns, as JSON."""
    _say("ready")
    sys.stdin.readline()
    _say(task())


def answered(question: str) -> Any:
    """Return what whoever sent the request answers to a question, in the midst of it."""
    _say({"question": question})
    (answer,) = json.loads(sys.stdin.readline())
    return answer


class Service:
    """An application in another process: a request is a line of JSON, and so is its answer."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def request(self, *words: object) -> Any:
        """Send a request and return the answer."""
        self.send(*words)
        return self.answer()

    def send(self, *words: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout
        line = select([self.process.stdout], [], [], SECONDS)[0] and self.process.stdout.readline()
        if not line:  # it has ended, or does not answer
            self.process.kill()
            raise AssertionError(self.process.communicate()[1])
        return json.loads(line)


def at_once(workers: "Sequence[subprocess.Popen[str]]") -> list[Any]:
    """Let workers begin together, once all of them are ready; return what each has told at its end."""
    services = [Service(worker) for worker in workers]
    for service in services:
        assert service.answer() == "ready"
    for service in services:
        service.send("begin")
    told = [service.answer() for service in services]
    for worker in workers:
        _, errors = worker.communicate(timeout=SECONDS)
        assert worker.returncode == 0, errors
    return told
