"""What a namespace on Redis holds, from a look at some of its entries.

The index names also what the server has dropped since. How many these are is estimated from a sample
that is drawn anew each time; what had expired long before is apart, as nearly all of it is gone.
"""

from math import sqrt
from statistics import fmean
from typing import Final, NamedTuple

from cachectl._backends.redis.shapes import array, number
from cachectl._backends.redis.transport.resp import Reply
from cachectl._model.records import Usage

_LOOKED_AT: Final = 400, 40
"""Entries of each namespace that are looked for; all, if there are no more. Among very many namespaces
it is the second number: their totals are of as many entries together.
"""
_WEIGHED: Final = 40, 4
"""Values of each namespace whose memory is asked for."""
_MOST: Final = 100
"""Namespaces of each of which so much is looked at."""

_CONFIDENCE: Final = 1.96
"""Standard deviations within which 95 of 100 estimates are."""
_NONE_OF: Final = 3.0
"""What was not met among n is, in 95 of 100 cases, rarer than 3/n ("If nothing goes wrong, is
everything all right?", Hanley and Lippman-Hand, JAMA 1983)."""


def sample(namespaces: int) -> tuple[int, int]:
    """Return how many entries are looked for, and how many values weighed, in each of so many."""

    def of_each(most: int, least: int) -> int:
        return max(least, min(most, most * _MOST // max(1, namespaces)))

    return of_each(*_LOOKED_AT), of_each(*_WEIGHED)


class _Stratum(NamedTuple):
    """So many entries, of which so many were looked for, and found."""

    entries: int
    looked_at: int
    there: int

    @property
    def estimate(self) -> float:
        return self.entries * self.there / self.looked_at if self.looked_at else self.entries

    def margin(self, *, drops: bool) -> float:
        """Return by how many entries the estimate may be wrong; whether the server drops some by itself
        tells if any can be gone where none was missed.
        """
        if self.looked_at >= self.entries:
            return 0.0
        share = self.there / self.looked_at if self.looked_at else 0.5
        if share == 1:
            return self.entries * _NONE_OF / self.looked_at if drops else 0.0
        rest = 1 - self.looked_at / self.entries
        return (
            self.entries * _CONFIDENCE * sqrt(share * (1 - share) * rest / max(1, self.looked_at))
        )


def as_usage(reply: Reply, *, drops: bool) -> Usage:
    """Return what `usage.lua` saw, of a server that drops entries by itself or does not."""
    entries, size, allocated, index, due, *found = array(reply)
    looked_due, there_due, looked_else, there_else, size_looked, size_there, *beyond = map(
        number, found
    )
    strata = (
        _Stratum(number(due), looked_due, there_due),
        _Stratum(number(entries) - number(due), looked_else, there_else),
    )
    there = sum(stratum.estimate for stratum in strata)
    margin = sqrt(sum(stratum.margin(drops=drops) ** 2 for stratum in strata))
    left = size_there / size_looked if size_looked else 1.0
    return Usage(
        round(there),
        round(number(size) * left),
        None if index is None else round(index + number(allocated) * left + there * _mean(beyond)),
        uncertainty=margin / there if there else 0.0,
    )


def _mean(numbers: list[int]) -> float:
    return fmean(numbers) if numbers else 0.0
