"""Leases of loads, kept in this process: those of memory, and of backends of others.

A load takes a lease of its key before it calls its loader, and what it brings is written with that
as its condition. Whoever removes or replaces the key revokes it, and so is not overwritten by what
was read before ("Scaling Memcache at Facebook", Nishtala et al., NSDI 2013). Loads of one key that
run at the same time share a lease, so that there are never more of them than keys.
"""

from collections.abc import Iterable, Sequence
from itertools import count
from os import urandom
from typing import Final

from cachectl._model.records import Condition, Lease

OLD: Final = 3600.0
"""Seconds after which a lease belongs to nobody: its holder ended without giving it back."""


_numbers: Final = count()


def new_token() -> str:
    """Return what tells a lease from all others there ever were, in any process."""
    return urandom(8).hex()


class _Held:
    """A lease that was taken, by so many loads, and when by the last of them."""

    __slots__ = ("began_at", "holders", "tags", "token")

    def __init__(self) -> None:
        self.token = str(next(_numbers))
        self.holders = 0
        self.tags: frozenset[str] = frozenset()
        self.began_at = 0.0


class Leases:
    """The leases of one namespace. Who calls holds the lock of its store."""

    def __init__(self) -> None:
        self.held: dict[str, _Held] = {}  # in the order in which they were taken

    def take(self, key: str, tags: Sequence[str], now: float) -> Lease:
        """Return a lease of the key for a load whose entry will have these tags."""
        self._drop_old(now)
        held = self.held.pop(key, None) or _Held()
        held.holders += 1
        if tags:
            held.tags = held.tags.union(tags)
        held.began_at = now
        self.held[key] = held
        return Lease(key, held.token)

    def give_back(self, lease: Lease) -> bool:
        """Return whether the lease was not revoked; it is of no use afterwards."""
        held = self.held.get(lease.key)
        if held is None or held.token != lease.token:
            return False
        held.holders -= 1
        if not held.holders:
            del self.held[lease.key]
        return True

    def permit(self, key: str, condition: Condition | None, *, fresh: bool) -> bool:
        """Return whether a key may be written, at which there is a fresh entry or none. What was not
        loaded revokes the leases of its key.
        """
        if isinstance(condition, Lease):
            return condition.key == key and self.give_back(condition)
        if condition is not None and fresh != (condition == "present"):
            return False
        self.held.pop(key, None)
        return True

    def revoke(self, keys: Iterable[str]) -> None:
        """Revoke the leases of these keys."""
        if self.held:
            for key in keys:
                self.held.pop(key, None)

    def revoke_tagged(self, tag: str) -> None:
        """Revoke those whose loads have this tag."""
        self.revoke([key for key, held in self.held.items() if tag in held.tags])

    def clear(self) -> None:
        """Revoke all."""
        self.held.clear()

    def _drop_old(self, now: float) -> None:
        while self.held:
            key, held = next(iter(self.held.items()))
            if held.began_at > now - OLD:
                return
            del self.held[key]
