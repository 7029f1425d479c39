"""What a namespace holds, in one look: how large, how long unused, how long to live."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cachectl._admin.documents import timestamp
from cachectl._admin.filters import was_used
from cachectl._admin.listing import Row
from cachectl._admin.quantiles import Quantiles
from cachectl._model.entry import NEVER
from cachectl._model.records import Removed

SHARES: Final = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
EXPIRED: Final = "expired"
WITHOUT: Final = "never"
_BOUNDS: Final = (
    ("under 5m", 300), ("5m to 1h", 3600), ("1h to 1d", 86_400), ("1d to 7d", 7 * 86_400),
    ("7d to 30d", 30 * 86_400), ("over 30d", NEVER),
)  # fmt: skip
LARGEST: Final = 3


class Part(NamedTuple):
    """Some of the entries, by what they have in common."""

    name: str
    held: Removed


class Summary:
    """Gathers what there is to say of entries, in memory that does not grow with them."""

    def __init__(self, now: float) -> None:
        self._now = now
        self.sizes = Quantiles()
        self.idle = Quantiles()
        self.total = Removed()
        self.damaged = Removed()
        self.unused = Removed()
        """What was not used since it was written."""
        self._ttl = dict.fromkeys((EXPIRED, *(name for name, _ in _BOUNDS), WITHOUT), Removed())
        self._largest: list[tuple[int, int, Row]] = []

    def add(self, rows: Iterable[Row]) -> None:
        """Take note of entries."""
        for row in rows:
            one = Removed(1, row.info.size)
            self.total = self.total.plus(one)
            self.sizes.add(row.info.size)
            self.idle.add(max(0.0, self._now - row.info.used_at))
            if row.info.entry is None or row.damage:
                self.damaged = self.damaged.plus(one)
            else:
                name = self._ttl_of(row)
                self._ttl[name] = self._ttl[name].plus(one)
                if not was_used(row.info):
                    self.unused = self.unused.plus(one)
            self._keep(row)

    @property
    def largest(self) -> list[Row]:
        """The largest entries, largest first."""
        return [row for _, _, row in sorted(self._largest, reverse=True)]

    def ttl(self) -> Iterator[Part]:
        """Yield how long entries are still to live: what has expired, all from the shortest to the longest
        time that there is, and what never expires.
        """
        between = [name for name, _ in _BOUNDS]
        held = [at for at, name in enumerate(between) if self._ttl[name].entries]
        shown = between[held[0] : held[-1] + 1] if held else []
        for name in (EXPIRED, *shown, WITHOUT):
            yield Part(name, self._ttl[name])

    def document(self) -> dict[str, Any]:
        """Return it as JSON: bytes, seconds, and null for what is not known."""
        return {
            **self.total._asdict(),
            "size": self._quantiles(self.sizes),
            "idle_seconds": self._quantiles(self.idle),
            "ttl_left": [{"name": name, **held._asdict()} for name, held in self._ttl.items()],
            "never_used": self.unused._asdict(),
            "damaged": self.damaged._asdict(),
            "largest": [
                {
                    "key": row.info.key, "size": row.info.size, "label": row.label or None,
                    "expires_at": None if row.expires_at in {None, NEVER} else timestamp(row.expires_at),
                }
                for row in self.largest
            ],
        }  # fmt: skip

    def _quantiles(self, of: Quantiles) -> dict[str, float | None]:
        found = of.at(*(share for _, share in SHARES)) if of.number else [None] * len(SHARES)
        names = [name for name, _ in SHARES]
        return {**dict(zip(names, found, strict=True)), "max": of.most if of.number else None}

    def _ttl_of(self, row: Row) -> str:
        expires_at = row.expires_at
        assert expires_at is not None
        if expires_at == NEVER:
            return WITHOUT
        left = expires_at - self._now
        return EXPIRED if left <= 0 else next(name for name, most in _BOUNDS if left < most)

    def _keep(self, row: Row) -> None:
        """Keep a row if it is among the largest; of those that are equal the first."""
        one = (row.info.size, -self.total.entries, row)
        if len(self._largest) < LARGEST:
            heapq.heappush(self._largest, one)
        elif one > self._largest[0]:
            heapq.heapreplace(self._largest, one)
