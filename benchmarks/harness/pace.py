"""How much is measured: all that a row says, or as little as shows that it works."""

from typing import Final, NamedTuple

_FEWEST: Final = 1_000


class Pace(NamedTuple):
    """At most so many rounds, the seconds of one sample, those of a run of many calls that are timed
    one by one, and by how much caches are smaller than a row would have them.
    """

    rounds: int
    seconds: float
    run: float = 10.0
    shrunk: int = 1

    def entries(self, number: int) -> int:
        return max(min(number, _FEWEST), number // self.shrunk)


FULL: Final = Pace(25, 0.025)
QUICK: Final = Pace(3, 0.002, 0.5, 100)
"""To see whether everything works; the figures are not to be trusted."""
