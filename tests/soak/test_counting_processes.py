"""A million lookups of processes that use a cache at once: what is counted is what they counted themselves."""

import json
import time
from collections import Counter
from typing import Any, Final

import pytest

from cachectl.testing.processes import start
from tests.support.openers import Opener

LOOKUPS: Final = 50_000
"""By each of four threads, or tasks, of each process."""
SECONDS: Final = 900
ENDS: Final = ("closes", "exits", "forks", "tasks", "killed")
"""How processes end: the counts of one that is killed are in its slot, what it noted beside them is not."""

PROGRAM: Final = """
import asyncio, random, signal
from collections import Counter
from itertools import accumulate
from cachectl import AsyncCache

end, lookups = sys.argv[2], int(sys.argv[3])
name = "lost" if end == "killed" else "space"
weights = [*accumulate(1 / (rank + 1) ** 0.9 for rank in range(10_000))]
found, took, refused = [], [], []

def keys(worker):
    chance = random.Random(f"{end} {worker}")
    for number, rank in enumerate(chance.choices(range(10_000), cum_weights=weights, k=lookups)):
        yield number, f"key {rank:05}", rank % 7 > 0  # the others are never stored

def work(cache, worker):
    space = cache.namespace(name, max_entries=3_000, ttl=None)
    loads = cache.namespace(f"{name}-loads", ttl=None)
    for number, key, is_stored in keys(worker):
        value = space.get(key)
        found.append((key, value is not MISSING))
        if value is MISSING and is_stored:
            refused.extend([] if space.set(key, number) else [key])
        if number % 250 == 0:
            loaded = f"{end} {worker} {number}"
            loads.get_or_load(loaded, lambda: time.sleep(0.0003 * (1 + number % 7)))
            took.append(loads.peek(loaded).load_us / 1e6)

async def looks_up(space, worker):
    for number, key, is_stored in keys(worker):
        value = await space.get(key)
        found.append((key, value is not MISSING))
        if value is MISSING and is_stored:
            refused.extend([] if await space.set(key, number) else [key])

async def tasks():
    async with AsyncCache.of(load(overrides=options, environ={})) as cache:
        space = cache.namespace(name, max_entries=3_000, ttl=None)
        await asyncio.gather(*(looks_up(space, each) for each in range(4)))

def threads(cache):
    workers = [threading.Thread(target=work, args=(cache, each)) for each in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()

if end == "tasks":
    asyncio.run(tasks())
else:
    cache = open_cache()
    if end == "forks":
        cache.namespace(name).get("key 00000")
        found.append(("key 00000", False))
        if os.fork():
            os.wait()
            sys.exit()
    threads(cache)
    if end == "closes":
        cache.close()
missed = Counter(key for key, is_hit in found if not is_hit)
print(json.dumps([len(found), missed, took, len(refused)]), flush=True)
if end == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run_all(opener: Opener) -> dict[str, Any]:
    """Run a process for each end, all at once, and return what they counted."""
    arguments = {end: [end, str(LOOKUPS)] for end in ENDS}
    running = {end: start(PROGRAM, opener.settings, None, arguments[end]) for end in ENDS}
    try:
        return {
            end: json.loads(each.communicate(timeout=SECONDS)[0]) for end, each in running.items()
        }
    finally:
        for each in running.values():
            each.kill()


@pytest.mark.parametrize("opener", ["file", "redis"], indirect=True)
def test_what_is_counted_is_what_processes_counted_themselves(opener: Opener):
    """However they end: hits, misses, their reasons, the keys that are missed most, and how long loads take."""
    counted = run_all(opener)
    with Opener(opener.settings, time.time)() as cache:
        report = cache.stats(parts=24, details=True)

    for name, ends in (("lost", ENDS[-1:]), ("space", ENDS[:-1])):
        figures, missed = report.namespaces[name], Counter[str]()
        for end in ends:
            missed.update(counted[end][1])
        assert figures.hits + figures.misses == sum(counted[end][0] for end in ends)
        assert figures.misses == missed.total() == sum(figures.missed.values())
        assert sum(part.misses for part in report.trends[name].parts) == figures.misses
        refused = sum(counted[end][3] for end in ends)  # others write for too long
        assert figures.errors == refused + figures.missed["error"]

    ranked = sorted(missed.items(), key=lambda item: (-item[1], item[0]))
    assert list(report.details["space"].top_misses) == ranked[:10]
    took = sorted(seconds for end in ENDS[:-1] for seconds in counted[end][2])
    load = report.details["space-loads"].latency["load"]
    assert load.measured == report.namespaces["space-loads"].missed["absent"] == len(took)
    assert load.p50 == pytest.approx(took[(len(took) - 1) // 2], rel=0.021)
    assert load.p99 == pytest.approx(took[int(0.99 * (len(took) - 1))], rel=0.021)
