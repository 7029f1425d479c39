"""Observation: who listens is told of each hit, miss, set and eviction, with its key.

Nothing is made for an event while nobody listens: a hit only looks at one attribute.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

log: Final = logging.getLogger("cachectl")


class EventKind(StrEnum):
    """What happened."""

    HIT = "hit"
    MISS = "miss"
    SET = "set"
    EVICTION = "eviction"


class MissReason(StrEnum):
    """Why a lookup returned nothing."""

    ABSENT = "absent"
    EXPIRED = "expired"
    EVICTED = "evicted"
    INVALIDATED = "invalidated"
    DAMAGED = "damaged"
    BYPASSED = "bypassed"
    ERROR = "error"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one key. `size` is stored bytes, of hits and sets alone;
    `reason` is why a miss was one.
    """

    kind: EventKind
    namespace: str
    key: str
    size: int | None = None
    reason: MissReason | None = None


Listener = Callable[[Event], object]
"""Called in the thread in which it happens. What it raises is logged, never passed on."""


class Listeners:
    """Those who are told of the events of one cache: listeners, and the log. Truthy while there are
    any.
    """

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._logs = False
        self._changed: list[Callable[[], None]] = []
        self._telling = threading.local()

    def __bool__(self) -> bool:
        return self._logs or bool(self._listeners)

    def add(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` from now on; returns a function that ends that."""
        self._set((*self._listeners, listener))
        return lambda: self._set(tuple(kept for kept in self._listeners if kept is not listener))

    def write_log(self, *, on: bool) -> None:
        """Write lookups to the log from now on, or no longer."""
        if self._logs is not on:
            self._logs = on
            self._tell_of_change()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back whenever somebody begins or ends to listen."""
        self._changed.append(callback)

    def tell(self, event: Event) -> None:
        """Tell all of them; not of what a listener itself does with the cache."""
        if getattr(self._telling, "now", False):
            return
        self._telling.now = True
        try:
            if self._logs:
                _log_lookup(event)
            for listener in self._listeners:
                self._tell(listener, event)
        finally:
            self._telling.now = False

    def _tell(self, listener: Listener, event: Event) -> None:
        try:
            listener(event)
        except Exception:
            log.exception("a listener of events failed")

    def _set(self, listeners: tuple[Listener, ...]) -> None:
        self._listeners = listeners
        self._tell_of_change()

    def _tell_of_change(self) -> None:
        for callback in self._changed:
            callback()


def _log_lookup(event: Event) -> None:
    """Write a hit or a miss to the log, for debugging. No key, which may be secret."""
    if event.kind in {EventKind.HIT, EventKind.MISS}:
        log.debug("get %s: %s", event.namespace, event.kind)
