"""config.example.toml: it loads as it stands, and serves five systems by their variables."""

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from cachectl._backends import options_of
from cachectl._config import load
from cachectl._config.models import all_settings
from cachectl._model.policy import Policy

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"

GIVEN = {
    "AI_CACHE_ENABLED": "false",
    "AI_CACHE_BACKEND": "redis",
    "AI_CACHE_TTL_HOURS": "24",
    "REDIS_URL": "redis://app:hunter2@cache:6380/3",
    "CACHE_SIZE": "7",
    "CACHE_TTL_PARCHMENT": "11",
    "CACHE_TTL_ENSO": "12",
    "CACHE_TTL_SIGIL": "13",
    "CACHE_TTL_CREATURE": "14",
    "CACHE_METRICS": "false",
    "PHRASE_CACHE_MAX_SIZE": "500",
    "RAG_CACHE_SIZE": "2000",
    "RAG_RESULT_TTL": "1800",
    "AGENT_CONFIG_TTL": "300",
}

UNSET = {
    "embeddings": Policy(ttl=None, max_entries=10_000),
    "sessions": Policy(ttl=3600),
    "ai": Policy(ttl=7 * 86_400, max_bytes=2**30, key_decimals=1),
    "tts": Policy(ttl=3600, max_entries=100),
    "rag": Policy(ttl=300, max_entries=500),
    "agent-config": Policy(ttl=60),
    "prompts": Policy(ttl=600),
    "parchment": Policy(ttl=3600, max_entries=50),
    "enso": Policy(ttl=3600, max_entries=100),
    "sigil": Policy(ttl=3600, max_entries=100),
    "giraffe": Policy(ttl=3600, max_entries=100),
    "kangaroo": Policy(ttl=3600, max_entries=100),
    "directed_enso": Policy(ttl=1800, max_entries=200),
}

SET = {
    "embeddings": Policy(ttl=None, max_entries=10_000),
    "sessions": Policy(ttl=3600),
    "ai": Policy(ttl=86_400, max_bytes=2**30, key_decimals=1, enabled=False),
    "tts": Policy(ttl=3600, max_entries=500),
    "rag": Policy(ttl=1800, max_entries=2000),
    "agent-config": Policy(ttl=300),
    "prompts": Policy(ttl=600),
    "parchment": Policy(ttl=11, max_entries=50, metrics=False),
    "enso": Policy(ttl=12, max_entries=7, metrics=False),
    "sigil": Policy(ttl=13, max_entries=7, metrics=False),
    "giraffe": Policy(ttl=14, max_entries=7, metrics=False),
    "kangaroo": Policy(ttl=14, max_entries=7, metrics=False),
    "directed_enso": Policy(ttl=1800, max_entries=200, metrics=False),
}


@pytest.mark.parametrize(("environ", "policies"), [({}, UNSET), (GIVEN, SET)], ids=["unset", "set"])
def test_each_system_gets_its_namespaces(
    environ: dict[str, str], policies: dict[str, Policy]
) -> None:
    """With none of the variables set, and with all of them."""
    settings = load(EXAMPLE, environ=environ)
    assert {name: settings.policy(name) for name in settings.namespaces} == policies


def test_without_variables_it_is_what_no_configuration_would_be() -> None:
    """What the example says outside the namespaces are the defaults."""
    plain, example = load(environ={}), load(EXAMPLE, environ={})
    assert example.backend_options() == plain.backend_options()
    for name in ("backend", "enabled", "metrics"):
        assert getattr(example, name) == getattr(plain, name)
    for name in ("redis", "memory"):
        assert vars(example)[name] == options_of(name)()
    assert example.policy("anything") == plain.policy("anything") == Policy()


def test_the_backend_and_its_address_come_from_the_variables() -> None:
    settings = load(EXAMPLE, environ=GIVEN)
    assert settings.backend == "redis"
    assert settings.backend_options() == {
        "url": "redis://app:hunter2@cache:6380/3",
        "prefix": "cachectl",
        "connect_timeout": 0.5,
        "timeout": 1.0,
    }


def test_it_can_look_into_a_diskcache_directory() -> None:
    settings = load(EXAMPLE, environ={"AI_CACHE_BACKEND": "diskcache", "HOME": "/home/me"})
    assert settings.backend == "diskcache"
    assert settings.backend_options() == {"directory": Path("/home/me/.cache/some-application")}


def test_every_setting_is_in_the_example() -> None:
    """A setting that is added to the models must be explained."""
    tree = tomllib.loads(EXAMPLE.read_text())
    in_example: set[tuple[str, ...]] = set()
    for first, value in tree.items():
        for key, item in value.items() if isinstance(value, dict) else [("", value)]:
            if first == "namespaces":
                in_example |= {(first, "NAME", last) for last in item}
            else:
                in_example.add((first, key) if key else (first,))
    expected = {("defaults", k[-1]) if k[0] == "namespaces" else k for k in all_settings("NAME")}
    assert expected <= in_example


def test_every_variable_of_the_systems_is_in_the_example() -> None:
    text = EXAMPLE.read_text()
    assert [name for name in GIVEN if f"${{{name}:-" not in text] == []


def test_every_setting_of_the_tables_has_a_line_above_that_explains_it() -> None:
    """Up to the first system; below, comments stand beside the values."""
    lines = EXAMPLE.read_text().partition("# ---")[0].splitlines()
    settings = [
        (above, line)
        for above, line in pairwise(lines)
        if " = " in line and not line.startswith("#")
    ]
    assert len(settings) == 25
    assert [line for above, line in settings if not above.startswith("#")] == []
