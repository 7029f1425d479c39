"""Caches over a fork: at rest before it, and with new locks and connections in the child."""

import os
import threading
import weakref
from contextlib import suppress
from typing import Final, Protocol

from cachectl._model.importing import importing


class Forkable(Protocol):
    """What is told of a fork."""

    def before_fork(self) -> None: ...
    def after_fork_in_parent(self) -> None: ...
    def after_fork_in_child(self) -> None: ...


opened: Final[weakref.WeakSet[Forkable]] = weakref.WeakSet()
"""What is open in this process."""
_forking: Final[list[Forkable]] = []
"""What was open when a fork began."""
_one_at_a_time: Final = threading.RLock()
"""Held by a thread that forks; the child has it as well, and gives it back likewise."""


def register(cache: Forkable) -> None:
    """Tell a cache of all forks from now on; one that is under way ends first."""
    with _one_at_a_time:
        opened.add(cache)


def _before() -> None:
    importing.acquire()  # first: who imports may need what caches hold over a fork
    _one_at_a_time.acquire()
    _forking[:] = _all()
    for cache in _forking:
        cache.before_fork()


def _all() -> list[Forkable]:
    while True:
        with suppress(RuntimeError):  # another thread closed a cache just then
            return list(opened)


def _after_in_parent() -> None:
    for cache in _forking:
        cache.after_fork_in_parent()
    _forking.clear()
    _one_at_a_time.release()
    importing.release()


def _after_in_child() -> None:
    for cache in _forking:
        cache.after_fork_in_child()
    _forking.clear()
    _one_at_a_time.release()
    importing.release()


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
