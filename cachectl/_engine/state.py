"""What both engines know of one namespace: its policy, what it counts, and the loads under way."""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from cachectl._engine.entries import Entries
from cachectl._engine.hooks import Hook
from cachectl._engine.singleflight.flights import Flights, flights_of
from cachectl._metrics.recorder import Recorder
from cachectl._model.entry import MISSING, MissingType
from cachectl._model.importing import importing
from cachectl._model.policy import Policy

if TYPE_CHECKING:
    from cachectl._engine.decorator.known import Functions


class NamespaceState:
    """One namespace of a cache. Those who are to know when its policy changes, or when the cache is
    closed, `follow` it.
    """

    def __init__(
        self,
        recorder: Recorder,
        policy: Policy,
        clock: Callable[[], float],
        place: str | None,
        *,
        live: bool,
        strict: bool,
    ) -> None:
        self.recorder = recorder
        self.entries: Entries = Entries(recorder, policy, live=live)
        self.clock = clock
        self.live = live
        self.strict = strict
        self.is_closed: bool = False
        self.flights: Flights = flights_of(place, recorder.namespace)
        self._functions: Functions | None = None
        self._followers: list[weakref.WeakMethod[Callable[[], None]]] = []
        self.use(policy)

    @property
    def name(self) -> str:
        return self.recorder.namespace

    @property
    def functions(self) -> "Functions":
        """The decorated functions of this namespace."""
        if self._functions is None:
            with importing:
                from cachectl._engine.decorator.known import Functions

                self._functions = self._functions or Functions()
        return self._functions

    def follow(self, follower: Callable[[], None]) -> None:
        """Call a method now, and whenever the policy changes or the cache is closed, as long as its
        object is in use.
        """
        self._followers.append(weakref.WeakMethod(follower))
        follower()

    def use(self, policy: Policy) -> None:
        """Follow `policy` from now on, in all threads."""
        self.policy: Policy = policy
        self.recorder.counting = policy.metrics
        self.recorder.limited = policy.max_entries is not None or policy.max_bytes is not None
        self.entries.use(policy)
        if self._functions is not None:
            self._functions.forget_keys()
        self._tell()

    def use_hooks(self, dump: Hook | MissingType | None, load: Hook | MissingType | None) -> None:
        """Dump and load values by what is given, from now on. Raises `UsageError`."""
        if dump is not MISSING or load is not MISSING:
            self.entries.hooks = self.entries.hooks.changed(dump, load)
            self._tell()

    def close(self) -> None:
        """Refuse all operations from now on."""
        self.is_closed = True
        self._tell()

    def _tell(self) -> None:
        for reference in list(self._followers):
            follower = reference()
            if follower is not None:
                follower()
