"""A cache in files whose place cannot be used: the application works from memory, as in an outage."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.unprivileged import may_mount, obey_modes

PROGRAM = """
import json, logging, os, subprocess, sys
from pathlib import Path

from cachectl import MISSING, AsyncCache, Cache
from cachectl._config import load
from cachectl.errors import BackendError, BackendRefused
from cachectl.testing.awaited import Awaited, EventLoop

engine, mend = sys.argv[1:3]
told = []
handler = logging.Handler()
handler.emit = lambda record: told.append(record.getMessage())
logging.getLogger("cachectl").addHandler(handler)
loop = EventLoop()
if engine == "tasks":
    cache = Awaited(AsyncCache.of(load(overrides={"backend": "file"})), loop)
else:
    cache = Cache.of(load(overrides={"backend": "file"}))
users = cache.namespace("users")
first = cache.status()
seen = {
    "missed": users.get("ann") is MISSING,
    "set": bool(users.set("ann", 1, tags=["t"])),
    "got": users.get("ann"),
    "loaded": [users.get_or_load("bob", lambda: 2), users.get_or_load("bob", lambda: 3)],
    "many": [bool(each) for each in users.set_many({"c": 1, "d": 2})],
    "listed": sorted(each.key for each in users.entries()),
    "has": users.has("ann"),
    "peeked": users.peek("ann").value,
    "deleted": users.delete("c"),
    "deleted_many": users.delete_many(["d"]).entries,
    "invalidated": cache.invalidate(tag="t").entries,
    "held": users.stats().entries,
    "since": cache.stats("users", "nobody", since="1h").namespaces["users"].misses,
    "usage": cache.usage()["users"].entries,
    "cleaned": cache.cleanup().finished,
    "planned": cache.plan_cleanup().dry_run().finished,
    "cleared": users.clear().entries,
    "names": cache.namespaces(),
    "applications": len(cache.applications()) >= 0,
}
users.set("eve", 5)
cache.compact()
status = cache.status()
for _ in range(2):
    try:
        cache.flush()
    except BackendError:
        pass
seen["status"] = [first.status, status.status, status.active_backend, status.kind]
seen["error"] = status.last_error
seen["counted"] = cache.stats().namespaces["users"].errors > 0
seen["told"] = list(told)
strict = Cache.of(load(overrides={"backend": "file"}), strict=True)
try:
    strict.namespace("a").set("k", 1)
except BackendError as error:
    seen["strict"] = [isinstance(error, BackendRefused), str(error)]
seen["strict_status"] = strict.status().status
if mend:
    subprocess.run(mend, shell=True, check=True)
    cache.flush()
    seen["mended"] = cache.status().status
    seen["back"] = told[-1]
    seen["from_memory"] = users.get("eve", None)
    seen["stored"] = bool(users.set("ann", 7))
    seen["errors"] = cache.stats().namespaces["users"].errors > 0
    users.flush()
    with Cache.of(load(overrides={"backend": "file"}), strict=True) as other:
        seen["other"] = other.namespace("users").get("ann")
cache.close()
print(json.dumps(seen))
"""


class Place(NamedTuple):
    """A directory, as a part of `$PLACE`; what makes it unusable and usable again, and why it is."""

    directory: str
    make: str
    mend: str
    reason: str
    at_once: bool = True
    mounts: bool = False


PLACES = {
    "open to others": Place(
        "cache",
        "mkdir -m 755 $PLACE/cache",
        "chmod 700 $PLACE/cache",
        "is open to others (mode 0755); chmod 700 it (systemd: CacheDirectoryMode=0700)",
    ),
    "closed to its user": Place(
        "cache", "mkdir -m 0 $PLACE/cache", "chmod 700 $PLACE/cache", "(mode 0000); chmod 700 it"
    ),
    "not ours": Place(
        "cache",
        "mkdir -m 700 $PLACE/cache; touch $PLACE/cache/x",
        "rm $PLACE/cache/x",
        "is not a cachectl cache",
    ),
    "a foreign database": Place(
        "cache",
        "mkdir -m 700 $PLACE/cache; umask 77; sqlite3_database $PLACE/cache/cache.db; tag $PLACE/cache",
        "rm $PLACE/cache/cache.db",
        "is not a database of cachectl",
    ),
    "a database open to others": Place(
        "cache",
        "mkdir -m 700 $PLACE/cache; tag $PLACE/cache; umask 22; touch $PLACE/cache/counters.db",
        "chmod 600 $PLACE/cache/counters.db",
        "counters.db is open to others (mode 0644); chmod 600 it",
    ),
    "a file": Place("cache", "touch $PLACE/cache", "rm $PLACE/cache", "is not a directory"),
    "below a file": Place("a/b/cache", "touch $PLACE/a", "rm $PLACE/a", "Not a directory"),
    "a loop of links": Place(
        "a/cache", "ln -s a $PLACE/a", "rm $PLACE/a", "Too many levels of symbolic links"
    ),
    "a name too long": Place("x" * 300, "true", "", "File name too long"),
    "nowhere": Place("/proc/none/cache", "true", "", "No such file or directory"),
    "a parent that may not be written": Place(
        "a/b/cache", "mkdir -m 500 $PLACE/a", "chmod 700 $PLACE/a", "Permission denied"
    ),
    "a parent that may not be searched": Place(
        "a/b/cache", "mkdir -m 0 $PLACE/a", "chmod 700 $PLACE/a", "Permission denied"
    ),
    "read-only medium": Place(
        "cache",
        "mount -t tmpfs -o ro none $PLACE",
        "mount -o remount,rw $PLACE",
        "Read-only file system",
        mounts=True,
    ),
    "no room for the directory": Place(
        "cache",
        "mount -t tmpfs -o nr_inodes=1 none $PLACE",
        "mount -o remount,nr_inodes=1000 $PLACE",
        "No space left on device",
        at_once=False,
        mounts=True,
    ),
    "no room for the marker": Place(
        "cache",
        "mount -t tmpfs -o nr_inodes=2 none $PLACE",
        "mount -o remount,nr_inodes=1000 $PLACE",
        "No space left on device",
        at_once=False,
        mounts=True,
    ),
    "no room for the database": Place(
        "cache",
        "mount -t tmpfs -o size=12k none $PLACE",
        "mount -o remount,size=10m $PLACE",
        "cannot make a cache of",
        at_once=False,
        mounts=True,
    ),
}
FOR_TASKS = ("open to others", "a parent that may not be written", "no room for the database")
FUNCTIONS = """
sqlite3_database() { python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("CREATE TABLE t(a)")' "$1"; }
tag() { python3 -c 'import pathlib, sys; from cachectl._backends.directory import _mark; _mark(pathlib.Path(sys.argv[1]))' "$1"; }
"""


def seen_in(place: Place, tmp_path: Path, engine: str) -> dict[str, Any]:
    """Return what an application sees whose cache is to be in such a place."""
    if place.mounts and not may_mount():
        pytest.skip("needs file systems of its own")
    shell = f'{FUNCTIONS}\n{place.make}\nexec "$@"'
    program = [sys.executable, "-c", PROGRAM, engine, place.mend]
    isolated = ["unshare", "--mount"] if place.mounts else []
    ended = subprocess.run(
        [*isolated, "sh", "-c", shell, "sh", *program],
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PLACE": str(tmp_path),
            "CACHECTL_FILE__DIRECTORY": str(tmp_path / place.directory),
            "HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        cwd=tmp_path,
        preexec_fn=None if place.mounts else obey_modes,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize(
    ("engine", "place"),
    [
        *(pytest.param("threads", place, id=f"{name}-threads") for name, place in PLACES.items()),
        *(pytest.param("tasks", PLACES[name], id=f"{name}-tasks") for name in FOR_TASKS),
    ],
)
def test_an_application_works_from_memory_where_there_is_no_place(
    tmp_path: Path, engine: str, place: Place
):
    """All operations do as in an outage; it is logged once, counted and said, and ends with it."""
    seen = seen_in(place, tmp_path, engine)
    assert seen["missed"]
    assert seen["set"]
    assert seen["got"] == 1
    assert seen["loaded"] == [2, 2]
    assert seen["many"] == [True, True]
    assert seen["listed"] == ["ann", "bob", "c", "d"]
    assert (seen["has"], seen["peeked"], seen["deleted"], seen["deleted_many"]) == (
        True,
        1,
        True,
        1,
    )
    assert (seen["invalidated"], seen["held"], seen["usage"], seen["cleared"]) == (1, 1, 1, 1)
    assert seen["since"] > 0
    assert seen["cleaned"]
    assert seen["planned"]
    assert seen["names"] == ["users"]
    assert seen["status"] == [
        "fallback_only" if place.at_once else "ok", "fallback_only", "memory", "place",
    ]  # fmt: skip
    assert place.reason in seen["error"]
    assert str(tmp_path / place.directory) in seen["error"] or "/proc" in place.directory
    assert seen["counted"]
    away = [text for text in seen["told"] if "away" in text or "back" in text]
    assert seen["told"] == away
    assert len(away) == 1
    assert away[0].startswith("file is away, working from memory (place): ")
    assert seen["strict"][0]
    assert place.reason in seen["strict"][1]
    if place.mend:
        assert seen["mended"] == "ok"
        assert "file is back after" in seen["back"]
        assert seen["from_memory"] is None
        assert seen["stored"]
        assert seen["errors"]
        assert seen["other"] == 7


IN_MEMORY = """
import json, logging

from cachectl import Cache
from cachectl._config import load

told = []
handler = logging.Handler()
handler.emit = lambda record: told.append(record.getMessage())
logging.getLogger("cachectl").addHandler(handler)
cache = Cache.of(load(overrides={"backend": "memory"}))
users = cache.namespace("users")
users.set("ann", 1)
seen = [users.get("ann")]
for _ in range(3):
    cache.flush()
seen += [cache.status().status, cache.stats().namespaces["users"].hits, told]
cache.close()
print(json.dumps(seen))
"""


@pytest.mark.parametrize("options", ["ro", "nr_inodes=1"])
def test_a_cache_in_memory_needs_no_place_to_show_what_it_counts(options: str):
    if not may_mount():
        pytest.skip("needs file systems of its own")
    shell = f'mount -t tmpfs -o {options} none /dev/shm && exec "$@"'
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", shell, "sh", sys.executable, "-c", IN_MEMORY],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    value, status, hits, told = json.loads(ended.stdout)
    assert (value, status, hits) == (1, "ok", 1)
    assert len(told) == 1
    assert "/dev/shm/" in told[0]
    assert "--directory" not in told[0]
