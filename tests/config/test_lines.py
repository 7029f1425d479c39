"""On which line a setting is."""

import tomllib
from pathlib import Path

from cachectl._config.lines import lines_of

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def test_each_value_is_where_it_is_written():
    text = (
        'backend = "file"  # a = 1\n'
        "\n"
        "[file]\n"
        'directory = """\n'
        "timeout = 1\n"
        '"""\n'
        "timeout = 2\n"
        'namespaces."a.b" = { ttl = "1h", max_entries = 5 }\n'
        "[namespaces . 'c d']\n"
        "key_decimals = { tempo = 1 }\n"
        "other = [\n  1,\n  2,\n]\n"
        "ttl = 3\n"
    )  # fmt: skip
    assert lines_of(text) == {
        ("backend",): 1,
        ("file", "directory"): 4,
        ("file", "timeout"): 7,
        ("file", "namespaces"): 8,
        ("file", "namespaces", "a.b"): 8,
        ("file", "namespaces", "a.b", "ttl"): 8,
        ("file", "namespaces", "a.b", "max_entries"): 8,
        ("namespaces", "c d", "key_decimals"): 10,
        ("namespaces", "c d", "key_decimals", "tempo"): 10,
        ("namespaces", "c d", "other"): 11,
        ("namespaces", "c d", "ttl"): 15,
    }


def test_nothing_of_the_example_is_missed():
    text = EXAMPLE.read_text()
    found, lines = lines_of(text), text.split("\n")

    def expect(keys, value):
        if isinstance(value, dict):
            for key, below in value.items():
                expect((*keys, key), below)
        else:
            assert keys[-1] in lines[found[keys] - 1], keys

    expect((), tomllib.loads(text))
