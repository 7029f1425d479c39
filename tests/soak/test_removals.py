"""Removals beside loads, over processes: what was acknowledged as removed is never served."""

import json
from pathlib import Path

import pytest

from tests.support.openers import SHARED, Opener
from tests.support.processes import finish, start

pytestmark = pytest.mark.parametrize("opener", SHARED, indirect=True)

KEYS = 8
COMMON = f"""
import asyncio, mmap
from random import Random
from cachectl import AsyncCache

KEYS, SECONDS, chance = {KEYS}, 10.0, Random(int(sys.argv[3]))
end = time.monotonic() + SECONDS
truth = memoryview(mmap.mmap(os.open(sys.argv[2], os.O_RDWR), {2 * KEYS * 8})).cast("Q")
found, stale = 0, 0

def value(key, version):
    '''What the world says of a key; of some keys it is large.'''
    return [version, "x" * (50, 40_000, 1_200_000)[key % 3]]

def looked_up(key, removed, held):
    global found, stale
    found, stale = found + (held is not MISSING), stale + (held is not MISSING and held[0] < removed)
"""
"""`truth` has of each key its version in the world, and the one whose removal was acknowledged."""

THREADS = """
def read(space, chance):
    while time.monotonic() < end:
        key = chance.randrange(KEYS)
        removed = truth[KEYS + key]
        looked_up(key, removed, space.get(f"k{key}"))

        def made():
            version = truth[key]
            time.sleep(chance.random() / 100)
            return value(key, version)

        space.get_or_load(f"k{key}", made, tags=[f"t{key}"])

with open_cache() as cache:
    readers = [
        threading.Thread(target=read, args=(cache.namespace("a"), Random(n))) for n in range(3)
    ]
    for reader in readers: reader.start()
    for reader in readers: reader.join()
print(json.dumps([found, stale]))
"""
TASKS = """
async def read(space, chance):
    while time.monotonic() < end:
        key = chance.randrange(KEYS)
        removed = truth[KEYS + key]
        looked_up(key, removed, await space.get(f"k{key}"))

        async def made():
            version = truth[key]
            await asyncio.sleep(chance.random() / 100)
            return value(key, version)

        await space.get_or_load(f"k{key}", made, tags=[f"t{key}"])

async def main():
    async with AsyncCache.of(load(overrides=options, environ={"HOME": "/nonexistent"})) as cache:
        await asyncio.gather(*(read(cache.namespace("a"), Random(n)) for n in range(6)))

asyncio.run(main())
print(json.dumps([found, stale]))
"""
REMOVER = """
with open_cache(strict=True) as cache:
    space = cache.namespace("a")
    while time.monotonic() < end:
        key = chance.randrange(KEYS)
        truth[key] = version = truth[key] + 1
        chance.choice([
            lambda: space.delete(f"k{key}"),
            lambda: space.invalidate(tag=f"t{key}"),
            lambda: space.set(f"k{key}", value(key, version), tags=[f"t{key}"]),
            space.clear,
        ])()
        truth[KEYS + key] = version
        time.sleep(chance.random() / 100)
print(json.dumps([sum(truth[KEYS:]), 0]))
"""


def test_nothing_is_served_that_was_removed_before_it_was_asked_for(
    opener: Opener, tmp_path: Path
) -> None:
    """Three processes load for threads and tasks, and one changes the world and removes."""
    truth = tmp_path / "truth"
    truth.write_bytes(bytes(2 * KEYS * 8))
    programs = [THREADS, THREADS, TASKS, REMOVER]
    workers = [
        start(COMMON + program, opener.settings, arguments=[str(truth), str(number)])
        for number, program in enumerate(programs)
    ]
    counted = [json.loads(finish(worker)) for worker in workers]
    assert all(done > 100 for done, _ in counted), counted
    assert [stale for _, stale in counted] == [0, 0, 0, 0]
