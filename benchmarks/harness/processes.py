"""Processes that work at the same time on what each has opened for itself."""

import multiprocessing
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class Processes(Generic[T]):
    """So many processes. Each opens something, and does with it what it is told; all that is sent
    to them can be pickled.
    """

    def __init__(self, open_: Callable[[], AbstractContextManager[T]], number: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for place in range(number):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, open_, place))
            process.start()
            theirs.close()  # or a process that dies would be waited for
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.close()
            process.join()

    def run(self, work: Callable[..., Any], *arguments: object) -> list[Any]:
        """Return what `work` returned in each process: it is called with what the process has opened,
        the process's number, and these arguments.
        """
        self.start(work, *arguments)
        return self.collect()

    def start(self, work: Callable[..., Any], *arguments: object) -> None:
        for pipe in self._pipes:
            pipe.send((work, arguments))

    def done(self) -> bool:
        """Return whether some process has ended its work."""
        return any(pipe.poll() for pipe in self._pipes)

    def collect(self) -> list[Any]:
        return [pipe.recv() for pipe in self._pipes]


def _serve(pipe: Connection, open_: Callable[[], AbstractContextManager[Any]], place: int) -> None:
    with open_() as opened:
        while True:
            try:
                work, arguments = pipe.recv()
            except EOFError:
                return
            pipe.send(work(opened, place, *arguments))
