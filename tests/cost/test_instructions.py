"""What a hit in memory costs: instructions of the processor, as Valgrind counts them."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

import cachectl

PROGRAM: Final = """
import sys, time
from collections import OrderedDict
from cachectl import Cache
from cachectl._config import load

class Plain:
    '''The least that a lookup can be: it compares the TTL, notes the use and counts.'''

    def __init__(self):
        self.entries = OrderedDict(k=("value", time.time() + 3600))
        self.hits = 0

    def get(self, key, default=None):
        entry = self.entries.get(key)
        if entry is None or entry[1] <= time.time():
            return default
        self.entries.move_to_end(key)
        self.hits += 1
        return entry[0]

def call(get, times):
    for _ in range(times):
        get("k")

settings = load(
    overrides={"backend": "memory", "memory.publish": False}, environ={"HOME": "/nonexistent"}
)
with Cache.of(settings, strict=True) as cache:
    namespace = cache.namespace("a", ttl="1h", max_entries=100)
    namespace.set("k", "value")
    plain = Plain()
    call(namespace.get, 100 + int(sys.argv[1]))
    call(plain.get, 100 + int(sys.argv[2]))
"""
OPTIONS: Final = ("--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
CALLS: Final = 4000
EXPECTED: Final = {(3, 11): 2.10}
"""Instructions of a hit for each one of a plain lookup, by the version of Python. Builds of it
that differ by 7 % in both have the same ratio."""
TOLERANCE: Final = 0.03


def run(*command: str, hits: int, plain: int) -> str:
    """Run a process that looks up so often, and return what it says on stderr."""
    ended = subprocess.run(
        [*command, sys.executable, "-c", PROGRAM, str(hits), str(plain)],
        env={"PYTHONHASHSEED": "0", "PYTHONPATH": str(Path(cachectl.__file__).parents[1])},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def test_a_hit_takes_a_known_number_of_instructions():
    """Whatever else the machine does meanwhile. If it takes less, that is good news to be noted."""
    valgrind = shutil.which("valgrind")
    expected = EXPECTED.get(sys.version_info[:2])
    if valgrind is None:
        pytest.skip("valgrind is not installed: apt-get install valgrind")
    if expected is None:
        pytest.skip("no number of instructions is known for this version of Python")

    def instructions(hits: int, plain: int) -> int:
        told = run(valgrind, *OPTIONS, hits=hits, plain=plain)
        found = re.search(r"I +refs: +([\d,]+)", told)
        assert found, told
        return int(found[1].replace(",", ""))

    run(hits=0, plain=0)  # compiles the modules
    with ThreadPoolExecutor(2) as threads:
        nothing, hits, plain = threads.map(instructions, (0, CALLS, 0), (0, 0, CALLS))

    hit, lookup = (hits - nothing) / CALLS, (plain - nothing) / CALLS
    assert hit / lookup == pytest.approx(expected, rel=TOLERANCE), f"{hit:.0f} for {lookup:.0f}"
