"""Where settings come from, and what is made of them."""

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from cachectl._config import Settings, load
from cachectl._config.files import home, working_directory
from cachectl._model.policy import Policy


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, which is also the user's home."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
    return path


def ttl(settings: Settings, name: str = "enso") -> float | None:
    return settings.policy(name).ttl


def test_without_any_configuration_it_is_the_file_backend_in_the_cache_directory(
    here: Path,
) -> None:
    settings = load(environ={"HOME": str(here)})
    assert settings.backend == "file"
    assert settings.source is None
    assert settings.backend_options() == {
        "directory": here / ".cache/cachectl",
        "timeout": 1.0,
    }
    assert settings.policy("anything") == Policy(ttl=3600.0)


def test_an_empty_environment_asks_the_user_database_for_the_home(here: Path) -> None:
    """As under `env -i`, cron or systemd."""
    code = "from cachectl._config import load; print(load().backend_options()['directory'])"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=here,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str(home({}) / ".cache/cachectl")


def test_the_xdg_directories_are_used_if_absolute(here: Path) -> None:
    environ = {"HOME": str(here), "XDG_CACHE_HOME": "/var/cache/us"}
    assert load(environ=environ).backend_options()["directory"] == Path("/var/cache/us/cachectl")
    environ["XDG_CACHE_HOME"] = "relative"
    assert load(environ=environ).backend_options()["directory"] == here / ".cache/cachectl"


def test_flags_win_over_environment_over_file_over_defaults(here: Path) -> None:
    environ = {"HOME": str(here)}
    assert ttl(load(environ=environ)) == 3600
    file = written(here / "cachectl.toml", "[defaults]\nttl = 1\n")
    assert ttl(load(environ=environ)) == 1
    environ["CACHECTL_DEFAULTS__TTL"] = "2"
    assert ttl(load(environ=environ)) == 2
    assert ttl(load(environ=environ, overrides={"defaults.ttl": 3})) == 3
    assert ttl(load(file, environ=environ, overrides={"defaults.ttl": None})) == 2


def test_the_first_of_the_places_that_exists_is_the_one_used(here: Path) -> None:
    """Named file, $CACHECTL_CONFIG, working directory, $XDG_CONFIG_HOME, ~/.config."""
    environ = {"HOME": str(here)}
    assert load(environ=environ).source is None
    places = [
        written(here / ".config/cachectl/config.toml", ""),
        written(here / "xdg/cachectl/config.toml", ""),
        written(here / "cachectl.toml", ""),
        written(here / "from-environment.toml", ""),
    ]
    assert load(environ=environ).source == places[2]
    places[2].unlink()
    assert load(environ=environ).source == places[0]
    environ["XDG_CONFIG_HOME"] = str(here / "xdg")
    assert load(environ=environ).source == places[1]
    environ["CACHECTL_CONFIG"] = "~/from-environment.toml"
    assert load(environ=environ).source == places[3]
    assert load(places[0], environ=environ).source == places[0]
    assert load(".config/cachectl/config.toml", environ=environ).source == places[0]


def test_a_named_file_may_be_a_pipe(here: Path) -> None:
    """As with `--config <(decrypt config.toml)`."""
    reader, writer = os.pipe()
    os.write(writer, b"backend = 'memory'\n")
    os.close(writer)
    try:
        assert load(f"/dev/fd/{reader}", environ={}).backend == "memory"
    finally:
        os.close(reader)


@pytest.mark.parametrize("variable", ["CACHECTL_URL", "CACHECTL_REDIS__URL"])
def test_the_redis_url_has_two_variables(here: Path, variable: str) -> None:
    settings = load(environ={"CACHECTL_BACKEND": "redis", variable: "redis://elsewhere"})
    assert settings.backend_options() == {
        "url": "redis://elsewhere",
        "prefix": "cachectl",
        "connect_timeout": 0.5,
        "timeout": 1.0,
    }


@pytest.mark.parametrize("variable", ["CACHECTL_URL", "CACHECTL_REDIS__URL"])
def test_the_url_of_the_environment_means_redis(here: Path, variable: str) -> None:
    """As the flag does: nobody who names a Redis means files."""
    environ = {variable: "redis://elsewhere"}
    assert load(environ=environ).backend == "redis"
    assert load(url="redis://elsewhere", environ={}).backend == "redis"


def test_a_backend_that_is_named_goes_before_the_url_of_the_environment(here: Path) -> None:
    """By a flag, a variable, the file, or the directory that only it has; a flag `url` says more."""
    environ = {"CACHECTL_URL": "redis://elsewhere"}
    named = {**environ, "CACHECTL_BACKEND": "memory"}

    assert load(backend="file", environ=environ).backend == "file"
    assert load(overrides={"backend": "file"}, environ=environ).backend == "file"
    assert load(directory="here", environ=environ).backend == "file"
    assert load(environ=named).backend == "memory"
    assert load(url="redis://there", environ=named).backend == "redis"
    (here / "cachectl.toml").write_text("backend = 'file'")
    assert load(environ=environ).backend == "file"
    assert load(url="redis://there", environ=environ).backend == "redis"


def test_a_url_in_the_file_only_describes_redis(here: Path) -> None:
    """Tables of backends do not choose one: there are files that describe several."""
    (here / "cachectl.toml").write_text("[redis]\nurl = 'redis://elsewhere'")
    assert load(environ={}).backend == "file"


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "expected"),
    [
        ("CACHECTL_BACKEND", "memory", "backend", "memory"),
        ("CACHECTL_ENABLED", "no", "enabled", False),
        ("CACHECTL_ENABLED", "0", "enabled", False),
        ("CACHECTL_METRICS", "False", "metrics", False),
        ("CACHECTL_METRICS", "yes", "metrics", True),
        ("CACHECTL_METRICS", "1", "metrics", True),
        ("CACHECTL_FILE__DIRECTORY", "/a/b", "file.directory", Path("/a/b")),
        ("CACHECTL_REDIS__PREFIX", "my-app", "redis.prefix", "my-app"),
        ("CACHECTL_REDIS__TIMEOUT", "1m", "redis.timeout", 60.0),
        ("CACHECTL_REDIS__CONNECT_TIMEOUT", "2.5", "redis.connect_timeout", 2.5),
        ("CACHECTL_MEMORY__NAME", "worker", "memory.name", "worker"),
        ("CACHECTL_MEMORY__PUBLISH", "false", "memory.publish", False),
        ("CACHECTL_DEFAULTS__TTL", "none", "defaults.ttl", None),
        ("CACHECTL_DEFAULTS__MAX_ENTRIES", "100", "defaults.max_entries", 100),
        ("CACHECTL_DEFAULTS__MAX_BYTES", "1.5MiB", "defaults.max_bytes", 1_572_864),
        ("CACHECTL_DEFAULTS__KEY_DECIMALS", "2", "defaults.key_decimals", 2),
        ("CACHECTL_DEFAULTS__EVICTION", "lru", "defaults.eviction", "lru"),
        ("CACHECTL_DEFAULTS__COMPRESS", "zstd", "defaults.compress", "zstd"),
        ("CACHECTL_DEFAULTS__KEYS", "hashed", "defaults.keys", "hashed"),
    ],
)
def test_variables_are_read_as_their_settings_require(
    here: Path, variable: str, text: str, attribute: str, expected: object
) -> None:
    found: object = load(environ={variable: text})
    for name in attribute.split("."):
        found = getattr(found, name)
    assert found == expected
    assert type(found) is type(expected) or isinstance(expected, Path)


def test_an_empty_variable_counts_as_not_set(here: Path) -> None:
    environ = {"CACHECTL_BACKEND": "", "CACHECTL_URL": "", "CACHECTL_CONFIG": ""}
    assert load(environ=environ) == load(environ={})


def test_variables_that_are_not_ours_are_left_alone(here: Path) -> None:
    environ = {"CACHECTL_REQUIRE_REDIS": "1", "CACHECTLX": "1", "_CACHECTL_COMPLETE": "x"}
    assert load(environ=environ) == load(environ={})


@pytest.mark.parametrize(
    ("configured", "variable", "name"),
    [
        ("enso", "CACHECTL_NAMESPACES__ENSO__TTL", "enso"),
        ("Enso", "CACHECTL_NAMESPACES__ENSO__TTL", "Enso"),
        ("agent-config", "CACHECTL_NAMESPACES__AGENT_CONFIG__TTL", "agent-config"),
        ("directed_enso", "CACHECTL_NAMESPACES__DIRECTED_ENSO__TTL", "directed_enso"),
        ("v1.a:b", "CACHECTL_NAMESPACES__V1_A_B__TTL", "v1.a:b"),
        ("a__b", "CACHECTL_NAMESPACES__A__B__TTL", "a__b"),
        ("other", "CACHECTL_NAMESPACES__RAG__TTL", "rag"),
    ],
)
def test_a_variable_finds_its_namespace(
    here: Path, configured: str, variable: str, name: str
) -> None:
    """Names that a variable cannot spell are found in the file; new ones are lower case."""
    file = written(here / "c.toml", f'[namespaces."{configured}"]\nttl = 1\nmax_entries = 5\n')
    settings = load(file, environ={variable: "2"})
    assert set(settings.namespaces) == {configured, name}
    assert ttl(settings, name) == 2
    assert settings.policy(configured).max_entries == 5


def test_overrides_have_dotted_names_or_whole_tables(here: Path) -> None:
    overrides = {
        "backend": "memory",
        "memory.publish": False,
        "namespaces": {"enso": {"ttl": "1m", "key_decimals": {"tempo": 1}}, "rag": {"ttl": 5}},
        "namespaces.v1.rag.max_entries": 7,
        "defaults": {"max_bytes": 9},
    }
    settings = load(environ={}, overrides=overrides)
    assert settings.backend_options() == {
        "name": "default",
        "publish": False,
        "observe": False,
    }
    assert settings.policy("enso") == Policy(ttl=60, max_bytes=9, key_decimals={"tempo": 1})
    assert settings.policy("v1.rag") == Policy(max_entries=7, max_bytes=9)


def test_an_override_is_taken_as_it_is(here: Path) -> None:
    """Variables are replaced in the file only."""
    settings = load(environ={"X": "y"}, overrides={"file.directory": "/a/${X}/$$"})
    assert settings.backend_options()["directory"] == Path("/a/${X}/$$")


def test_what_is_overridden_need_not_be_right_in_the_file(here: Path) -> None:
    file = written(here / "c.toml", "[redis]\nurl = '${REDIS_URL}'\n[defaults]\nttl = 'x'\n")
    settings = load(
        file, environ={"CACHECTL_DEFAULTS__TTL": "5"}, overrides={"redis.url": "redis://h"}
    )
    assert vars(settings)["redis"].url == "redis://h"
    assert ttl(settings) == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [("data", "conf/data"), ("../data", "conf/../data"), ("~/data", "data"), ("/data", "/data")],
)
def test_a_directory_in_the_file_is_relative_to_the_file(
    here: Path, text: str, expected: str
) -> None:
    file = written(here / "conf/c.toml", f"[file]\ndirectory = '{text}'\n")
    assert load(file, environ={"HOME": str(here)}).backend_options()["directory"] == here / expected


def test_a_directory_from_elsewhere_is_relative_to_the_working_directory(here: Path) -> None:
    file = written(here / "conf/c.toml", "[file]\ndirectory = 'from-file'\n")
    environ = {"CACHECTL_FILE__DIRECTORY": "data", "HOME": "/home/us"}
    assert load(file, environ=environ).backend_options()["directory"] == here / "data"
    overrides = {"file.directory": Path("other")}
    assert (
        load(file, environ=environ, overrides=overrides).backend_options()["directory"]
        == here / "other"
    )
    overrides = {"file.directory": Path("~")}
    assert load(environ=environ, overrides=overrides).backend_options()["directory"] == Path(
        "/home/us"
    )


def test_a_namespace_keeps_its_own_values_over_the_defaults(here: Path) -> None:
    text = """
        [defaults]
        ttl = "1d"
        max_entries = 10
        max_bytes = "1MB"
        key_decimals = 1
        metrics = false
        compress = "zstd"
        [namespaces.enso]
        ttl = "none"
        max_entries = "none"
        key_decimals = { tempo = 2, energy = "3" }
        metrics = "${CACHE_METRICS:-yes}"
        compress = "none"
        [namespaces.empty]
    """
    settings = load(written(here / "c.toml", text), environ={})
    assert settings.policy("enso") == Policy(
        ttl=None, max_bytes=10**6, key_decimals={"tempo": 2, "energy": 3}, metrics=True
    )
    defaults = Policy(
        ttl=86_400,
        max_entries=10,
        max_bytes=10**6,
        key_decimals=1,
        metrics=False,
        compress="zstd",
    )
    assert settings.policy("empty") == settings.policy("unnamed") == defaults
    assert set(settings.namespaces) == {"enso", "empty"}


@pytest.mark.parametrize("name", ["enabled", "metrics"])
def test_false_at_the_top_holds_for_every_namespace(here: Path, name: str) -> None:
    file = written(here / "c.toml", f"{name} = false\n[namespaces.enso]\n{name} = true\n")
    settings = load(file, environ={})
    assert getattr(settings.policy("enso"), name) is False
    assert getattr(settings.policy("other"), name) is False


def test_numbers_may_be_text_because_variables_are(here: Path) -> None:
    text = """
        [namespaces.enso]
        ttl = "${CACHE_TTL_ENSO:-3600}"
        max_entries = "${CACHE_SIZE:-100}"
        max_bytes = "${CACHE_BYTES:-1000}"
        key_decimals = "${DIGITS:-3}"
        enabled = "${AI_CACHE_ENABLED:-true}"
    """
    policy = load(written(here / "c.toml", text), environ={"CACHE_SIZE": "7"}).policy("enso")
    assert policy == Policy(ttl=3600, max_entries=7, max_bytes=1000, key_decimals=3)


def test_settings_cannot_be_changed(here: Path) -> None:
    settings = load(environ={}, overrides={"namespaces.enso.key_decimals": {"tempo": 1}})
    with pytest.raises(FrozenInstanceError):
        settings.backend = "redis"  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.namespaces["x"] = settings.defaults  # type: ignore[index]
    with pytest.raises(TypeError):
        settings.policy("enso").key_decimals["tempo"] = 2  # type: ignore[index]


def test_without_a_working_directory_absolute_paths_still_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon may outlive the directory it was started in."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert working_directory() == Path("/nonexistent")
    assert load(environ={"HOME": "/h"}).backend_options()["directory"] == Path("/h/.cache/cachectl")
