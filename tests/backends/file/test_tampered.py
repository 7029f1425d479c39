"""A cache directory that somebody changed: nothing runs, nothing outside is read or removed.

Each attack is planted in a cache of our own, which a process of its own then uses in every way.
An audit hook ends that process if it unpickles, starts a program or touches the secret.
"""

import pickle
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

USER = r"""
import sys

def watch(event, arguments):
    harmful = event in ("pickle.find_class", "os.system", "subprocess.Popen", "os.exec")
    names = [str(a) for a in arguments[:2]] if event in ("open", "os.remove", "os.rename") else []
    if (harmful and ready) or any("secret" in name for name in names):
        import os
        os.write(2, f"{event} {arguments}".encode())
        os._exit(66)

ready = False
from cachectl import Cache, CacheError, MISSING
from cachectl._config import load
import cachectl._backends.file.table, cachectl._engine.cleanup, numpy
sys.addaudithook(watch)

cache = Cache.of(load(overrides={"backend": "file", "file.directory": sys.argv[1]}, environ={
    "HOME": "/nonexistent"}), strict=True)
users = cache.namespace("users", max_entries=5)
operations = [
    lambda: users.get("victim"), lambda: users.peek("victim"), lambda: list(users.entries()),
    lambda: list(users.entries("t")), cache.stats, lambda: users.set("new", 1, tags=["t"]),
    lambda: cache.plan_cleanup().dry_run(), cache.cleanup,
    lambda: users.set("victim", b"x" * 2_000_000), lambda: users.delete("victim"),
    lambda: [users.set(str(i), i) for i in range(7)], lambda: users.invalidate(tag="t"),
    users.clear, lambda: cache.cleanup(older_than=0.000001), cache.close,
]
ready = True
for operation in operations:
    try:
        found = operation()
        assert found in (MISSING, None) or "boom" not in repr(found), found
    except CacheError as error:
        print(type(error).__name__)
"""


LOOKED_AT = "DamagedEntry\n"
"""What `peek` says of a damaged entry; `get` only misses it."""


class Boom:
    """What a pickle of it does: leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self._trace = str(trace)

    def __reduce__(self):
        return (Path.touch, (Path(self._trace),))


@pytest.fixture
def planted(opener: Opener, tmp_path: Path):
    """A cache with an entry, a secret beside it, and a connection to spoil it with."""
    with opener() as cache:
        cache.namespace("users").set("victim", "value", tags=["t"])
        cache.namespace("users").set("large", b"x" * 2_000_000)
    (tmp_path / "secret").write_text("boom: precious")
    connection = sqlite3.connect(opener.directory / "cache.db", isolation_level=None)
    yield connection
    connection.close()


def use(opener: Opener) -> str:
    """Let a process use the cache in every way and return the names of the errors it met."""
    done = subprocess.run(
        [sys.executable, "-c", USER, str(opener.directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    secret = opener.directory.parent / "secret"
    assert secret.read_text() == "boom: precious"
    assert not (opener.directory.parent / "trace").exists()
    return done.stdout


def test_a_pickled_value_is_not_unpickled(opener: Opener, planted, tmp_path: Path):
    boom = pickle.dumps(Boom(tmp_path / "trace"))
    planted.execute("UPDATE entries SET value = ? WHERE key = 'victim'", (boom,))
    assert use(opener) == LOOKED_AT


def test_a_pickled_value_in_a_file_is_not_unpickled(opener: Opener, planted, tmp_path: Path):
    (file,) = opener.directory.glob("??/*.val")
    file.write_bytes(pickle.dumps(Boom(tmp_path / "trace")))
    name = str(file.relative_to(opener.directory))
    planted.execute("UPDATE entries SET value = NULL, filename = ? WHERE key = 'victim'", (name,))
    assert use(opener) == LOOKED_AT


def test_a_pickled_key_is_not_unpickled(opener: Opener, planted, tmp_path: Path):
    boom = pickle.dumps(Boom(tmp_path / "trace"))
    planted.execute("UPDATE entries SET key = ? WHERE key = 'victim'", (boom,))
    assert use(opener) == ""


def test_a_key_of_another_type_harms_nobody(opener: Opener, planted):
    planted.execute("UPDATE entries SET key = x'00ff' WHERE key = 'victim'")
    assert use(opener) == ""


@pytest.mark.parametrize("name", ["../secret", "{}/secret", "aa/../../secret", "aa/secret", "."])
def test_a_path_that_leads_outside_is_neither_read_nor_removed(
    opener: Opener, planted, tmp_path: Path, name
):
    (opener.directory / "aa").mkdir(mode=0o700, exist_ok=True)
    planted.execute("UPDATE entries SET value = NULL, filename = ?", (name.format(tmp_path),))
    assert use(opener) == LOOKED_AT


def test_a_linked_directory_is_not_followed(opener: Opener, planted, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    file = outside / f"{'0' * 28}.val"
    file.write_text("secret: precious")
    (opener.directory / "zz").mkdir(mode=0o700)
    for number in range(256):
        directory = opener.directory / f"{number:02x}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.symlink_to(outside)
    planted.execute("UPDATE entries SET value = NULL, filename = ?", (f"00/{file.name}",))
    assert "BackendRefused" in use(opener)  # a large value cannot be stored
    assert [path.name for path in outside.iterdir()] == [file.name]


def test_a_linked_value_file_is_not_followed(opener: Opener, planted, tmp_path: Path):
    (file,) = opener.directory.glob("??/*.val")
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    name = str(file.relative_to(opener.directory))
    planted.execute("UPDATE entries SET value = NULL, filename = ?", (name,))
    with opener() as cache:
        users = cache.namespace("users")
        assert users.get("victim", default="missed") == "missed"
        assert len(list(users.entries())) == 2
        users.clear()
    assert (tmp_path / "secret").exists()


@pytest.mark.parametrize(
    "planted_statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
        "CREATE VIEW v AS SELECT * FROM entries",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2",
        "PRAGMA application_id = 0",
    ],
)
def test_what_we_never_make_in_the_database_stops_everything(
    opener: Opener, planted, planted_statement
):
    planted.execute(planted_statement)
    errors = use(opener).split()
    assert len(errors) >= 10
    assert set(errors) == {"PlaceRefused"}
    assert planted.execute("SELECT count(*) FROM entries").fetchone() == (2,)
