"""How the entries of a namespace in memory stand at one moment: in which order limits remove them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from cachectl._backends.eviction.foresight import by_rank
from cachectl._backends.eviction.lrfu import Rank


class Standing(NamedTuple):
    """All keys, least recently used first; and, where `lrfu` decides, the rank of each, and the share
    of the window.
    """

    keys: Sequence[str]
    ranks: Iterable[Rank | None] = ()
    share: float | None = None

    def in_order(self, among: Callable[[str], bool]) -> Iterator[str]:
        """Yield the keys among which limits choose, what goes first first."""
        if self.share is None:
            return filter(among, self.keys)
        ranked = zip(self.keys, self.ranks, strict=True)
        return by_rank(((key, rank) for key, rank in ranked if rank and among(key)), self.share)
