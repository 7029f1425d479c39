"""The commands on a directory that an application wrote with the diskcache library."""

import csv
import json
from pathlib import Path

import diskcache
import pytest

from tests.support.foreign import KINDS, fill, running, snapshot

NAMES = (
    "text", "7", "'7'", "2.5", r"b'\xff\x00'", "none", "object", "pickled:8", "pickled:9", "tagged",
    "large text", "large bytes", "large object", "expired", "nothing",
)  # fmt: skip
FORMATS = ("table", "json", "jsonl", "csv", "prometheus")
READING = [
    *(["stats", "--format", form] for form in FORMATS),
    *(["inspect", *namespace, "--format", form] for form in FORMATS[:4]
      for namespace in ([], ["diskcache"])),
    *([command, "diskcache", name, "--format", form] for name in NAMES
      for command in ("inspect", "get") for form in FORMATS[:2]),
    ["inspect", "diskcache", "--tag", "org:42"], ["-v", "stats"],
    ["clear", "--all", "--dry-run"], ["cleanup", "--dry-run"], ["cleanup", "--max-entries", "1", "--dry-run"],
]  # fmt: skip
WRITING = [
    ["set", "diskcache", "text", "other"], ["clear", "diskcache", "--yes"], ["clear", "--all"],
    ["clear", "--tag", "org:42", "--yes"], ["clear", "--match", "*", "--yes"], ["cleanup"],
    ["cleanup", "--older-than", "1s"], ["warm", "-"],
    ["warm", "--loader", "os:unlink", "--keys", "keys", "--namespace", "diskcache"],
]  # fmt: skip


@pytest.fixture
def directory(tmp_path) -> Path:
    return tmp_path / "application"


@pytest.fixture
def trace(tmp_path) -> Path:
    return tmp_path / "unpickled"


@pytest.fixture
def filled(directory, trace) -> Path:
    with diskcache.Cache(
        directory, statistics=True, eviction_policy="least-frequently-used"
    ) as cache:
        fill(cache, trace)
        cache.get("text")
        cache.get("nothing")
    return directory


@pytest.fixture
def on_diskcache(tool, directory):
    return tool.having(CACHECTL_BACKEND="diskcache", CACHECTL_DISKCACHE__DIRECTORY=str(directory))


def test_no_command_changes_a_byte_or_runs_a_pickle(filled, trace, on_diskcache):
    before = snapshot(filled)
    for call in READING:
        ended = on_diskcache(*call)
        assert ended.code in {0, 3, 6}, (call, ended)
        assert snapshot(filled) == before, call
    on_diskcache.together(WRITING)
    assert snapshot(filled) == before
    assert not trace.exists()


def test_no_command_changes_a_byte_while_the_application_runs(directory, trace, on_diskcache):
    with running(directory, trace, statistics=True):
        before = snapshot(directory)
        on_diskcache.together(READING[::3])
        on_diskcache.together(WRITING)
        assert snapshot(directory) == before
    assert not trace.exists()


def test_what_writes_is_refused_with_one_sentence_before_anything_is_asked(filled, on_diskcache):
    on_diskcache.home.joinpath("keys").write_text("a")
    for call in WRITING:
        ended = on_diskcache(*call)
        assert (ended.code, ended.raw) == (6, b"")
        said, cache = ended.err.splitlines()
        assert said == (
            f"cachectl: refused: {filled}: a diskcache directory is only read here;"
            " its application writes it"
        )
        assert cache.startswith("  cache diskcache ")


def test_get_prints_a_value_as_it_is_and_counts_nothing(filled, on_diskcache):
    assert on_diskcache("get", "diskcache", "text").raw == b"hello"
    assert on_diskcache("get", "diskcache", "large bytes").raw == b"\xff" * 100_000
    with diskcache.Cache(filled) as cache:
        assert cache.stats() == (1, 1)


def test_get_refuses_a_pickle_and_misses_what_is_not_there(filled, on_diskcache):
    ended = on_diskcache("get", "diskcache", "object")
    assert (ended.code, ended.raw) == (6, b"")
    assert "a pickle can run anything and is not read" in ended.err
    assert on_diskcache("get", "diskcache", "expired").code == 3
    assert on_diskcache("get", "diskcache", "nothing").code == 3


def test_stats_has_the_figures_of_the_application_in_every_format(filled, on_diskcache):
    document = json.loads(on_diskcache("stats", "--format", "json").out)
    figures = document["namespaces"]["diskcache"]
    with diskcache.Cache(filled) as cache:
        volume = cache.volume()
    assert document["backend"] == {
        "configured": "diskcache", "active": "diskcache", "status": "ok",
        "eviction_policy": "least-frequently-used", "statistics": True, "shards": 1,
    }  # fmt: skip
    assert (figures["hits"], figures["misses"], figures["hit_rate"]) == (1, 1, 0.5)
    assert (figures["entries"], figures["bytes"], figures["max_bytes"]) == (KINDS, volume, 2**30)
    (row,) = csv.DictReader(on_diskcache("stats", "--format", "csv").lines)
    assert (row["namespace"], row["hit_rate"], row["bytes"]) == ("diskcache", "0.5", str(volume))
    labels = '{backend="diskcache",namespace="diskcache"}'
    assert f"cachectl_hits_total{labels} 1" in on_diskcache("stats", "-f", "prometheus").lines
    *_, line, _ = on_diskcache("stats").lines
    assert "50.0%" in line
    assert "eviction policy: least-frequently-used" in on_diskcache("-v", "stats").err


def test_without_statistics_the_rate_is_unknown_and_a_note_says_how_to_turn_them_on(
    directory, on_diskcache
):
    diskcache.Cache(directory).close()
    ended = on_diskcache("stats")
    assert ended.code == 0
    assert ended.err.endswith("the application turns them on with cache.stats(enable=True)\n")
    assert json.loads(on_diskcache("stats", "-f", "json").out)["totals"]["hit_rate"] is None
    assert on_diskcache("stats", "--fail-under", "hit-rate=90%").code == 0


def test_an_entry_is_shown_with_what_diskcache_keeps_of_it(filled, on_diskcache):
    document = json.loads(on_diskcache("inspect", "diskcache", "text", "-f", "json").out)
    assert document["schema"] == "cachectl.entry/1"
    assert (document["value"], document["access_count"], document["used_at"]) == ("hello", 1, None)
    assert on_diskcache("inspect", "diskcache", "large text").out.count(".val") == 1
    shown = on_diskcache("inspect", "diskcache", "object")
    assert shown.lines[-1].split(maxsplit=1) == ["value", "pickled, not read"]
    document = json.loads(on_diskcache("inspect", "diskcache", "pickled:9", "-f", "json").out)
    assert (document["type"], document["value"]) == ("pickle", None)


def test_the_directory_is_that_of_the_chosen_backend(filled, tool):
    before = tool("--backend", "diskcache", "--directory", str(filled), "get", "diskcache", "text")
    assert before.raw == b"hello"
    tool.home.joinpath("cachectl.toml").write_text('backend = "diskcache"')
    assert tool("--directory", str(filled), "get", "diskcache", "text").raw == b"hello"
    assert tool("--backend", "file", "--directory", "other", "set", "a", "b", "c").code == 0
    assert (tool.home / "other/cache.db").exists()
    ended = tool("--backend", "memory", "--directory", "x", "stats")
    assert (ended.code, ended.err) == (
        2, "cachectl: option directory: the backend memory has none\n",
    )  # fmt: skip


def test_without_a_directory_the_setting_that_is_missing_is_named(tool):
    ended = tool("--backend", "diskcache", "stats")
    assert ended.code == 2
    assert ended.err == "cachectl: diskcache.directory: expected a path, found nothing\n"


HELP = {
    "another": "name another place by --directory",
    "others": "see who may write there, or name another place by --directory",
}


def test_a_wrong_place_is_named_and_left_alone(tool, tmp_path):
    (tmp_path / "empty").mkdir()
    tool("--directory", "ours", "set", "a", "b", "c")
    said = {
        "nothing": (5, "unavailable: cannot open {}: No such file or directory", HELP["another"]),
        "empty": (
            6,
            "refused: {} is not a diskcache directory (cache.db is missing)",
            HELP["others"],
        ),
        "ours": (6, "refused: {} is a cachectl cache; use --backend file", None),
    }
    before = snapshot(tmp_path)
    for name, (code, message, helps) in said.items():
        for command in (["stats"], ["inspect"], ["get", "diskcache", "a"]):
            ended = tool("--backend", "diskcache", "--directory", name, *command)
            first, *below = ended.err.splitlines()
            assert (ended.code, first) == (code, f"cachectl: {message.format(tmp_path / name)}")
            assert [line for line in below if line.startswith("  do ")] == (
                [f"  do    {helps}"] if helps else []
            )
    assert snapshot(tmp_path) == before


def test_diskcache_itself_is_not_even_imported(filled, on_diskcache):
    started = on_diskcache.having(PYTHONPROFILEIMPORTTIME="1").start("stats", "--format", "csv")
    imported = {
        line.split("|")[-1].strip() for line in started.communicate()[1].decode().split("\n")
    }
    assert "cachectl._backends.diskcache.shard" in imported
    assert imported.isdisjoint({"diskcache", "pickle"})
