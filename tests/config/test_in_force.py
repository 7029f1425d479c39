"""Where each setting is from."""

from pathlib import Path

import pytest

from cachectl._config import load
from cachectl._config.in_force import Configuration, InForce, Origin, in_force
from cachectl.errors import ConfigError

SECRET = "hunter2-canary"  # no password of anything

CONFIGURATION = """\
backend = "${WHICH:-file}"
max_bytes = "1GiB"
[redis]
url = "${REDIS_URL}"
prefix = "mine"
[namespaces.ai]
ttl = "7d"
key_decimals = { tempo = 1 }
"""


def named(found: Configuration) -> dict[str, InForce]:
    return {setting.name: setting for setting in found.settings}


def test_each_value_says_where_it_is_from(file: Path):
    file.write_text(CONFIGURATION)
    url = f"redis://:{SECRET}@cache-1/0"
    environ = {"HOME": "/home/ada", "REDIS_URL": url, "CACHECTL_DEFAULTS__TTL": "90"}
    found = in_force(directory="here", environ=environ)
    settings = named(found)

    assert found.source == file
    assert settings["backend"].origin == Origin("file", None, 1, ("${WHICH} not set",))
    assert settings["max_bytes"][1:] == (2**30, "1.0 GiB", Origin("file", None, 2))
    assert settings["max_entries"][1:] == (None, "none", Origin("default"))
    assert settings["file.directory"].value == str(file.parent / "here")
    assert settings["file.directory"].origin == Origin("flag", "--directory")
    assert settings["defaults.ttl"][1:] == (
        90.0, "1m 30s", Origin("environment", "CACHECTL_DEFAULTS__TTL")
    )  # fmt: skip
    assert settings["defaults.eviction"][1:] == ("lru", "lru", Origin("default"))
    assert settings["namespaces.ai.ttl"].origin == Origin("file", None, 7)
    assert settings["namespaces.ai.key_decimals"].value == {"tempo": 1}
    assert settings["redis.url"].origin == Origin("file", None, 4, ("${REDIS_URL}",))
    assert "redis.timeout" not in settings
    assert "namespaces.ai.max_entries" not in settings


def test_secrets_are_masked(file: Path):
    url = f"redis://user:{SECRET}@cache-1/0"
    found = named(in_force(url=url, environ={"HOME": "/home/ada"}))["redis.url"]

    assert found.value == found.shown == "redis://***@cache-1/0"


def test_what_is_set_and_not_used_is_said(file: Path):
    file.write_text(CONFIGURATION)
    environ = {"HOME": "/home/ada", "REDIS_URL": "redis://cache-1", "CACHECTL_MEMORY__NAME": "a"}

    assert in_force(environ=environ).unused == [
        "memory.name is set and not used: the backend is file",
        "redis.url and redis.prefix are set and not used: the backend is file",
    ]
    assert in_force(backend="redis", environ=environ).unused == [
        "memory.name is set and not used: the backend is redis"
    ]


def test_it_is_what_is_loaded(file: Path):
    """A wrong configuration is refused in the same words."""
    file.write_text("[defaults]\nttl = 'soon'\n")
    messages = []
    for made in (lambda: load(environ={"HOME": "/"}), lambda: in_force(environ={"HOME": "/"})):
        with pytest.raises(ConfigError) as error:
            made()
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_without_a_file_all_is_by_default(file: Path):
    found = in_force(environ={"HOME": "/home/ada"})

    assert found.source is None
    assert {setting.origin for setting in found.settings} == {Origin("default")}
    assert named(found)["file.directory"].value == "/home/ada/.cache/cachectl"


def test_a_url_says_which_backend(file: Path):
    """Whoever gives it has chosen Redis, too."""
    url = "redis://cache-1"
    by_flag = named(in_force(url=url, environ={"HOME": "/"}))
    by_variable = named(in_force(environ={"HOME": "/", "CACHECTL_URL": url}))

    assert (by_flag["backend"].value, by_flag["backend"].origin) == (
        "redis",
        Origin("flag", "--url"),
    )
    assert by_variable["backend"].origin == Origin("environment", "CACHECTL_URL")
    assert (
        named(in_force(backend="file", url=url, environ={"HOME": "/"}))["backend"].value == "file"
    )
