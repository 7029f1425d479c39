"""A package of its own adds a backend, a codec and a source, and proves them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plugins import install

EXAMPLE = Path(__file__).parent / "example"
ROOT = Path(__file__).parents[2]
SECONDS = 120


class Site:
    """A user's machine: a home, and a directory where packages are installed."""

    def __init__(self, home: Path, packages: Path | None) -> None:
        self.home = home
        path = [str(ROOT)] if packages is None else [str(packages), str(ROOT)]
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": os.pathsep.join(path),
        }

    def python(self, *arguments: str, cwd: Path | None = None, **variables: str):
        """Run Python with these variables, and wait."""
        return subprocess.run(
            [sys.executable, *arguments], cwd=cwd or self.home, text=True, capture_output=True,
            env={**self._environment, **variables}, check=False, timeout=SECONDS,
        )  # fmt: skip

    def call(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Call the command line, and return its exit code, its output and its messages."""
        ended = self.python("-m", "cachectl", *arguments, cwd=None, **variables)
        return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    """Where the example is installed."""
    return install(EXAMPLE, tmp_path_factory.mktemp("packages"))


@pytest.fixture
def site(tmp_path, packages) -> Site:
    return Site(tmp_path, packages)


@pytest.fixture
def without(tmp_path) -> Site:
    """The same home without the package."""
    return Site(tmp_path, None)


def test_the_suites_pass_where_the_package_is_installed(site, packages):
    ended = site.python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=packages)
    assert ended.returncode == 0, ended.stdout
    passed = re.search(r"(\d+) passed", ended.stdout)
    assert passed is not None
    assert int(passed[1]) > 140


def test_the_command_line_works_on_the_backend(site):
    kept = {"CACHECTL_BACKEND": "dict", "CACHECTL_DICT__FILE": "kept.json"}
    assert site.call("set", "users", "ann", "Ann", "--tag", "vip", **kept)[0] == 0
    assert site.call("get", "users", "ann", **kept) == (0, "Ann", "")
    code, output, _ = site.call("stats", "--format", "json", **kept)
    report = json.loads(output)
    assert (code, report["backend"]["active"]) == (0, "dict")
    assert report["namespaces"]["users"]["entries"] == 1
    assert site.call("clear", "users", "--yes", **kept)[0] == 0
    assert site.call("get", "users", "ann", **kept)[0] == 3


def test_the_flag_names_the_backend(site):
    code, output, _ = site.call("--backend", "dict", "stats", "--format", "json")
    assert (code, json.loads(output)["backend"]["configured"]) == (0, "dict")
    assert site.call("--backend", "dict", "set", "users", "ann", "Ann")[0] == 0
    assert site.call("--backend", "dict", "get", "users", "ann")[0] == 3  # nothing is kept


def test_files_of_the_suffix_warm_the_cache(site):
    Path(site.home, "users.kv").write_text("ann=Ann\nwrong\nbob=Bob\n")
    code, _, messages = site.call("warm", "users.kv", "--namespace", "users")
    assert code == 4  # a line is wrong
    assert "users.kv:2" in messages
    assert site.call("get", "users", "bob")[:2] == (0, "Bob")


def test_values_of_the_codec_go_in_and_out(site):
    assert site.call("set", "prices", "apple", "1.50", "--type", "decimal")[0] == 0
    assert site.call("get", "prices", "apple")[:2] == (0, "1.50")
    document = json.loads(site.call("get", "prices", "apple", "--format", "json")[1])
    assert (document["type"], document["value"]) == ("decimal", "1.50")
    assert "1.50" in site.call("inspect", "prices", "apple")[1]
    assert site.call("set", "prices", "apple", "cheap", "--type", "decimal")[0] == 2


def test_files_of_the_codecs_suffix_are_its_values(site):
    folder = site.home / "prices"
    folder.mkdir()
    (folder / "pear.decimal").write_text("2.25")
    assert site.call("warm", "prices", "--namespace", "prices")[0] == 0
    document = json.loads(site.call("get", "prices", "pear.decimal", "--format", "json")[1])
    assert (document["type"], document["value"]) == ("decimal", "2.25")


def test_without_the_package_the_backend_is_unknown(without):
    code, _, message = without.call("--backend", "dict", "stats")
    assert code == 2
    assert "expected memory, file, redis or diskcache, found 'dict'" in message


def test_with_the_package_its_backend_is_among_the_known_ones(site):
    code, _, message = site.call("--backend", "disk", "stats")
    assert code == 2
    assert "expected memory, file, redis, diskcache or dict, found 'disk'" in message


def test_without_the_package_what_its_codec_wrote_is_a_counted_miss(site, without):
    assert site.call("set", "prices", "apple", "1.50", "--type", "decimal")[0] == 0
    assert without.call("get", "prices", "apple")[0] == 3
    assert without.call("inspect", "prices")[0] == 0
    figures = json.loads(without.call("stats", "--format", "json")[1])["namespaces"]["prices"]
    assert (figures["misses"], figures["errors"], figures["hits"]) == (1, 1, 0)
    assert site.call("get", "prices", "apple")[:2] == (0, "1.50")


def test_without_the_package_its_suffix_and_type_are_unknown(without):
    Path(without.home, "users.kv").write_text("ann=Ann\n")
    code, _, message = without.call("warm", "users.kv", "--namespace", "users")
    assert (code, "known: .jsonl" in message) == (2, True)
    code, _, message = without.call("set", "prices", "apple", "1.50", "--type", "decimal")
    assert (code, "known: json, text, bytes, npy, npz" in message) == (2, True)


def test_everything_public_is_listed_in_order():
    from cachectl import plugins, testing

    for module in (plugins, testing):
        assert module.__all__ == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)


def test_the_library_imports_neither_plugins_nor_testing(without):
    program = "import sys, cachectl; cachectl.Cache.open(backend='memory').namespace('a').get('k')"
    shown = (
        "print([n for n in sys.modules if n in ('cachectl.plugins', 'cachectl.testing', 'pytest')])"
    )
    assert without.python("-c", f"{program}; {shown}").stdout == "[]\n"
