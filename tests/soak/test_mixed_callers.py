"""Minutes of eight callers of mixed kinds, on each backend. Run by `make soak`.

SOAK_SECONDS=20 makes it a short try, SOAK_SEED=… has the callers choose as in a run before.
"""

import json
import os
import shutil
import subprocess
import sys
from random import SystemRandom

import pytest

from tests.support.home import ROOT
from tests.support.openers import WRITABLE, empty_place

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))
SEED = int(os.environ.get("SOAK_SEED") or SystemRandom().randrange(10**9))
MORE_THREADS, MORE_DESCRIPTORS = 4, 16
"""What may be there after one round and not after another: of the connections that were in use at
once, up to eight stay open, with two descriptors each."""


@pytest.fixture(params=WRITABLE)
def settings(request):
    """One place for all caches and processes; those in memory publish their counts together."""
    name = f"soak-{os.getpid()}"
    place = {name: str(value) for name, value in empty_place(request).items()}
    yield {**place, "memory.name": name, "memory.publish": "true"}
    shutil.rmtree(f"/dev/shm/cachectl-{os.geteuid()}-{name}", ignore_errors=True)


def test_mixed_callers_find_what_they_wrote_in_time_and_are_counted(settings, tmp_path, capsys):
    with capsys.disabled():
        sys.stdout.write(f"\n{settings['backend']}: SOAK_SEED={SEED}\n")
    given = {"settings": settings, "seconds": SECONDS, "seed": SEED, "folder": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.soak.mixed", json.dumps(given)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS + 300,
    )  # fmt: skip
    problems = (tmp_path / "problems").read_text()
    assert (problems, ended.returncode) == ("", 0), problems + ended.stderr
    told = json.loads(ended.stdout)
    with capsys.disabled():
        sys.stdout.write(f"{told}\n")

    assert told["looked up"] <= told["counted"] <= told["looked up"] + told["interrupted"]
    first, *others = told["at rest"]
    for threads, descriptors in others:
        assert threads <= first[0] + MORE_THREADS
        assert descriptors <= first[1] + MORE_DESCRIPTORS
    assert told["after"][0] <= told["before"][0]
    assert told["after"][1] <= told["before"][1] + MORE_THREADS
    assert told["status"] in ("ok", "refusing")  # a lock that was waited for in vain
