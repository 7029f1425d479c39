"""What is written to the disk: by a process that only reads, and by one that sets as well.

The system counts it, for directories that are on a disk; `TMPDIR` says where they are.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from benchmarks.harness import mix
from benchmarks.harness.caches import directory
from benchmarks.harness.disk import written
from benchmarks.harness.mix import KEYS, Open
from benchmarks.harness.pace import Pace
from benchmarks.harness.percentiles import beside
from benchmarks.harness.processes import Processes
from benchmarks.harness.registry import Found, Reading, paced_row
from benchmarks.rows import sides
from benchmarks.rows.file import COUNTING
from benchmarks.rows.sides import LIMIT, LRU, UNLIMITED, Policy

_GETS_A_SECOND: Final = 1_000
_READ: Final = 1e3
"""Bytes that a lookup may have written."""
_SET: Final = 14.4e3
"""Bytes that a `set` among nine lookups may have written: a quarter of what it once was."""


class Side(NamedTuple):
    open: Open
    bar: float | None = None


@paced_row("uses", "waits", "bytes written to the disk", "diskcache")
def uses(pace: Pace) -> Iterator[Found]:
    with directory() as path:
        peers = {
            "diskcache": Side(_diskcache(path / "plain")),
            "diskcache, counting, LRU": Side(_diskcache(path / "counting", **COUNTING)),
        }
        unlimited = Side(_ours(path / "unlimited", UNLIMITED, KEYS), _READ)
        limited = Side(_ours(path / "limited", {**LRU, "max_entries": 2 * KEYS}, KEYS))
        evicting = Side(_ours(path / "evicting", LRU, LIMIT), _SET)
        reading = {"cachectl, no limit": unlimited, "cachectl, a limit": limited, **peers}
        yield from _case(f"{_GETS_A_SECOND:,} gets a second", "a get", reading, pace)
        yield from _case("nine gets a set", "a set", {"cachectl": evicting, **peers}, pace)


def _ours(path: Path, policy: Policy, entries: int) -> Open:
    options = {"backend": "file", "directory": path}
    sides.fill_ours(policy, sides.wanted(entries), **options)
    return partial(sides.ours, policy, **options)


def _diskcache(path: Path, **settings: Any) -> Open:
    sides.fill_diskcache(path, sides.wanted(KEYS), **settings)
    return partial(sides.on_diskcache, path, **settings)


def _case(case: str, per: str, chosen: dict[str, Side], pace: Pace) -> Iterator[Reading]:
    work, found = _reading if per == "a get" else _mixing, {}
    for name, side in chosen.items():
        with Processes(nullcontext, 1) as process:
            ((total, number),) = process.run(work, side.open, pace.run)
        found[name] = Reading(case, name, f"written {per}", total / number, "B", bar=side.bar)
        yield found[name]
    for name, reading in found.items():
        if name.startswith("cachectl"):
            yield from beside([reading], [found["diskcache, counting, LRU"]], {})


def _reading(_opened: None, _place: int, open_: Open, seconds: float) -> tuple[int, int]:
    """Return what a process has written that looks up keys so often, until it is closed, and how often
    it looked up one.
    """
    chance, number, before = Random(1), round(seconds * _GETS_A_SECOND), written()
    with open_() as calls:
        started = time.perf_counter()
        for turn in range(number):
            calls.get(mix.key(chance.randrange(KEYS)))
            early = started + turn / _GETS_A_SECOND - time.perf_counter()
            if early > 0:
                time.sleep(early)
    return written() - before, number


def _mixing(_opened: None, place: int, open_: Open, seconds: float) -> tuple[int, int]:
    """Return what a process has written that also sets, until it is closed, and how often it did."""
    before = written()
    with open_() as calls:
        times = mix.work(calls, place, 1, seconds)
    return written() - before, len(times.sets)
