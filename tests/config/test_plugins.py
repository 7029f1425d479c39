"""The settings of a backend that comes with a package: as those of ours, from everywhere."""

import re
from pathlib import Path

import pytest

from cachectl import Cache, ConfigError
from cachectl import _backends as backends
from cachectl._config import load
from cachectl._config.models import with_backends
from tests.support.plugins import install

PROJECT = """
[project]
name = "mybackend"
version = "1"

[project.entry-points."cachectl.backends"]
mybackend = "mybackend:MyBackend"
bare = "mybackend:BareBackend"
"""
MODULE = """
from dataclasses import dataclass, field

from cachectl.plugins import BaseBackend, BaseStore, Bytes, Seconds, Table, Text, Whole


@dataclass(frozen=True, kw_only=True)
class MyOptions(Table):
    size: Whole = 10
    most: Bytes = 1024
    wait: Seconds = 1.0
    label: Text = "none"


class BareBackend(BaseBackend):
    name = "bare"

    def make_store(self, namespace):
        raise NotImplementedError


class MyBackend(BareBackend):
    name = "mybackend"
    options = MyOptions

    def __init__(self, **options):
        super().__init__()
        self.given = options
"""
DEFAULTS = {"size": 10, "most": 1024, "wait": 1.0, "label": "none"}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The package is installed for the length of a test."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(PROJECT)
    (package / "mybackend.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(install(package, tmp_path / "packages")))
    backends._plugins.cache_clear()
    with_backends.cache_clear()
    yield
    monkeypatch.undo()
    backends._plugins.cache_clear()
    with_backends.cache_clear()


def options(text: str, tmp_path: Path, **environ: str) -> dict[str, object]:
    """Return what the backend is given, with this configuration."""
    file = tmp_path / "cachectl.toml"
    file.write_text(f"backend = 'mybackend'\n{text}")
    return load(file, environ={"HOME": "/nonexistent", **environ}).backend_options()


def test_what_is_not_said_is_the_default(tmp_path: Path) -> None:
    assert options("", tmp_path) == DEFAULTS


def test_settings_come_from_a_table_of_the_file(tmp_path: Path) -> None:
    found = options("[mybackend]\nsize = 3\nmost = '2kB'\nwait = '1m'\nlabel = 'x'", tmp_path)
    assert found == {"size": 3, "most": 2000, "wait": 60.0, "label": "x"}


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    found = options("[mybackend]\nsize = 3", tmp_path, CACHECTL_MYBACKEND__SIZE="4")
    assert found == {**DEFAULTS, "size": 4}


@pytest.mark.parametrize("given", [{"mybackend": {"size": 5}}, {"mybackend.size": "5"}])
def test_settings_come_from_keyword_arguments(given: dict[str, object]) -> None:
    with Cache.open(backend="mybackend", settings=given, strict=True) as cache:
        assert vars(cache._core.backend)["given"] == {**DEFAULTS, "size": 5}


def test_a_backend_without_settings_is_given_none() -> None:
    settings = load(overrides={"backend": "bare"}, environ={"HOME": "/nonexistent"})
    assert settings.backend_options() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size = 'x'", "mybackend.size: expected a whole number of at least 1, found 'x'"),
        ("size = 0", "mybackend.size: expected a whole number of at least 1, found 0"),
        ("most = 'none'", "mybackend.most: expected a size above 0 such as 512, 1.5MiB or 2GB"),
        ("wait = -1", "mybackend.wait: expected a duration above 0"),
        ("label = ''", "mybackend.label: expected text, found ''"),
        ("sze = 1", "mybackend.sze: unknown setting, did you mean mybackend.size?"),
    ],
)
def test_a_wrong_setting_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"cachectl.toml: {message}")):
        options(f"[mybackend]\n{text}", tmp_path)


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("CACHECTL_MYBACKEND__SIZE", "mybackend.size: expected a whole number of at least 1"),
        ("CACHECTL_MYBACKEND__SZE", "unknown setting, did you mean CACHECTL_MYBACKEND__SIZE?"),
        ("CACHECTL_MYBACKEN__SIZE", "unknown setting, did you mean CACHECTL_MYBACKEND__SIZE?"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"variable {variable}: {message}")):
        options("", tmp_path, **{variable: "x"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mybackend.size": 0}, "option mybackend.size: expected a whole number of at least 1"),
        ({"mybackend": {"sze": 1}}, "option mybackend.sze: unknown setting, did you mean mybackend.size?"),
        ({"backend": "mybackendd"}, "option backend: expected memory, file, redis, diskcache, mybackend or bare"),
        ({"bare.size": 1, "backend": "bare"}, "option bare.size: unknown setting"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        Cache.open(settings=given)
