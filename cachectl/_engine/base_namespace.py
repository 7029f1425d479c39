"""What a namespace is for threads and for tasks alike."""

from typing import Any, Final

from cachectl._backends.immediate import Immediate
from cachectl._engine.disabled import CLOSED, NOTHING
from cachectl._engine.hashed import ByHash
from cachectl._engine.operations import Operations
from cachectl._engine.state import NamespaceState
from cachectl._metrics.events import MissReason
from cachectl._model.arguments import Unshared
from cachectl._model.canonical import feature_key
from cachectl._model.policy import Policy

NO_KEY: Final = (TypeError, AttributeError, OverflowError, UnicodeEncodeError, DeprecationWarning)
"""What stores raise for what is no text; the last one of SQLite, where warnings are errors."""


class BaseNamespace(Unshared):
    """One part of the cache, whoever uses it."""

    def __init__(self, state: NamespaceState, operations: Operations) -> None:
        self.state = state
        self.operations = operations
        self._checks = operations.checks
        self._clock = state.clock
        self._live = state.live
        self._entries = state.entries
        self._recorder = state.recorder
        state.follow(self._follow)

    def _follow(self) -> None:
        enabled = self.state.policy.enabled
        store: Any = CLOSED if self.state.is_closed else self.operations.store
        self._readable = store if enabled or store is CLOSED else NOTHING
        if isinstance(self._readable, Immediate):
            self._readable = self._readable.reads  # a hit asks nobody in between
        if self.state.policy.keys == "hashed" and self._readable is not CLOSED:
            self._readable = ByHash(self._readable)
        self._as_is = self._live and self._entries.hooks.load is None
        self._stored_key = self.state.policy.stored_key
        self._absent = MissReason.ABSENT if enabled else MissReason.DISABLED

    @property
    def name(self) -> str:
        return self.state.name

    @property
    def policy(self) -> Policy:
        return self.state.policy

    def key(self, features: object, **extra: object) -> str:
        """Return a key made of structured features: SHA-256 of their canonical form.

        The order of mappings does not matter, floats are rounded as the policy's
        `key_decimals` says. Raises `InvalidKey` for a value without a canonical form.
        """
        return feature_key(features, extra, self.state.policy.key_decimals)

    def stored_key(self, key: str) -> str:
        """Return the key under which an entry is kept: its SHA-256 if the policy's `keys` are
        `hashed`. Raises `InvalidKey`.
        """
        return self._stored_key(key)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.policy.summary}>"
