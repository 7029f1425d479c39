"""Hit rates are those of exact LRU, and another process reports what was counted."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import OrderedDict
from functools import partial

import pytest

from cachectl import Cache

REQUESTS = 6_000
LIMIT = 200


def trace() -> list[str]:
    """Return requests with a few popular keys, a long tail, and now and then a scan."""
    chance = random.Random(7)
    popular = (f"page:{int(chance.paretovariate(0.7))}" for _ in range(REQUESTS))
    scan = (f"scan:{number}" for number in range(REQUESTS))
    return [next(scan) if number % 500 < 50 else next(popular) for number in range(REQUESTS)]


def lru_hits(requests: list[str], limit: int) -> int:
    """Return how many requests exact LRU answers: the model that backends are held against."""
    held: OrderedDict[str, None] = OrderedDict()
    hits = 0
    for key in requests:
        hits += key in held
        held[key] = None
        held.move_to_end(key)
        if len(held) > limit:
            held.popitem(last=False)
    return hits


@pytest.fixture(params=["memory", "file", "redis"])
def config(request, tmp_path, redis_url):
    """A configuration file for each backend, as an application and the tool would share it."""
    path = tmp_path / "cachectl.toml"
    path.write_text(
        f'backend = "{request.param}"\n'
        '[file]\ndirectory = "cache"\n'
        f'[redis]\nurl = "{redis_url}"\n'
        f'[memory]\nname = "{tmp_path.name}"\n'
        f'[namespaces.web]\nmax_entries = {LIMIT}\nttl = "none"\n'
    )
    yield path
    shutil.rmtree(f"/dev/shm/cachectl-{os.geteuid()}-{tmp_path.name}", ignore_errors=True)


def test_a_replayed_trace_hits_as_exact_lru_does(config):
    """Within one process every backend evicts exactly the least recently used."""
    requests = trace()
    loads: list[str] = []

    def load(key: str) -> str:
        loads.append(key)
        return "page"

    with Cache.open(config) as cache:
        web = cache.namespace("web")
        for key in requests:
            web.get_or_load(key, partial(load, key))
        cache.flush()
        told = stats_of_another_process(config)

    hits = lru_hits(requests, LIMIT)
    assert (len(requests) - len(loads), len(loads)) == (hits, len(requests) - hits)
    assert (told["hits"], told["misses"]) == (hits, len(requests) - hits)
    assert told["entries"] == LIMIT


def stats_of_another_process(config):
    """Return what the tool says of the namespace."""
    command = [sys.executable, "-m", "cachectl", "--config", str(config)]
    ended = subprocess.run(
        [*command, "stats", "--format", "json"], capture_output=True, text=True, check=True
    )
    return json.loads(ended.stdout)["namespaces"]["web"]
