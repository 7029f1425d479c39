"""How what a loader returns is stored."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

from cachectl._model.keys import check_tags
from cachectl._model.units import Duration, Money, micro_dollars, parse_duration
from cachectl._model.write import Write

Cost: TypeAlias = "Money | Callable[[Any], Money]"
"""Dollars that a value cost, or a function that tells them from the value."""


class LoadOptions(NamedTuple):
    """How what a loader returns is stored; see `Namespace.set`."""

    ttl: Duration | None = None
    tags: Sequence[str] = ()
    cost: Cost = 0

    def check(self) -> None:
        """Raise `UsageError` before a load is paid for whose value could not be stored."""
        if self.ttl is not None:
            parse_duration(self.ttl)
        check_tags(self.tags)
        if not callable(self.cost):
            micro_dollars(self.cost)

    def write(self, key: str, value: object, started: float) -> Write:
        """Return what to store of a load that began at `started` by the performance counter."""
        load_us = round((perf_counter() - started) * 1e6)
        cost = self.cost(value) if callable(self.cost) else self.cost
        return Write(key, value, self.ttl, self.tags, cost, load_us)
