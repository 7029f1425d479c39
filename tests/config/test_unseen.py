"""What nobody sees in a setting is refused in words that say where it is from, and show no secret."""

from pathlib import Path

import pytest

from cachectl._config import load
from cachectl.errors import ConfigError
from tests.config.messages import message

URL = "redis://:hunter2@localhost:6379/0"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (f"{URL}\r", "expected no control characters, found a carriage return at its end"),
        (f"{URL}\r\n", "expected no control characters, found a carriage return at its end"),
        (f"\t{URL}", "expected no control characters, found a tab at its beginning"),
        (f"{URL[:20]}\n{URL[20:]}", "expected no control characters, found a line break in it"),
        (
            f"{URL}\x1b[0m",
            "expected no control characters, found the control character \\x1b in it",
        ),
        (f" {URL}", "expected no white space around it, found some at its beginning"),
        (f"{URL} ", "expected no white space around it, found some at its end"),
        (f"\ufeff{URL}", "expected no white space around it, found some at its beginning"),
        (f"{URL}\u00a0", "expected no white space around it, found some at its end"),
        (" ", "expected no white space around it, found some at its end"),
    ],
)
def test_what_nobody_sees_is_said(value: str, reason: str):
    """In the environment, in code, and in a variable of the file."""
    said = message(environ={"CACHECTL_URL": value})
    assert said == f"environment variable CACHECTL_URL: redis.url: {reason}"
    assert message(overrides={"redis.url": value}, environ={}) == f"option redis.url: {reason}"


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("CACHECTL_BACKEND", "backend"),
        ("CACHECTL_FILE__DIRECTORY", "file.directory"),
        ("CACHECTL_REDIS__PREFIX", "redis.prefix"),
        ("CACHECTL_MAX_BYTES", "max_bytes"),
        ("CACHECTL_DEFAULTS__TTL", "defaults.ttl"),
        ("CACHECTL_NAMESPACES__ENSO__MAX_ENTRIES", "namespaces.enso.max_entries"),
    ],
)
def test_every_variable_is_looked_at(variable: str, setting: str):
    values = {"backend": "file", "ttl": "15m", "max_bytes": "1MiB", "max_entries": "5"}
    value = values.get(setting.rpartition(".")[2], "/x")
    reason = "expected no control characters, found a carriage return at its end"
    said = message(environ={variable: f"{value}\r"})
    assert said == f"environment variable {variable}: {setting}: {reason}"


def test_the_file_and_its_variables_are_looked_at(tmp_path: Path):
    """With the name of the setting, and of the variable that a value is from."""
    path = tmp_path / "c.toml"
    path.write_text('backend = "redis"\n[redis]\nurl = "${APP_URL}"\nprefix = "app\\r"\n')
    with pytest.raises(ConfigError) as caught:
        load(path, environ={"APP_URL": f"{URL}\r"})
    reason = "expected no control characters, found a carriage return at its end"
    assert str(caught.value).splitlines()[1:] == [
        f"{path}: redis.url: variable APP_URL: {reason}",
        f"{path}: redis.prefix: {reason}",
    ]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME", "CACHECTL_CONFIG"])
def test_no_other_directory_is_made_of_a_variable(tmp_path: Path, variable: str):
    """Of one that only looks like another."""
    reason = "expected no control characters, found a carriage return at its end"
    environ = {"HOME": str(tmp_path), variable: f"{tmp_path}\r"}
    assert message(environ=environ) == f"environment variable {variable}: {reason}"


def test_the_name_of_a_file_is_looked_at(tmp_path: Path):
    reason = "expected no white space around it, found some at its end"
    assert message(f"{tmp_path}/c.toml ", environ={}) == f"option config: {reason}"


def test_spaces_within_a_path_are_a_part_of_it(tmp_path: Path):
    directory = f"{tmp_path}/Application Support/a"
    assert load(environ={"CACHECTL_FILE__DIRECTORY": directory}).backend_options()[
        "directory"
    ] == Path(directory)
