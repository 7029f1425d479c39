"""Writes of tasks: one thread does them in their order, and those of many tasks in one commit."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from time import monotonic
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

from cachectl._backends.file.store import FileStore
from cachectl._backends.worker import Worker, settle, tell
from cachectl._model.deadline import call_began, noted, one_call
from cachectl._model.loops import running_loop
from cachectl._model.policy import Limits
from cachectl._model.records import Item, Lease, Written
from cachectl.errors import BackendBusy

P = ParamSpec("P")
T = TypeVar("T")

_MOST: Final = 100
"""How many calls share a commit."""


class _Put(NamedTuple):
    """Entries that may be written together with those of others."""

    store: FileStore
    items: Sequence[Item]
    limits: Limits
    now: float

    def kind(self) -> object:
        return _Put, self.store, self.limits

    @staticmethod
    def do(puts: "list[_Put]") -> list[Written]:
        items = [item for put in puts for item in put.items]
        first, now = puts[0], max(put.now for put in puts)
        written = first.store.put(items, first.limits, now)
        return [
            written._replace(stored=len(first.items)),
            *(Written(stored=len(put.items)) for put in puts[1:]),
        ]


class _Loaded(NamedTuple):
    """What a load brought, to be written if its lease is good."""

    store: FileStore
    item: Item
    lease: Lease
    limits: Limits
    now: float

    def kind(self) -> object:
        return _Loaded, self.store, self.limits

    @staticmethod
    def do(loads: "list[_Loaded]") -> list[Written]:
        first, now = loads[0], max(load.now for load in loads)
        return first.store.put_loaded([load[1:3] for load in loads], first.limits, now)


class _Lease(NamedTuple):
    """A lease that is to be taken."""

    store: FileStore
    key: str
    tags: Sequence[str]
    now: float

    def kind(self) -> object:
        return _Lease, self.store

    @staticmethod
    def do(wanted: "list[_Lease]") -> list[Lease]:
        return wanted[0].store.leases([one[1:] for one in wanted])


_Together = _Put | _Loaded | _Lease
"""What may share a commit: those of a kind, one after the other."""


class _Call(NamedTuple):
    """What a task waits for."""

    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    began: float
    what: _Together | Callable[[], Any]

    def group(self) -> object:
        """What the same value of means that two calls, one after the other, share a commit."""
        what = self.what
        return what.kind() if isinstance(what, _Together) else self.future


_Outcome = tuple["asyncio.Future[Any]", object, BaseException | None]


class WriteQueue:
    """What tasks of any number of event loops write. A task that gives up waiting does not take
    back what it asked for. A call waits for others no longer than if it were made at once.
    """

    def __init__(self, worker: Worker, timeout: float) -> None:
        self._worker = worker
        self._timeout = timeout
        self._calls: deque[_Call] = deque()
        self._is_called = False

    async def put(
        self, store: FileStore, items: Sequence[Item], limits: Limits, now: float
    ) -> Written:
        """Write entries, whatever stands there. What is evicted to make room for those of several
        calls is told to the first of them.
        """
        written: Written = await self._ask(_Put(store, items, limits, now))
        return written

    async def put_loaded(
        self, store: FileStore, item: Item, lease: Lease, limits: Limits, now: float
    ) -> Written:
        """Write what a load brought, if its lease is good."""
        written: Written = await self._ask(_Loaded(store, item, lease, limits, now))
        return written

    async def lease(self, store: FileStore, key: str, tags: Sequence[str], now: float) -> Lease:
        """Take a lease."""
        lease: Lease = await self._ask(_Lease(store, key, tags, now))
        return lease

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns, called after all that was asked for before."""
        value: T = await self._ask(partial(function, *args, **kwargs))
        return value

    def close(self, seconds: float) -> None:
        """Wait so long at most until everything is written that was asked for."""
        done = threading.Event()
        self._worker.submit(done.set)
        done.wait(seconds)
        self._worker.close()

    def after_fork_in_child(self) -> None:
        """Forget what the parent writes."""
        self._calls.clear()
        self._is_called = False
        self._worker.after_fork_in_child()

    async def _ask(self, what: _Together | Callable[[], Any]) -> Any:
        loop = running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        began = call_began()
        self._calls.append(_Call(loop, future, began, what))
        if not self._is_called:
            self._is_called = True
            self._worker.submit(self._work)
        return await noted(future, began)

    def _work(self) -> None:
        self._is_called = False  # who asks from here on calls again
        while calls := self._taken():
            outcomes: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
            again: list[_Call] = []
            for _, group in groupby(calls, _Call.group):
                together = list(group)
                for call, (value, error) in zip(together, _done(together), strict=True):
                    if isinstance(error, BackendBusy) and monotonic() < call.began + self._timeout:
                        again.append(call)  # it has more time than the first
                    else:
                        outcomes.setdefault(call.loop, []).append((call.future, value, error))
            self._calls.extendleft(reversed(again))
            for loop, told in outcomes.items():
                tell(loop, partial(_settle_all, told))

    def _taken(self) -> list[_Call]:
        """Return the calls that come next."""
        calls: list[_Call] = []
        while self._calls and len(calls) < _MOST:
            calls.append(self._calls.popleft())
        return calls


def _done(calls: list[_Call]) -> Iterator[tuple[object, BaseException | None]]:
    """Do calls that share a commit, and yield what becomes of each: a value or an error."""
    try:
        with one_call(calls[0].began):
            values = _together(calls)
    except BaseException as error:  # noqa: BLE001 - it is that of the tasks
        return iter([(None, error)] * len(calls))
    return ((value, None) for value in values)


def _together(calls: list[_Call]) -> list[Any]:
    first = calls[0].what
    if not isinstance(first, _Together):
        return [first()]
    all_of_a_kind: list[Any] = [call.what for call in calls]
    return list(first.do(all_of_a_kind))


def _settle_all(outcomes: list[_Outcome]) -> None:
    for future, value, error in outcomes:
        settle(future, value, error)
