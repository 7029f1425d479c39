"""Quantiles of very many numbers, without holding them."""

from math import ceil, inf, log
from typing import Final

_STEP: Final = log(1.002)
"""Numbers are told apart if they differ by 0.2 %."""
_LEAST: Final = 1e-3


class Quantiles:
    """Numbers from 0 on, counted in steps that grow with them, 22,000 at most up to 2⁶²; what is less
    than a thousandth is 0.
    """

    def __init__(self) -> None:
        self._steps: dict[float, tuple[int, float]] = {}  # how many there are, and the greatest
        self.number: int = 0
        self.most: float = 0.0

    def add(self, number: float) -> None:
        step = ceil(log(number) / _STEP) if number >= _LEAST else -inf
        count, most = self._steps.get(step, (0, 0.0))
        self._steps[step] = count + 1, max(most, number)
        self.number += 1
        self.most = max(self.most, number)

    def at(self, *shares: float) -> list[float]:
        """Return for each share, from 0 to 1 in their order, a number that was added, and which as great a
        share of all does not exceed: the least such number, or one up to 0.2 % above it. There must
        be a number.
        """
        found: list[float] = []
        left = iter(sorted(self._steps.items()))
        upto, most = 0, 0.0
        for share in shares:
            while upto < max(1, ceil(share * self.number - 1e-9)):
                _, (count, most) = next(left)
                upto += count
            found.append(most)
        return found
