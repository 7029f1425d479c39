"""Eight callers of mixed kinds on one cache, for a while.

    python -m tests.soak.mixed '{"settings": {…}, "seconds": 20, "seed": 7, "folder": "/tmp/…"}'

What each of them does follows from the seed and its number. It prints what was counted and noted,
and how many threads and descriptors there were whenever all had come to rest; what must not happen
is in the folder, and hangs are on stderr.
"""

import asyncio
import faulthandler
import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from cachectl import Cache
from cachectl._config import load
from cachectl.testing.opener import ENVIRONMENT
from tests.soak.callers import HUNG, KINDS, NAME, Caller, Place
from tests.soak.journal import INTERRUPTED, LOOKED_UP, REFUSED, Journal

ROUNDS = 4
"""How often all come to rest."""
GRACE = 5.0
"""Seconds that what was dropped has to end."""


class Open(NamedTuple):
    """What a process has."""

    threads: int
    descriptors: int


def now_open() -> Open:
    """Return what this process has."""
    return Open(*(sum(1 for _ in Path(f"/proc/self/{kind}").iterdir()) for kind in ("task", "fd")))


def at_rest() -> Open:
    """Return what is still open once nothing has ended for a while."""
    end = time.monotonic() + GRACE
    found, since = now_open(), time.monotonic()
    while time.monotonic() < min(end, since + GRACE / 5):
        gc.collect()
        time.sleep(0.05)
        if (latest := now_open()) != found:
            found, since = latest, time.monotonic()
    return found


def work(callers: list[Caller], seconds: float) -> None:
    """Let all of them call the cache; one that does not come back ends the process."""
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=_guarded, args=(each, until)) for each in callers[1:]]
    for thread in threads:
        thread.start()
    _guarded(callers[0], until)
    for thread, caller in zip(threads, callers[1:], strict=True):
        thread.join(HUNG * 2)
        if thread.is_alive():
            caller.place.journal.complain(f"{caller.name} hangs")
            faulthandler.dump_traceback()
            os._exit(1)


def _guarded(caller: Caller, until: float) -> None:
    try:
        caller.work(until)
    except BaseException:  # noqa: BLE001 - the others go on
        caller.place.journal.complain(f"{caller.name} ended: {traceback.format_exc()}")


def soak(settings: dict[str, object], seconds: float, seed: int, folder: str) -> dict[str, Any]:
    """Run all callers and return what there is to say."""
    journal = Journal(Path(folder))
    before = at_rest()
    place = Place(load(overrides=settings, environ=ENVIRONMENT), journal)
    place.for_threads.namespace.set("first", None)
    place.cache.flush()  # counts in memory begin anew with a process that finds nobody who publishes
    callers = [kind(place, f"{seed}:{number}") for number, kind in enumerate(KINDS)]
    rests = []
    for _ in range(ROUNDS):
        work(callers, seconds / ROUNDS)
        rests.append(at_rest())
    status = place.cache.status().status
    asyncio.run(place.async_cache.close())
    place.cache.flush()
    with Cache.of(load(overrides=settings | {"memory.observe": True}, environ=ENVIRONMENT)) as all_:
        figures = all_.stats(NAME).namespaces[NAME]
    place.cache.close()
    del place, callers
    return {
        "status": status,
        "counted": figures.hits + figures.misses + figures.shared,
        "errors": figures.errors,
        "looked up": journal.noted(LOOKED_UP),
        "interrupted": journal.noted(INTERRUPTED),
        "refused": journal.noted(REFUSED),
        "slowest": journal.slowest,
        "before": before,
        "at rest": rests,
        "after": at_rest(),
    }


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    faulthandler.register(signal.SIGUSR1)
    faulthandler.dump_traceback_later(given["seconds"] + 4 * HUNG + 60, exit=True)
    print(json.dumps(soak(**given)))  # noqa: T201
