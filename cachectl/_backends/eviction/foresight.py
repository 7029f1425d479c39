"""What LRFU would evict, one after the other, without evicting it: how entries are listed, and what a
dry run tells. `Choice` decides both.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from heapq import heappop, heappush
from itertools import islice
from typing import TypeVar

from cachectl._backends.eviction.lrfu import MAIN, WINDOW, Choice, Place, Rank, State
from cachectl._model.batches import BATCH

T = TypeVar("T")


class Foresight(Choice[T]):
    """What goes next of so many in each segment. Before each `evict`, `window` and `main` have at least
    the next one in their order, unless there is none. What then went is `gone`.
    """

    gone: T

    def __init__(self, in_window: int, in_main: int, share: float) -> None:
        self.state = State(share=share, sizes=[in_window, in_main, 0, 0])
        self.window: deque[Place[T]] = deque()
        self.main: deque[Place[T]] = deque()
        self._promoted: list[Place[T]] = []

    def _first(self, segment: int) -> Place[T] | None:
        if segment == WINDOW:
            return self.window[0] if self.window else None
        if not self._promoted:
            return self.main[0] if self.main else None
        promoted = self._promoted[0]
        return self.main[0] if self.main and self.main[0] < promoted else promoted

    def _promote(self, oldest: Place[T]) -> None:
        self.state.subtract(1, -1)
        heappush(self._promoted, self.window.popleft())

    def _evict(self, segment: int, first: Place[T]) -> str:
        if segment == WINDOW:
            self.state.subtract(1, 0)
            self.window.popleft()
        else:
            self.state.subtract(0, 1)
            if self.main and self.main[0] is first:
                self.main.popleft()
            else:
                heappop(self._promoted)
        self.gone = first.item
        return first.key


def in_order(
    foresight: Foresight[T], window: Iterator[Place[T]], main: Iterator[Place[T]]
) -> Iterator[T]:
    """Yield everything, what goes first first; each segment is in its own order."""
    while True:
        for queue, rest in ((foresight.window, window), (foresight.main, main)):
            if not queue:
                queue.extend(islice(rest, BATCH))
        if foresight.evict() is None:
            return
        yield foresight.gone


async def in_order_of_pages(
    foresight: Foresight[T],
    window: AsyncIterator[Sequence[Place[T]]],
    main: AsyncIterator[Sequence[Place[T]]],
) -> AsyncIterator[T]:
    """Do the same with segments that come page by page; no page is empty."""
    while True:
        for queue, rest in ((foresight.window, window), (foresight.main, main)):
            if not queue:
                with suppress(StopAsyncIteration):
                    queue.extend(await anext(rest))
        if foresight.evict() is None:
            return
        yield foresight.gone


def by_rank(ranked: Iterable[tuple[str, Rank]], share: float) -> Iterator[str]:
    """Yield keys, which are all in the window or the main segment, what goes first first."""
    window: list[tuple[float, str, float]] = []
    main: list[Place[str]] = []
    for key, rank in ranked:
        if rank.segment == MAIN:
            main.append(Place(rank.score, key, key))
        else:
            window.append((rank.order, key, rank.score))
    window.sort()
    main.sort()
    foresight = Foresight[str](len(window), len(main), share)
    yield from in_order(foresight, (Place(score, key, key) for _, key, score in window), iter(main))
