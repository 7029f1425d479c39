"""What is new goes to one file and one line, as ARCHITECTURE.md says, and is complete then."""

import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60

BACKEND = '''
"""A backend that is a dictionary."""

from collections import OrderedDict
from typing import ClassVar

from cachectl._backends.base import BaseBackend
from cachectl._backends.base_store import BaseStore
from cachectl._model.records import Removed


class PlainStore(BaseStore):
    """One namespace."""

    def __init__(self, namespace):
        super().__init__(namespace)
        self._held = OrderedDict()

    def peek(self, key):
        return self.unpack(key, self._held[key][0]) if key in self._held else None

    def touch(self, key, now):
        self._held.move_to_end(key)

    def write(self, item, now):
        self._held[item.key] = item.data, now
        self._held.move_to_end(item.key)

    def remove(self, keys):
        found = [self._held.pop(key) for key in keys if key in self._held]
        return Removed(len(found), sum(len(data) for data, _ in found))

    def scan(self, tag=None):
        listed = (self.info(key, *held) for key, held in list(self._held.items()))
        return (info for info in listed if info.carries(tag))


class PlainBackend(BaseBackend[PlainStore]):
    """The namespaces."""

    name: ClassVar[str] = "plain"

    def make_store(self, namespace):
        return PlainStore(namespace)
'''
CODEC = '''
"""Fractions: a numerator and a denominator."""

from fractions import Fraction
from sys import getsizeof

from cachectl.errors import UsageError


class FractionCodec:
    """fractions.Fraction as its text."""

    def encode(self, value):
        return str(value).encode()

    def decode(self, payload):
        return Fraction(str(payload, "ascii"))

    def copy(self, value):
        return value

    def memory(self, value):
        return getsizeof(value)

    def parse(self, data):
        try:
            return Fraction(data.decode("ascii").strip())
        except ValueError:
            raise UsageError("not a fraction") from None

    def render(self, value):
        return self.encode(value)

    def describe(self, value):
        return {"value": str(value)}

    def readable(self, value):
        return str(value)

    preview = readable
'''
COMMAND = '''
"""`cachectl ping`."""

import typer

from cachectl._cli.output import out
from cachectl._cli.session import session


def ping(context: typer.Context) -> None:
    """Say that the cache answers."""
    with session(context).cache() as cache:
        out.line(f"{cache.status().active_backend} answers")
'''
OPENING = "from cachectl import Cache; cache = Cache.open(strict=True, settings={'memory.publish': False});"
COUNTING = f"{OPENING} cache._core.state('users', {{}}).recorder._counters.current().reloads += 2; cache.close()"


class Copy:
    """A copy of the package to which something is added."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.home.mkdir()
        self.place = {"CACHECTL_FILE__DIRECTORY": str(root / "cache")}
        shutil.copytree(
            ROOT / "cachectl", root / "cachectl", ignore=shutil.ignore_patterns("__pycache__")
        )

    def add_file(self, path: str, text: str) -> None:
        (self.root / "cachectl" / path).write_text(text.lstrip())

    def add_line(self, path: str, after: str, line: str) -> None:
        """Insert a line after the first that begins like this."""
        file = self.root / "cachectl" / path
        lines = file.read_text().splitlines()
        at = next(at for at, each in enumerate(lines) if each.startswith(after))
        file.write_text("\n".join([*lines[: at + 1], line, *lines[at + 1 :]]) + "\n")

    def changes(self) -> tuple[int, int, int]:
        """Return the files that are new, and the lines that are new or gone in the others."""
        new = inserted = deleted = 0
        for file in (self.root / "cachectl").rglob("*.py"):
            original = ROOT / "cachectl" / file.relative_to(self.root / "cachectl")
            if not original.exists():
                new += 1
                continue
            compared = difflib.ndiff(
                original.read_text().splitlines(), file.read_text().splitlines()
            )
            marks = [line[0] for line in compared] if _differ(original, file) else []
            inserted += marks.count("+")
            deleted += marks.count("-")
        return new, inserted, deleted

    def python(self, program: str, **variables: str) -> str:
        """Run a program with this package, and return what it printed."""
        return self._run(["-c", program], variables)

    def call(self, *arguments: str, **variables: str) -> str:
        """Call the command line of this package; it must succeed. Return what it printed."""
        return self._run(["-m", "cachectl", *arguments], variables)

    def stats(self, *arguments: str, **variables: str) -> str:
        return self.call("stats", *arguments, **variables)

    def _run(self, arguments: list[str], variables: dict[str, str]) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), **self.place}
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=self.home, text=True, capture_output=True,
            env={**environment, "PYTHONPATH": str(self.root), **variables},
            check=False, timeout=SECONDS,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def _differ(one: Path, other: Path) -> bool:
    return one.read_bytes() != other.read_bytes()


@pytest.fixture
def copy(tmp_path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture
def with_backend(copy) -> Copy:
    registration = '"cachectl._backends.plain:PlainBackend"'
    options = '"cachectl._backends.plain:PlainBackend.options"'
    copy.add_file("_backends/plain.py", BACKEND)
    copy.add_line(
        "_backends/__init__.py",
        "BACKENDS",
        f'    "plain": Registration({registration}, {options}),',
    )
    return copy


@pytest.fixture
def with_codec(copy) -> Copy:
    copy.add_file("_model/codecs/fraction.py", CODEC)
    copy.add_line(
        "_model/codecs/__init__.py",
        "CODECS",
        '    Registration(6, "fraction", "cachectl._model.codecs.fraction:FractionCodec",'
        ' ("fractions.Fraction",), (".fraction",)),',
    )
    return copy


@pytest.fixture
def with_counter(copy) -> Copy:
    copy.add_line("_metrics/counters.py", "    errors: int", '    reloads: int = _row("Reloads.")')
    return copy


@pytest.fixture
def with_command(copy) -> Copy:
    copy.add_file("_cli/commands/ping.py", COMMAND)
    copy.add_line("_cli/app.py", "COMMANDS", '    "ping": "cachectl._cli.commands.ping:ping",')
    return copy


def test_a_backend_is_one_file_and_one_line(with_backend):
    assert with_backend.changes() == (1, 1, 0)


def test_a_new_backend_is_opened_by_its_name_and_reported(with_backend):
    program = (
        "from cachectl import Cache\n"
        "with Cache.open(backend='plain') as cache:\n"
        "    users = cache.namespace('users', max_entries=2)\n"
        "    for key in 'abc': users.set(key, key)\n"
        "    print(users.get('a', 'gone'), users.get('c'), users.stats().evictions, len(users))"
    )
    assert with_backend.python(program) == "gone c 1 2\n"
    report = json.loads(with_backend.call("--backend", "plain", "stats", "--format", "json"))
    assert report["backend"] == {"configured": "plain", "active": "plain", "status": "ok"}
    assert "plain" in with_backend.call("--help")


def test_a_codec_is_one_file_and_one_line(with_codec):
    assert with_codec.changes() == (1, 1, 0)


def test_values_of_a_new_codec_are_stored_and_shown_everywhere(with_codec):
    store = "from fractions import Fraction; users = cache.namespace('users')"
    program = f"{OPENING} {store}; users.set('a', Fraction(1, 3)); print(repr(users.get('a')))"
    for backend in ("memory", "file"):
        printed = with_codec.python(program, CACHECTL_BACKEND=backend)
        assert printed == "Fraction(1, 3)\n"
    assert with_codec.call("get", "users", "a") == "1/3"
    with_codec.call("set", "users", "b", "2/6", "--type", "fraction")
    document = json.loads(with_codec.call("get", "users", "b", "--format", "json"))
    assert (document["type"], document["value"]) == ("fraction", "1/3")
    assert "1/3" in with_codec.call("inspect", "users", "b")
    assert "fraction" in with_codec.call("inspect", "users")
    assert "fraction" in with_codec.call("set", "--help")


def test_files_of_a_new_codec_warm_the_cache(with_codec):
    folder = with_codec.home / "prices"
    folder.mkdir()
    (folder / "pear.fraction").write_text("9/4")
    with_codec.call("warm", "prices", "--namespace", "prices")
    document = json.loads(with_codec.call("get", "prices", "pear.fraction", "--format", "json"))
    assert (document["type"], document["value"]) == ("fraction", "9/4")


def test_a_counter_is_one_line(with_counter):
    assert with_counter.changes() == (0, 1, 0)


def test_a_new_counter_is_kept_and_reported_everywhere(with_counter, redis_url):
    """Also where a version without it has counted before."""
    for place in ({}, {"CACHECTL_BACKEND": "redis", "CACHECTL_URL": redis_url}):
        before = {**with_counter.place, **place}
        subprocess.run(
            [sys.executable, "-m", "cachectl", "set", "users", "k", "v"], check=True,
            env={"PATH": os.environ["PATH"], "HOME": str(with_counter.home), "PYTHONPATH": str(ROOT), **before},
        )  # fmt: skip
        for _ in range(2):
            with_counter.python(COUNTING, **place)
        shown = (
            "users = cache.namespace('users').stats(); print(users.other['reloads'], users.sets)"
        )
        assert with_counter.python(f"{OPENING} {shown}", **place) == "4 1\n"
        window = json.loads(with_counter.stats("--format", "json", "--since", "1h", **place))
        assert window["namespaces"]["users"]["reloads"] == window["totals"]["reloads"] == 4
        heading, line, *_ = with_counter.stats("--format", "csv", **place).splitlines()
        assert dict(zip(heading.split(","), line.split(","), strict=True))["reloads"] == "4"
        metrics = with_counter.stats("--format", "prometheus", **place)
        assert "# HELP cachectl_reloads_total Reloads." in metrics
        assert 'namespace="users"} 4' in metrics.partition("TYPE cachectl_reloads_total")[2]


def test_a_command_is_one_file_and_one_line(with_command):
    assert with_command.changes() == (1, 1, 0)


def test_a_new_command_is_in_the_help_and_runs(with_command):
    assert "Say that the cache answers." in with_command.call("--help")
    assert with_command.call("ping") == "file answers\n"
