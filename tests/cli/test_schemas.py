"""Each document that the tool prints has the JSON Schema that its `schema` names."""

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator, FormatChecker

SCHEMAS = {
    path.name.removesuffix(".json"): json.loads(path.read_text())
    for path in files("cachectl").joinpath("schemas").iterdir()
    if path.name.endswith(".json")
}
CALLS = (
    ("set", "users", "k", '{"a": 1}', "--type", "json", "--tag", "t", "--cost", "0.1"),
    ("set", "users", "l", "text", "--ttl", "none"),
    ("set", "users", "m", "text", "--ttl", "none"),
    ("get", "users", "k"),
    ("get", "users", "nothing"),
    ("stats",),
    ("stats", "users", "--since", "1h"),
    ("stats", "--fail-under", "hit-rate=99%", "--fail-over", "errors=0"),
    ("stats", "--diff", "saved.json"),
    ("stats", "nosuch"),
    ("stats", "--reset", "--yes"),
    ("stats", "--each", "--fail-under", "hit-rate=50%", "--fail-over", "full=50%"),
    ("stats", "--fail-over", "entries=0"),
    ("inspect",),
    ("inspect", "users"),
    ("inspect", "users", "k"),
    ("inspect", "users", "l"),
    ("inspect", "--count"),
    ("inspect", "--sort", "size"),
    ("inspect", "users", "--summary"),
    ("clear", "users", "--dry-run"),
    ("clear", "users"),
    ("clear", "users", "--key", "l", "--yes"),
    ("cleanup", "--max-entries", "1", "--dry-run"),
    ("cleanup", "--max-entries", "1", "--yes"),
    ("warm", "users.jsonl", "--dry-run"),
    ("warm", "users.jsonl"),
    ("get", "promts", "k"),
    ("forget", "promts", "--yes"),
    ("config", "show"),
    ("config", "show", "--url", "redis://nowhere.invalid"),
    ("config", "check"),
    ("config", "path"),
)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name):
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["properties"]["schema"] == {"const": f"cachectl.{name}/1"}


@pytest.fixture
def printed(shared):
    """What all commands print as JSON, and what as lines of it."""
    (shared.home / "users.jsonl").write_text(
        '{"namespace": "users", "key": "warm", "value": 1}\n{"namespace": "users"}\n'
    )
    (shared.home / "saved.json").write_bytes(shared("stats", "-f", "json").raw)
    found = []
    for form in ("json", "jsonl"):
        for call in CALLS:
            ended = shared(*call, "--format", form)
            texts = [ended.out] if form == "json" else ended.lines
            found += [(call, json.loads(text)) for text in texts]
    return found


def test_what_is_printed_is_as_its_schema_says(printed):
    for call, document in printed:
        name = document["schema"].removeprefix("cachectl.").removesuffix("/1")
        validator = Draft202012Validator(SCHEMAS[name], format_checker=FormatChecker())
        problems = [error.message for error in validator.iter_errors(document)]
        assert not problems, (call, document)


def test_each_schema_is_of_something_that_is_printed(printed):
    names = {document["schema"] for _, document in printed}

    assert names == {f"cachectl.{name}/1" for name in SCHEMAS}
