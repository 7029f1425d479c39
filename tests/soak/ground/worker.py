"""One process of callers of mixed kinds, which is killed, stopped and begun again at any moment.

SOAK_SECRET=… python -m tests.soak.ground.worker '{"settings": {…}, "number": 0, …}'
"""

import asyncio
import faulthandler
import inspect
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from cachectl import MISSING, AsyncCache, BackendError, Cache, Write
from cachectl._backends.fallback.backend import FallbackBackend
from cachectl._config import Settings, load
from cachectl._model.coroutines import run
from cachectl.errors import DamagedEntry
from cachectl.testing.opener import ENVIRONMENT
from tests.soak.actions import LONGEST
from tests.soak.ground.truth import KEYS, SIZES, Truth
from tests.soak.journal import INTERRUPTED, LOOKED_UP, Journal
from tests.soak.mixed import at_rest, now_open

NAME = "ground"
DAMAGE = (DamagedEntry,) if os.environ.get("SOAK_KIND") == "rough" else ()
"""What a look at an entry may say where copies are put in place, of which a part is older than the other."""
TAGS = 8
TASKS = 4
"""Lanes of a loop."""
RECOVERED = 6.0
"""Seconds in which a cache is back after the last disturbance."""
WEIGHTS = {
    "get": 50, "set": 20, "get_or_load": 8, "peek": 4, "has": 4, "delete": 6, "set_many": 2,
    "invalidate": 2, "stats": 1, "entries": 1, "status": 1, "clear": 0.3,
}  # fmt: skip


class Lane:
    """What one thread or task does, one call after the other; nobody else writes its keys. What a
    `strict` one counts is written when its cache is closed, and so not if its process is killed.
    """

    def __init__(self, worker: "Worker", name: str, keys: list[int]) -> None:
        self.name = name
        self._looked_up = INTERRUPTED if name.endswith("strict") else LOOKED_UP
        self._worker = worker
        self._keys = keys
        self._chance = Random(f"{worker.seed}:{name}")

    async def act(self, cache: Cache | AsyncCache) -> None:
        """Do one thing, and look at what comes back and when."""
        worker, chance = self._worker, self._chance
        kinds = list(WEIGHTS) if self._keys else ["get", "peek", "has", "delete", "stats"]
        (kind,) = chance.choices(kinds, [WEIGHTS[each] for each in kinds])
        mine = self._keys and kind in {"set", "set_many", "get_or_load"}
        key = chance.choice(self._keys if mine else range(KEYS))
        action: Callable[..., Any] = getattr(self, f"_{kind}", self._other)
        started = time.perf_counter()
        try:
            await action(cache, kind, key)
        except (BackendError, *DAMAGE):
            worker.journal.note(INTERRUPTED)
        except Exception:  # noqa: BLE001 - all of them are told
            worker.journal.complain(f"{self.name}: {kind}: {traceback.format_exc()}")
        took = time.perf_counter() - started - worker.journal.pulse.late(started)
        worker.journal.took(took)
        if took > LONGEST:
            worker.journal.complain(f"{self.name}: {kind} took {took:.2f} s")

    async def _get(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        bound, away = self._worker.truth.bound(key), self._is_away(cache)
        found = await awaited(space(cache).get(f"k{key}"))
        self._worker.journal.note(self._looked_up)
        if found is not MISSING:
            self._check(cache, kind, key, found, 0 if away else bound)

    async def _peek(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        bound, away = self._worker.truth.bound(key), self._is_away(cache)
        found = await awaited(space(cache).peek(f"k{key}"))
        if found is not None:
            self._check(cache, kind, key, found.value, 0 if away else bound)

    async def _get_or_load(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        bound, away = self._worker.truth.bound(key), self._is_away(cache)
        value = Truth.value(key, self._chance.choice(SIZES))

        async def load_in_task() -> list[object]:
            return value

        load: Any = load_in_task if isinstance(cache, AsyncCache) else lambda: value
        found = await awaited(space(cache).get_or_load(f"k{key}", load, tags=[tag_of(key)]))
        self._worker.journal.note(self._looked_up)
        self._check(cache, kind, key, found, 0 if away else bound)

    async def _set(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        value = Truth.value(key, self._chance.choice(SIZES))
        if await awaited(space(cache).set(f"k{key}", value, tags=[tag_of(key)])):
            self._worker.truth.wrote(key, value)

    async def _set_many(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        keys = sorted({key, self._chance.choice(self._keys)})
        values = {each: Truth.value(each, 100) for each in keys}
        writes = [Write(f"k{each}", value, tags=[tag_of(each)]) for each, value in values.items()]
        outcomes = await awaited(space(cache).set_many(writes))
        for each, outcome in zip(keys, outcomes, strict=True):
            if outcome:
                self._worker.truth.wrote(each, values[each])

    async def _delete(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        await self._remove(cache, [key], lambda: space(cache).delete(f"k{key}"))

    async def _invalidate(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        keys = [each for each in range(KEYS) if tag_of(each) == tag_of(key)]
        await self._remove(cache, keys, lambda: space(cache).invalidate(tag=tag_of(key)))

    async def _clear(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        await self._remove(cache, list(range(KEYS)), space(cache).clear)

    async def _remove(
        self, cache: Cache | AsyncCache, keys: list[int], removal: Callable[[], Any]
    ) -> None:
        """Remove, and say so to all; what memory removes in an outage, others see later."""
        written, away = self._worker.truth.written(), self._is_away(cache)
        await awaited(removal())
        if not away and not self._is_away(cache):
            self._worker.truth.removed(written, keys)

    async def _other(self, cache: Cache | AsyncCache, kind: str, key: int) -> None:
        if kind == "status":
            await awaited(cache.status())
        elif kind == "has":
            await awaited(space(cache).has(f"k{key}"))
        elif kind == "stats":
            await awaited(space(cache).stats())
        else:
            entries: Any = space(cache).entries()
            assert all([info.key async for info in entries] if hasattr(entries, "__aiter__") else
                       [info.key for info in entries])  # fmt: skip

    def _is_away(self, cache: Cache | AsyncCache) -> bool:
        """Whether others see later what is done now: memory stands in, or the place just changed."""
        backend = cache._core.backend
        stands_in = isinstance(backend, FallbackBackend) and backend._breaker.is_open
        return stands_in or not self._worker.truth.is_settled

    def _check(
        self, cache: Cache | AsyncCache, kind: str, key: int, value: object, bound: int
    ) -> None:
        fault = Truth.fault(key, value)
        if fault is None and value[1] <= bound and not self._is_away(cache):  # type: ignore[index]
            fault = f"a value that was removed: {value[1]} of {bound}"  # type: ignore[index]
        if fault is not None:
            self._worker.journal.complain(f"{self.name}: {kind} of k{key} found {fault}")


def space(cache: Cache | AsyncCache) -> Any:
    return cache.namespace(NAME, ttl="1h")


def tag_of(key: int) -> str:
    return f"t{key % TAGS}"


async def awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


class Worker:
    """The callers of a process: two threads, a loop; one of them forks, or opens caches."""

    def __init__(
        self,
        settings: dict[str, object],
        number: int,
        of: int,
        seed: str,
        folder: str,
        seconds: float,
    ) -> None:
        self.seed = seed
        self.journal = Journal(Path(folder))
        self.truth = Truth(Path(folder, "truth"))
        self.settings: Settings = load(overrides=settings, environ=ENVIRONMENT)
        self.until = time.monotonic() + seconds
        self.number = number
        self._keys = range(number, KEYS, of)

    def lane(self, name: str, part: int = 0) -> Lane:
        """Return a lane that writes a part of this worker's keys; part 0 writes nothing."""
        return Lane(self, f"{self.number}.{name}", list(self._keys[part - 1 :: 3]) if part else [])

    def work(self) -> dict[str, object]:
        """Run all callers, wait until the cache is well again, and say what there is to say."""
        before = now_open()
        with Cache.of(self.settings) as cache, Cache.of(self.settings, strict=True) as strict:
            callers = [
                threading.Thread(target=self._thread, args=(cache, self.lane("thread", 1))),
                threading.Thread(target=asyncio.run, args=(self._loop(self.lane("loop", 2)),)),
                threading.Thread(target=(self._forks, self._opens)[self.number % 2], args=(cache,)),
            ]
            for caller in callers:
                caller.start()
            self._thread(strict, self.lane("strict", 3))
            for caller in callers:
                caller.join(30)
                if caller.is_alive():
                    self.journal.complain(f"{self.number}: {caller} hangs")
                    faulthandler.dump_traceback()
                    os._exit(1)
            self._recover(cache, strict)
        del cache, strict, callers
        return {"slowest": self.journal.slowest, "before": before, "after": at_rest()}

    def _thread(self, cache: Cache, lane: Lane) -> None:
        while time.monotonic() < self.until:
            run(lane.act(cache))

    async def _loop(self, lane: Lane) -> None:
        async def follow(lane: Lane, cache: AsyncCache) -> None:
            while time.monotonic() < self.until:
                await lane.act(cache)

        async with AsyncCache.of(self.settings) as cache:
            others = [self.lane(f"task {number}") for number in range(TASKS - 1)]
            await asyncio.gather(*(follow(each, cache) for each in (lane, *others)))

    def _forks(self, cache: Cache) -> None:
        chance = Random(f"{self.seed}:forks")
        while time.monotonic() < self.until:
            lane, ends = self.lane("child"), chance.random() < 0.5
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                for _ in range(10):
                    run(lane.act(cache))
                if ends:
                    cache.close()
                os._exit(0)
            if (status := os.waitpid(child, 0)[1]) != 0:
                self.journal.complain(f"{self.number}: a child ended with {status}")
            time.sleep(chance.uniform(0, 0.1))

    def _opens(self, cache: Cache) -> None:
        while time.monotonic() < self.until:
            lane = self.lane("opened")
            with Cache.of(self.settings) as another:
                for _ in range(20):
                    run(lane.act(another))

    def _recover(self, cache: Cache, strict: Cache) -> None:
        """Wait until the cache is in use again, now that nothing disturbs it."""
        deadline, said = time.monotonic() + RECOVERED, ""
        while time.monotonic() < deadline:
            try:
                assert space(strict).set("end", self.number)
                assert space(cache).set("end", self.number)
                assert cache.status().status != "fallback_only"
            except (BackendError, AssertionError):
                said = traceback.format_exc()
                time.sleep(0.1)
            else:
                return
        self.journal.complain(f"{self.number}: not back: {cache.status()} {said}")


def main() -> None:
    given = json.loads(sys.argv[1])
    faulthandler.register(signal.SIGUSR1)
    faulthandler.dump_traceback_later(given["seconds"] + 120, exit=True)
    print(json.dumps(Worker(**given).work()))  # noqa: T201


if __name__ == "__main__":
    main()
