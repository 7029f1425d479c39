"""The order of a listing: `size`, `age:asc`, `key:desc`."""

import heapq
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from math import inf
from typing import Any, Final, NamedTuple

from cachectl._admin.listing import Row
from cachectl._model.arguments import shown
from cachectl.errors import UsageError

MOST: Final = 100_000
"""Entries that are held to be sorted: 60 MB of them, whatever they are."""

Figure = Callable[[Row], Any]
"""What is compared; None is not known, and comes last."""

_FIGURES: Final[Mapping[str, tuple[Figure, str, tuple[str, str]]]] = {
    "size": (lambda row: row.info.size, "desc", ("smallest first", "largest first")),
    "age": (
        lambda row: row.created_at and -row.created_at,
        "desc",
        ("newest first", "oldest first"),
    ),
    "idle": (lambda row: -row.info.used_at, "desc", ("last used first", "longest unused first")),
    "ttl": (
        lambda row: row.expires_at,
        "asc",
        ("soonest to expire first", "latest to expire first"),
    ),
    "cost": (lambda row: row.cost, "desc", ("cheapest first", "dearest first")),
    "key": (lambda row: (row.info.key, row.namespace), "asc", ("by key", "by key, backwards")),
}


class Order(NamedTuple):
    """What entries are sorted by, and whether its greatest stand first."""

    name: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> "Order":
        """Return an order, by default the one in which what is looked for stands first. Raises
        `UsageError`.
        """
        name, colon, way = text.strip().partition(":")
        usual = _FIGURES[name][1] if name in _FIGURES else ""
        if not usual or (colon and way not in {"asc", "desc"}):
            known = ", ".join(_FIGURES)
            raise UsageError(f"not an order: {shown(text)} ({known}; each with :asc or :desc)")
        return cls(name, (way or usual) == "desc")

    @property
    def said(self) -> str:
        """What stands first, in words."""
        return _FIGURES[self.name][2][self.descending]

    def sort(self, rows: Iterable[Row], limit: int) -> list[Row]:
        """Return the first rows in this order, as many as `limit` says, 0 for all. It holds as many, and
        raises `UsageError` for more than `MOST`.
        """
        if limit > MOST:
            raise UsageError(f"--limit {limit}: at most {MOST:,} entries can be sorted")
        if limit:
            first = heapq.nlargest if self.descending else heapq.nsmallest
            return first(limit, rows, key=self._rank)
        held = list(islice(rows, MOST + 1))
        if len(held) > MOST:
            raise UsageError(f"more than {MOST:,} entries to sort: say --limit N, up to as many")
        return sorted(held, key=self._rank, reverse=self.descending)

    def _rank(self, row: Row) -> Any:
        found = _FIGURES[self.name][0](row)
        if found is None:
            return -inf if self.descending else inf
        return found
