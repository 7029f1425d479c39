"""What the stores of one namespace have in common, those of threads and those of tasks."""

from itertools import count
from math import inf
from os import urandom
from time import monotonic
from typing import Final

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.redis.stored import GENERATION
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule

_VERIFY_EVERY: Final = 60.0
"""Seconds until a cleanup without limits looks again for all entries."""


class Shared:
    """The names of the keys of a namespace, and what this process knows of it."""

    def __init__(self, namespace: str, base: str, names: str, access_log: AccessLog) -> None:
        self.namespace: Final = namespace
        self.base: Final = base
        self.values: Final = f"{base}e:"
        self.generation: Final = f"{base}gen"
        self.names: Final = names
        self.access_log: Final = access_log
        self.announced = False
        self.numbers: Final = count(int.from_bytes(urandom(6)))
        self.newest = "0" * GENERATION  # as far as is known: the server corrects it
        self.limits: Limits | None = None
        self.limits_checked_at = 0.0
        self.exceeds = False
        """Whether a write left more than the limits, and no cleanup has removed that since."""
        self._verified_for: CleanupRule | None = None
        self._verified_at = -inf

    def should_verify(self, rule: CleanupRule) -> bool:
        """Return whether a cleanup is to find out first what the server dropped: each that holds limits,
        once, and others now and then, for it looks for all entries. One that goes on with what a write
        began is not.
        """
        if rule is self._verified_for:
            return False
        if self.exceeds:
            self._verified_for = rule
            return False
        has_limits = rule.limits.max_entries is not None or rule.limits.max_bytes is not None
        if not has_limits and monotonic() - self._verified_at < _VERIFY_EVERY:
            return False
        self._verified_for, self._verified_at = rule, monotonic()
        return True
