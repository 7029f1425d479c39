"""Ground that gives way: what becomes of a place while eight callers of mixed kinds use it, and each of
their processes is killed or stopped at any moment. Run by `make soak`.

SOAK_SECONDS=20 makes it a short try, SOAK_SEED=… has all choose as in a run before.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random, SystemRandom

import pytest

from cachectl import Cache
from cachectl._config import load
from cachectl.testing.opener import ENVIRONMENT
from tests.soak.ground.files import Files
from tests.soak.ground.server import Redis
from tests.soak.ground.truth import Truth
from tests.soak.ground.worker import NAME, TASKS
from tests.soak.journal import INTERRUPTED, LOOKED_UP, Journal
from tests.support.home import ROOT

SECONDS = float(os.environ.get("SOAK_SECONDS", "150"))
SEED = int(os.environ.get("SOAK_SEED") or SystemRandom().randrange(10**9))
WORKERS = 3
AT_ONCE = TASKS + 4
"""Lookups of one process that may be under way when it is killed."""
CALM_END = 4.0
"""Seconds before the end in which nothing is disturbed any more."""


class Workers:
    """The processes, each begun again when it was killed."""

    def __init__(self, settings: list[dict[str, object]], folder: Path, end: float) -> None:
        self._settings = settings
        self._folder = folder
        self._end = end
        self.killed = 0
        self.running = [self._start(number) for number in range(WORKERS)]

    def kill(self, number: int) -> None:
        """Kill one, and begin it again."""
        self.running[number].kill()
        self.running[number].communicate()
        self.killed += 1
        self.running[number] = self._start(number)

    def stop(self, number: int, seconds: float) -> None:
        """Let one do nothing for a while, whatever it holds."""
        self.running[number].send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.running[number].send_signal(signal.SIGCONT)

    def _start(self, number: int) -> "subprocess.Popen[str]":
        given = {
            "settings": self._settings[number % len(self._settings)],
            "number": number, "of": WORKERS, "seed": f"{SEED}:{self.killed}",
            "folder": str(self._folder), "seconds": self._end - time.monotonic(),
        }  # fmt: skip
        command = [sys.executable, "-W", "ignore", "-m", "tests.soak.ground.worker"]
        with (self._folder / f"{number}.log").open("a") as log:
            return subprocess.Popen(
                [*command, json.dumps(given)], cwd=ROOT, text=True,
                env={**os.environ, "SOAK_SECRET": str(SEED)}, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip


def disturb(
    workers: Workers, events: list[Callable[[], None]], chance: Random, end: float
) -> list[str]:
    """Let one thing happen after the other until then; return what did."""
    happened = []
    while time.monotonic() < end:
        number, seconds = chance.randrange(WORKERS), chance.uniform(0.2, 4)
        kill, stop = partial(workers.kill, number), partial(workers.stop, number, seconds)
        possible: list[Callable[[], None]] = [*events, kill, stop]
        event = chance.choice(possible)
        happened.append(getattr(event, "__name__", "kill" if event is kill else "stop"))
        event()
        time.sleep(chance.uniform(0.2, 1))
    return happened


@pytest.mark.parametrize("kind", ["calm", "rough"])
@pytest.mark.parametrize("ground", [Files, Redis])
def test_what_was_removed_stays_removed_and_calls_return_on_ground_that_gives_way(
    ground: type[Files] | type[Redis], kind: str, tmp_path: Path, capsys
):
    """What is calm loses nothing. Then all lookups are counted as well, unless a process ended while there
    was no room for its counts.
    """
    Truth.make(tmp_path / "truth")
    os.environ["SOAK_SECRET"] = str(SEED)
    os.environ["SOAK_KIND"] = kind
    journal, chance = Journal(tmp_path), Random(f"{SEED}:{ground.__name__}:{kind}")
    end = time.monotonic() + SECONDS
    with ground.opened(tmp_path, Truth(tmp_path / "truth"), chance) as place:
        workers = Workers(place.settings, tmp_path, end)
        happened = disturb(workers, getattr(place, kind), chance, end - CALM_END)
        told = [
            json.loads(worker.communicate(timeout=120)[0] or "{}") for worker in workers.running
        ]
        ended = [worker.returncode for worker in workers.running]
        overrides = load(overrides=place.settings[0], environ=ENVIRONMENT)
        with Cache.of(overrides, strict=True) as cache:
            figures = cache.stats(NAME).namespaces[NAME]
    looked_up, interrupted = journal.noted(LOOKED_UP), journal.noted(INTERRUPTED)
    counted = figures.hits + figures.misses + figures.shared
    with capsys.disabled():
        sys.stdout.write(
            f"\n{ground.__name__}, {kind}: SOAK_SEED={SEED}; {workers.killed} killed, {happened};"
            f" {looked_up} looked up, {interrupted} interrupted, {counted} counted; {told}\n"
        )
    assert journal.problems() == ""
    assert ended == [0] * WORKERS, (tmp_path / "0.log").read_text()[-3000:]
    assert looked_up > 100
    assert counted <= looked_up + interrupted + workers.killed * AT_ONCE
    assert kind == "rough" or "fill" in happened or looked_up <= counted
    for each in told:
        assert each["after"][1] <= each["before"][1] + 4
