"""Loaders: functions that make the values of keys."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from cachectl import Cache, UsageError
from cachectl._engine.warm import LoaderSource, WarmOptions, WarmReport, resolve, warm
from tests.support.home import ROOT
from tests.support.second_user import MALLORY, needs_root

Load = Callable[..., WarmReport]


@pytest.fixture
def load(cache: Cache, tmp_path: Path) -> Load:
    """Warm the namespace `n` with a loader from keys, four at a time."""

    def run(function: Callable[[str], object], *keys: str, jobs: int = 4) -> WarmReport:
        path = tmp_path / "keys"
        path.write_text("\n".join(keys))
        return warm(cache, [LoaderSource(function, path, "n")], WarmOptions(jobs=jobs))

    return run


def test_a_loader_is_called_with_each_key(load: Load, cache: Cache):
    """What it returns is stored with the time it took and the policy's TTL."""
    paused = threading.Event()

    def slow_upper(key: str) -> str:
        paused.wait(0.01)
        return key.upper()

    report = load(slow_upper, "a", "", "b")
    entry = cache.namespace("n").peek("a")
    assert entry is not None
    assert (report.read, report.written, report.failures) == (2, 2, [])
    assert report.bytes == cache.stats().totals.bytes
    assert (entry.value, entry.expires_at - entry.created_at) == ("A", 3600)
    assert 10_000 <= entry.load_us < 5_000_000


def test_an_async_loader_is_awaited(load: Load, cache: Cache):
    """All calls share one event loop, and as many as jobs run at once."""
    loops = set()
    together = 0
    met: dict[str, asyncio.Event] = {}

    async def meeting(key: str) -> int:
        nonlocal together
        loops.add(asyncio.get_running_loop())
        event = met.setdefault("all", asyncio.Event())
        together += 1
        if together == 3:
            event.set()
        await event.wait()
        return len(key)

    report = load(meeting, "a", "bb", "ccc", jobs=3)
    assert (report.written, report.failures) == (3, [])
    assert [cache.namespace("n").get(key) for key in ("a", "bb", "ccc")] == [1, 2, 3]
    assert len(loops) == 1


def test_sync_loaders_run_at_once(load: Load):
    """As many as there are jobs: a barrier for three lets three pass."""
    barrier = threading.Barrier(3, timeout=10)

    def meeting(key: str) -> str:
        barrier.wait()
        return key

    assert load(meeting, *"abcdef", jobs=3).written == 6


def test_a_key_that_is_fresh_is_not_loaded(load: Load, cache: Cache):
    """Nor counted as a lookup; an expired or a refused key is none that is fresh."""
    cache.namespace("n").set("a", "old")
    report = load(str.upper, "a", "b")
    assert (report.read, report.fresh, report.written) == (2, 1, 1)
    assert cache.namespace("n").get("a") == "old"
    assert (cache.stats().totals.hits, cache.stats().totals.misses) == (1, 0)


def test_a_loader_that_raises_fails_for_that_key_alone(load: Load):
    """The reason says what and where, not the message, which may hold what is secret."""

    def fragile(key: str) -> str:
        if key == "b":
            raise ConnectionError("redis://:s3cret@host")
        if key == "c":
            sys.exit("s3cret")
        return key

    report = load(fragile, *"abcd")
    assert (report.read, report.written, report.failed) == (4, 2, 2)
    failures = sorted(report.failures)
    assert [failure.line for failure in failures] == [2, 3]
    assert failures[0].reason.startswith(f"the loader raised ConnectionError ({__file__}:")
    assert failures[1].reason.startswith("the loader raised SystemExit")
    assert "s3cret" not in str(report)


def test_an_async_loader_that_raises_or_exits_fails_for_that_key_alone(load: Load):
    """The event loop that the others run in survives it."""

    async def fragile(key: str) -> str:
        await asyncio.sleep(0)
        if key == "b":
            raise LookupError
        if key == "c":
            sys.exit(3)
        if key == "d":
            raise asyncio.CancelledError
        return key

    report = load(fragile, *"abcde", jobs=2)
    assert (report.read, report.written, report.failed) == (5, 2, 3)
    assert sorted(failure.line or 0 for failure in report.failures) == [2, 3, 4]


def test_what_cannot_be_stored_is_a_failure(load: Load):
    """A value of a type that is refused, and a line that is no key."""
    values = {"a": object(), "b": {1: 2}, "c": "fine"}
    report = load(values.__getitem__, "a", "b", "c", "k" * 1025)
    told = dict(failure[1:] for failure in report.failures)
    assert told.keys() == {1, 2, 4}
    assert "a value of type object cannot be cached (json, text, bytes, npy, npz can)" in told[1]
    assert "a key of type int at $ is not JSON (a string is)" in told[2]
    assert told[4] == "a key has 1 to 1024 bytes, this one has 1025"
    assert report.written == 1


def test_what_was_loaded_is_written_before_the_next_load_is_waited_for(load: Load, cache: Cache):
    """A run that is interrupted loses no finished load."""
    found: dict[str, bool] = {}

    def looks(key: str) -> str:
        found.update({other: cache.namespace("n").has(other) for other in "abc"})
        return key

    load(looks, "a", "b", "c", jobs=1)
    assert found == {"a": True, "b": True, "c": False}


def test_there_is_at_least_one_job(load: Load):
    with pytest.raises(UsageError, match="jobs= is a whole number of at least 1, not 0"):
        load(str.upper, "a", jobs=0)


def test_a_loader_is_found_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Which can be imported from only while it is looked for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "warm_loaders_here.py").write_text("def load(key): return key * 2\nnumber = 1\n")
    before = list(sys.path)
    assert resolve("warm_loaders_here:load")("a") == "aa"
    assert sys.path == before
    with pytest.raises(UsageError) as caught:
        resolve("warm_loaders_here:number")
    assert str(caught.value) == "the loader 'warm_loaders_here:number' is not a function but int"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("load", "not a loader: 'load' (write package.module:function)"),
        (":load", "not a loader: ':load' (write package.module:function)"),
        ("no_such_module:load",
         "the loader 'no_such_module:load' cannot be found: No module named 'no_such_module'"),
        ("json:nope",
         "the loader 'json:nope' cannot be found: module 'json' has no attribute 'nope'"),
        ("a b:c", "the loader 'a b:c' cannot be found: invalid format: 'a b:c'"),
        ("warm_broken_here:load",
         "the loader 'warm_broken_here:load' cannot be used: importing it raised SyntaxError"),
    ],
)  # fmt: skip
def test_a_loader_that_cannot_be_had_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "warm_broken_here.py").write_text("def load(:")
    with pytest.raises(UsageError) as caught:
        resolve(name)
    assert str(caught.value) == reason


def _open_directory(here: Path) -> str:
    here.chmod(0o777)
    return f"others can write to {here} (mode 0777): chmod go-w {here}"


def _open_file(here: Path) -> str:
    (here / "planted.py").chmod(0o666)
    return f"others can write to {here}/planted.py (mode 0666): chmod go-w {here}/planted.py"


def _open_above(here: Path) -> str:
    here.parent.chmod(0o770)
    return f"others can write to {here.parent} (mode 0770): chmod go-w {here.parent}"


def _directory_of_another(here: Path) -> str:
    os.chown(here, MALLORY, MALLORY)
    return f"{here} belongs to another user (uid {MALLORY}): use what is yours, or run as that user"


def _file_of_another(here: Path) -> str:
    os.chown(here / "planted.py", MALLORY, MALLORY)
    file = here / "planted.py"
    return f"{file} belongs to another user (uid {MALLORY}): use what is yours, or run as that user"


def _compiled_by_another(here: Path) -> str:
    cached = Path(cache_from_source(str(here / "planted.py")))
    cached.parent.mkdir()
    cached.touch()
    os.chown(cached, MALLORY, MALLORY)
    return (
        f"{cached} belongs to another user (uid {MALLORY}): use what is yours, or run as that user"
    )


@needs_root
@pytest.mark.parametrize(
    "plant",
    [
        _open_directory, _open_file, _open_above, _directory_of_another, _file_of_another,
        _compiled_by_another,
    ],
)  # fmt: skip
@pytest.mark.parametrize("entry", ["", ".", "here", None], ids=["empty", "dot", "relative", "here"])
def test_a_loader_that_others_could_have_written_is_refused_and_not_run(
    tmp_path: Path, plant, entry: str | None
):
    """Wherever the path of modules leads there: the program is one of its own."""
    above = tmp_path / "above"
    here = above / "here"
    here.mkdir(parents=True)
    trace = tmp_path / "trace"
    (here / "planted.py").write_text(f"open({str(trace)!r}, 'w')\ndef load(key): return key\n")
    reason = plant(here)
    program = f"""
import sys
from cachectl import UsageError
from cachectl._engine.warm.sources.loader import resolve
if {entry!r} is not None:
    sys.path.insert(0, {entry!r})
try:
    resolve("planted:load")
except UsageError as error:
    print(error)
"""
    told = subprocess.check_output(
        [sys.executable, "-c", program], text=True, cwd=above if entry == "here" else here,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert told == f"the loader 'planted:load' is refused: {reason}\n"
    assert not trace.exists()


@needs_root
def test_what_a_loader_imports_late_must_not_be_of_others_either(tmp_path: Path):
    (tmp_path / "ours.py").write_text(
        "import sys\nsys.path.append('planted')\ndef load(key):\n    import late\n"
    )
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted/late.py").write_text("print('planted')")
    os.chown(tmp_path / "planted", MALLORY, MALLORY)
    program = """
from cachectl._engine.warm.sources.loader import resolve
try:
    resolve("ours:load")("k")
except ImportError as error:
    print(error)
"""
    told = subprocess.check_output(
        [sys.executable, "-c", program], text=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}
    )
    assert told.startswith(f"{tmp_path}/planted belongs to another user")
