"""Every mistake in a configuration has one line that says where, what was expected and found."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl._config import load
from cachectl._config.messages import shown
from cachectl.errors import ConfigError
from tests.config.messages import message

DURATION = "a duration above 0 such as 90, 90s, 15m, 1h30m or 7d"
NAME = "a name: a letter or digit, then up to 63 of A-Z a-z 0-9 . _ : -"
SIZE = "a size above 0 such as 512, 1.5MiB or 2GB, or 'none'"
ENTRIES = "a whole number of at least 1, or 'none'"
DIGITS = "0 to 15, a table of fields with 0 to 15 each, or 'none'"
EVICTION = "lru or lrfu"
COMPRESSION = "none or zstd"
URL = "a URL that begins with redis://, rediss:// or unix://"
HIDDEN = f"redis.url: expected {URL}, found one that is not shown"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("backend = 'disk'", "backend: expected memory, file, redis or diskcache, found 'disk'"),
        ("backend = 3", "backend: expected memory, file, redis or diskcache, found 3"),
        (
            "backend = 'tiered'",
            "backend: 'tiered' is not available yet, expected memory, file, redis or diskcache",
        ),
        ("enabled = 1", "enabled: expected true or false, found 1"),
        ("metrics = 'maybe'", "metrics: expected true or false, found 'maybe'"),
        ("file = 3", "file: expected a table, found 3"),
        ("namespaces = []", "namespaces: expected a table, found an array"),
        ("namespaces.enso = 'x'", "namespaces.enso: expected a table, found 'x'"),
        ("defaults = 1979-05-27", "defaults: expected a table, found a date"),
        ("[file]\ndirectory = ''", "file.directory: expected a path, found ''"),
        ("[file]\ndirectory = '~bob/x'", "file.directory: expected a path, found '~bob/x'"),
        ("[file]\ndirectory = 1", "file.directory: expected a path, found 1"),
        ("[redis]\nprefix = ''", f"redis.prefix: expected {NAME}, found ''"),
        ("[redis]\nprefix = 'a/b'", f"redis.prefix: expected {NAME}, found 'a/b'"),
        ("[memory]\nname = '../x'", f"memory.name: expected {NAME}, found '../x'"),
        ("[memory]\nname = 3", f"memory.name: expected {NAME}, found 3"),
        ("[redis]\ntimeout = 'none'", f"redis.timeout: expected {DURATION}, found 'none'"),
        ("[redis]\ntimeout = 0", f"redis.timeout: expected {DURATION}, found 0"),
        (
            "[redis]\nconnect_timeout = true",
            f"redis.connect_timeout: expected {DURATION}, found true",
        ),
        ("[defaults]\nttl = '1x'", f"defaults.ttl: expected {DURATION}, or 'none', found '1x'"),
        ("[defaults]\nttl = -1", f"defaults.ttl: expected {DURATION}, or 'none', found -1"),
        ("[defaults]\nttl = nan", f"defaults.ttl: expected {DURATION}, or 'none', found nan"),
        (
            f"[defaults]\nttl = 0x{'f' * 5000}",
            f"defaults.ttl: expected {DURATION}, or 'none', found a huge number",
        ),
        (
            "[namespaces.enso]\nmax_entries = 0",
            f"namespaces.enso.max_entries: expected {ENTRIES}, found 0",
        ),
        (
            "[namespaces.enso]\nmax_entries = 1.5",
            f"namespaces.enso.max_entries: expected {ENTRIES}, found 1.5",
        ),
        (
            "[namespaces.enso]\nmax_entries = '1_000'",
            f"namespaces.enso.max_entries: expected {ENTRIES}, found '1_000'",
        ),
        (
            "[namespaces.enso]\nmax_entries = true",
            f"namespaces.enso.max_entries: expected {ENTRIES}, found true",
        ),
        (
            "[defaults]\nmax_bytes = '5 potatoes'",
            f"defaults.max_bytes: expected {SIZE}, found '5 potatoes'",
        ),
        ("[defaults]\nmax_bytes = 0.5", f"defaults.max_bytes: expected {SIZE}, found 0.5"),
        (
            f"[defaults]\nmax_bytes = 0x{'f' * 5000}",
            f"defaults.max_bytes: expected {SIZE}, found a huge number",
        ),
        ("[defaults]\nkey_decimals = 16", f"defaults.key_decimals: expected {DIGITS}, found 16"),
        (
            "[defaults]\nkey_decimals = { tempo = -1 }",
            "defaults.key_decimals: expected 0 to 15 for tempo, found -1",
        ),
        ("[defaults]\neviction = 'lifo'", f"defaults.eviction: expected {EVICTION}, found 'lifo'"),
        (
            "[defaults]\neviction = ['lru']",
            f"defaults.eviction: expected {EVICTION}, found an array",
        ),
        ("[defaults]\ncompress = true", f"defaults.compress: expected {COMPRESSION}, found true"),
        (
            "[namespaces.enso]\ncompress = 'gzip'",
            f"namespaces.enso.compress: expected {COMPRESSION}, found 'gzip'",
        ),
        (
            "[namespaces.'a b']\nttl = 1",
            f"namespaces.'a b': expected {NAME}, found 'a b'",
        ),
        (
            "backend = '${BACKEND}'",
            (
                "backend: expected the variable BACKEND, found that it is not set "
                "(${BACKEND:-default} gives it a default)"
            ),
        ),
        (
            "[redis]\nurl = 'redis://:${PASSWORD}@h'",
            (
                "redis.url: expected the variable PASSWORD, found that it is not set "
                "(${PASSWORD:-default} gives it a default)"
            ),
        ),
        (
            "[redis]\nurl = 'redis://:pa$word@h'",
            "redis.url: expected ${NAME}, ${NAME:-default} or $$ for a dollar, found another $",
        ),
        ("bakend = 'file'", "bakend: unknown setting, did you mean backend?"),
        ("ttl = 60", "ttl: unknown setting, did you mean defaults.ttl?"),
        ("source = 'x'", "source: unknown setting"),
        ("qqq = 1", "qqq: unknown setting"),
        ("[redi]\nurl = 'x'", "redi: unknown setting, did you mean redis?"),
        ("[redis]\nurll = 'x'", "redis.urll: unknown setting, did you mean redis.url?"),
        ("[file]\nprefix = 'x'", "file.prefix: unknown setting, did you mean redis.prefix?"),
        (
            "[namespaces.enso]\nmax_entires = 3",
            (
                "namespaces.enso.max_entires: unknown setting, "
                "did you mean namespaces.enso.max_entries?"
            ),
        ),
        ("'a\\nb' = 1", "'a\\\\nb': unknown setting"),
        ('"[0]" = 1', "'[0]': unknown setting"),
    ],
)
def test_a_mistake_in_the_file(file: Path, text: str, complaint: str) -> None:
    """File, dotted key, what was expected, what was found."""
    file.write_text(text)
    assert message(file) == f"{file}: {complaint}"


@pytest.mark.parametrize(
    ("variable", "text", "complaint"),
    [
        (
            "CACHECTL_NAMESPACES__ENSO__TTL",
            "1x",
            f"namespaces.enso.ttl: expected {DURATION}, or 'none', found '1x'",
        ),
        ("CACHECTL_ENABLED", "2", "enabled: expected true or false, found '2'"),
        ("CACHECTL_URL", "hunter2", HIDDEN),
        ("CACHECTL_REDIS__URL", "http://u:hunter2@h", HIDDEN),
        (
            "CACHECTL_BACKEND",
            "redis://u:hunter2@h",
            "backend: expected memory, file, redis or diskcache, found text that may be a URL",
        ),
        ("CACHECTL_TTL", "1", "unknown setting, did you mean CACHECTL_DEFAULTS__TTL?"),
        ("CACHECTL_BAKEND", "file", "unknown setting, did you mean CACHECTL_BACKEND?"),
        ("CACHECTL_FILE", "/x", "unknown setting, did you mean CACHECTL_FILE__DIRECTORY?"),
        (
            "CACHECTL_NAMESPACES__ENSO__TLL",
            "1",
            "unknown setting, did you mean CACHECTL_NAMESPACES__ENSO__TTL?",
        ),
        ("CACHECTL_", "1", "unknown setting"),
        (
            "CACHECTL_NAMESPACES__-__TTL",
            "1",
            f"namespaces.-.ttl: expected {NAME}, found '-'",
        ),
    ],
)
def test_a_mistake_in_the_environment(file: Path, variable: str, text: str, complaint: str) -> None:
    """The variable is named; of a value that may be a secret nothing is shown."""
    found = message(environ={variable: text})
    assert found == f"environment variable {variable}: {complaint}"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("backend", "disk", "expected memory, file, redis or diskcache, found 'disk'"),
        ("redis.url", "hunter2", f"expected {URL}, found one that is not shown"),
        ("redis.tls", "true", "unknown setting"),
        ("redis", "x", "unknown setting, did you mean redis.url?"),
        ("timeout", "1", "unknown setting, did you mean file.timeout?"),
    ],
)
def test_a_mistake_in_a_flag(file: Path, name: str, value: str, complaint: str) -> None:
    assert message(overrides={name: value}).startswith(f"option {name}: {complaint}")


def test_two_variables_for_one_setting_are_refused(file: Path) -> None:
    environ = {"CACHECTL_URL": "redis://a", "CACHECTL_REDIS__URL": "redis://b"}
    assert message(environ=environ) == (
        "environment variable CACHECTL_URL: redis.url: expected one variable, "
        "found also CACHECTL_REDIS__URL"
    )


def test_a_variable_that_fits_two_namespaces_is_refused(file: Path) -> None:
    file.write_text("[namespaces.a-b]\n[namespaces.A_b]\n")
    variable = "CACHECTL_NAMESPACES__A_B__TTL"
    assert message(file, environ={variable: "1"}) == (
        f"environment variable {variable}: expected the name of one namespace, "
        "found it to fit 'a-b' and 'A_b'"
    )


def test_several_mistakes_are_told_together(file: Path) -> None:
    """A summary, then a line for each."""
    file.write_text("enabled = '${NOT_SET}'\n[defaults]\nttl = 0\nmax_entires = 1\n")
    found = message(file, environ={"CACHECTL_METRIC": "1"}, overrides={"backend": "x"})
    assert found.splitlines() == [
        "5 settings are wrong:",
        "environment variable CACHECTL_METRIC: unknown setting, did you mean CACHECTL_METRICS?",
        (
            f"{file}: enabled: expected the variable NOT_SET, found that it is not set "
            "(${NOT_SET:-default} gives it a default)"
        ),
        "option backend: expected memory, file, redis or diskcache, found 'x'",
        f"{file}: defaults.ttl: expected {DURATION}, or 'none', found 0",
        f"{file}: defaults.max_entires: unknown setting, did you mean defaults.max_entries?",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "redis://app:hunter2@host:6379/0 x",
        "redis//app:hunter2@host",
        "https://app:hunter2@host",
        "hunter2",
        "redis://app:hunter2@host\n",
    ],
)
@pytest.mark.parametrize("origin", ["file", "variable", "environment", "option", "table"])
def test_a_secret_is_in_no_message_and_no_traceback(file: Path, url: str, origin: str) -> None:
    """Wherever the URL comes from, and also among other mistakes."""
    quoted = url.replace("\n", "\\n")
    text = {
        "file": f'ttl = 1\n[redis]\nurl = "{quoted}"',
        "variable": 'ttl = 1\n[redis]\nurl = "${REDIS_URL}"',
        "table": f'redis = {{ url = "{quoted}", prefix = "" }}',
    }.get(origin, "ttl = 1")
    file.write_text(text)
    environ = {"REDIS_URL": url} | ({"CACHECTL_URL": url} if origin == "environment" else {})
    overrides = {"redis.url": url} if origin == "option" else {}
    with pytest.raises(ConfigError) as caught:
        load(file, environ=environ, overrides=overrides)
    assert "redis.url" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_secret_is_not_in_the_representation_of_settings(file: Path) -> None:
    """Only the backend gets it."""
    url = "redis://app:hunter2@host"
    settings = load(environ={"CACHECTL_BACKEND": "redis", "CACHECTL_URL": url})
    for text in (repr(settings), str(settings), f"{vars(settings)}"):
        assert "hunter2" not in text
    assert settings.backend_options()["url"] == url


@given(st.text())
def test_what_is_shown_of_a_text_is_one_short_printable_line(text: str) -> None:
    """No control characters, no bidirectional marks, nothing of a URL."""
    line = shown(text)
    assert line.isprintable()
    assert len(line) < 700
