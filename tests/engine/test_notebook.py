"""What somebody sees who explores a cache in a notebook, and configures it in code."""

import pytest

import cachectl
from cachectl import Cache, ConfigError
from tests.support.openers import Opener

in_memory = pytest.mark.parametrize("opener", ["memory"], indirect=True)


@pytest.fixture
def cache(opener: Opener):
    return opener()


@in_memory
def test_a_namespace_shows_its_name_and_its_policy(cache):
    users = cache.namespace("users", ttl="90s", max_entries=1000, max_bytes="1.5MiB")
    assert repr(users) == (
        "<Namespace 'users': TTL 1m 30s, at most 1,000 entries, at most 1.5 MiB>"
    )
    assert repr(cache.namespace("off", enabled=False)) == "<Namespace 'off': TTL 1h, disabled>"


@in_memory
def test_a_cache_shows_where_it_is_and_the_namespaces_in_use(cache):
    assert repr(cache) == "<Cache on MemoryBackend(): no namespace in use>"
    cache.namespace("b")
    cache.namespace("a")
    assert repr(cache) == "<Cache on MemoryBackend(): a, b>"


def test_no_password_is_shown(redis_url):
    url = "redis://user:hunter2@localhost:1/0"
    with Cache.open(settings={"backend": "redis", "redis": {"url": url}}) as cache:
        assert "hunter2" not in repr(cache)
        assert "localhost:1" in repr(cache)


def test_figures_are_shown_on_one_short_line(cache):
    users = cache.namespace("users")
    users.set("k", "v")
    users.get("k")
    assert repr(users.stats()).startswith("<NamespaceStats: 1 entry, ")
    assert repr(users.stats()).endswith(" B, 1 hits, 0 misses, rate 100.0%>")
    assert repr(cache.stats()).startswith("<Stats of users: <NamespaceStats: ")


def test_a_key_is_in_a_namespace_while_it_is_fresh(cache, clock):
    users = cache.namespace("users", ttl=10.0)
    users.set("k", None)
    assert "k" in users
    assert "j" not in users
    clock.advance(10)
    assert "k" not in users
    assert users.stats().misses == 0


def test_the_length_of_a_namespace_is_what_it_holds(cache):
    users = cache.namespace("users")
    assert len(users) == 0
    users.set_many({"a": 1, "b": 2})
    assert len(users) == 2


def test_an_empty_namespace_is_true(cache):
    """Who checks for a namespace must not be told that there is none because it is empty."""
    assert cache.namespace("users")


def test_settings_in_code_are_those_of_the_file(tmp_path):
    settings = {
        "backend": "file",
        "file": {"directory": tmp_path / "cache"},
        "defaults.ttl": "2h",
        "namespaces": {"images": {"max_entries": 10, "eviction": "lrfu"}},
    }
    with Cache.open(settings=settings) as cache:
        assert cache.policy("anything").ttl == 7200
        assert cache.policy("images").limits == (10, None, "lrfu")
        assert cache.namespace("images").set("k", 1)
    assert (tmp_path / "cache" / "cache.db").exists()


def test_a_wrong_setting_in_code_is_named():
    with pytest.raises(ConfigError, match=r"option defaults\.tll: unknown setting, did you mean"):
        Cache.open(settings={"defaults": {"tll": "2h"}})


def test_dir_shows_the_public_names():
    assert {"Cache", "Namespace", "Stats", "Outcome", "MISSING", "__version__"} <= {*dir(cachectl)}
    assert cachectl.__version__.count(".") == 2
