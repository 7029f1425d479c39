"""`stats --fail-under` and `--fail-over`: what is judged, what is said, and how it ends."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl._admin.figures import FIGURES, Unit
from cachectl._admin.thresholds import Bound, Threshold
from cachectl._metrics.counters import ROWS
from cachectl.errors import UsageError


@pytest.fixture
def uneven(shared):
    """Three namespaces: one with four hits of four, one with none of two, one with none of one."""
    with shared.open() as cache:
        cache.namespace("good").set("k", "v")
        for name, lookups in (("good", 4), ("poor", 2), ("rare", 1)):
            for _ in range(lookups):
                cache.namespace(name).get("k")
    return shared


@pytest.fixture
def full(shared):
    """A namespace that has evicted 90 of 100 entries, one that has room, and one without limits."""
    with shared.open() as cache:
        cache.namespace("tts", max_entries=10).set_many({str(key): key for key in range(100)})
        cache.namespace("rag", max_entries=10).set_many({str(key): key for key in range(4)})
        cache.namespace("free").set("k", "v")
    return shared


def told(ended):
    """Return the exit code, and what is said without the name of the tool."""
    return ended.code, ended.err.removeprefix("cachectl: ").splitlines()


@pytest.mark.parametrize(
    ("options", "alarm"),
    [
        (["hit-rate=50%"], []),
        (["hit-rate=60%"], ["the total is under hit-rate=60%: 57.1% of 7"]),
        (["hit-rate=0.6"], ["the total is under hit-rate=0.6: 57.1% of 7"]),
        (["hit-rate=60%", "good"], []),
        (["hit-rate=60%", "poor"], ["poor is under hit-rate=60%: 0% of 2"]),
        (["hit-rate=50%", "good", "poor"],
         ["1 of 2 namespaces is under hit-rate=50%", "  poor  0% of 2"]),
        (["hit-rate=50%", "--each"],
         ["2 of 3 namespaces are under hit-rate=50%", "  poor  0% of 2", "  rare  0% of 1"]),
        (["hit-rate=50%", "--each", "--min-lookups", "2"],
         ["1 of 3 namespaces is under hit-rate=50%", "  poor  0% of 2",
          "  not judged: rare (under 2 lookups)"]),
        (["hit-rate=50%", "--each", "--min-lookups", "3"], []),
        (["lookups=8"], ["the total is under lookups=8: 7"]),
        (["hit-rate=50%,misses=3", "poor", "good", "--min-lookups", "3"],
         ["2 of 2 namespaces are under misses=3", "  good  0", "  poor  2"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_alarm(uneven, options, alarm):
    """It is about the namespaces that are named, or the total, or each; and about enough lookups."""
    assert told(uneven("stats", "--fail-under", *options)) == (8 if alarm else 0, alarm)


def test_the_worst_comes_first_and_figures_stand_below_each_other(shared):
    with shared.open() as cache:
        for name, hits in (("mild", 75), ("embeddings", 8), ("bad", 0)):
            cache.namespace(name).set("k", "v")
            for at in range(100):
                cache.namespace(name).get("k" if at < hits else "none")
    ended = shared("stats", "--each", "--fail-under", "hit-rate=80%")
    assert told(ended) == (
        8,
        [
            "3 of 3 namespaces are under hit-rate=80%",
            "  bad            0% of 100",
            "  embeddings   8.0% of 100",
            "  mild        75.0% of 100",
        ],
    )


@pytest.mark.parametrize(
    ("options", "alarm"),
    [
        (["full=95%", "--each"],
         ["1 of 3 namespaces is over full=95%", "  tts  100%", "  not judged: free (no limit)"]),
        (["full=100%", "--each"], []),
        (["full=95%"], ["full=95%: not judged: the total (no limit)"]),
        (["evictions=89", "tts", "rag"], ["1 of 2 namespaces is over evictions=89", "  tts  90"]),
        (["evictions-per-hour=5000", "tts"], ["tts is over evictions-per-hour=5000: 5,400"]),
        (["evictions-per-hour=6000", "tts"], []),
        (["errors=0", "--each"], []),
        (["bytes=1KiB"], []),
        (["bytes=0.1kB,entries=14"], ["the total is over bytes=0.1kB: ", "the total is over entries=14: 15"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_figures_that_are_too_high(full, options, alarm):
    ended = full("stats", "--fail-over", *options)
    code, lines = told(ended)
    lines = [line.removeprefix("cachectl: ") for line in lines]
    assert code == (8 if alarm and "not judged" not in alarm[0] else 0)
    assert len(lines) == len(alarm)
    for line, expected in zip(lines, alarm, strict=True):
        assert line.startswith(expected)


def test_a_figure_per_hour_is_of_the_time_in_which_it_was_counted(shared):
    """That is the window, or since counting began, if that is less; a minute at least."""
    with shared.open(ago=2 * 3600) as cache:
        cache.namespace("tts", max_entries=10, ttl="1d").set_many(
            {str(key): 1 for key in range(100)}
        )
    asked = ("stats", "tts", "--fail-over")
    for since in ([], ["--since", "5h"], ["--since", "7d"]):
        assert shared(*asked, "evictions-per-hour=44", *since).code == 8
        assert shared(*asked, "evictions-per-hour=46", *since).code == 0
        assert shared("stats", "--fail-over", "evictions-per-hour=44", *since).code == 8
    assert shared(*asked, "evictions-per-hour=0", "--since", "1h").code == 0
    said = shared("check", "tts", "-c", "evictions-per-hour=44").out
    assert said.startswith("CACHE CRITICAL - tts evictions per hour 45.0 (over 44)")


def test_several_thresholds_are_each_told_and_all_are_in_the_document(full):
    ended = full(
        "stats", "--each", "--fail-over", "full=95%", "--fail-over", "entries=3",
        "--fail-under", "entries=2,hit-rate=50%", "-f", "json",
    )  # fmt: skip
    document = json.loads(ended.out)
    assert ended.code == 8
    assert ended.err.splitlines() == [
        "hit-rate=50%: not judged: free, rag, tts (no lookups)",
        "cachectl: 1 of 3 namespaces is under entries=2",
        "  free  1",
        "cachectl: 1 of 3 namespaces is over full=95%",
        "  tts  100%",
        "  not judged: free (no limit)",
        "cachectl: 2 of 3 namespaces are over entries=3",
        "  tts  10",
        "  rag   4",
    ]
    assert (document["schema"], document["crossed"]) == ("cachectl.stats/1", True)
    assert document["namespaces"]["tts"]["entries"] == 10
    assert document["thresholds"] == [
        {"figure": "entries", "under": 2, "crossed": [{"namespace": "free", "value": 1}], "not_judged": []},
        {"figure": "hit_rate", "under": 0.5, "crossed": [], "not_judged": [
            {"namespace": name, "reason": "no lookups"} for name in ("free", "rag", "tts")
        ]},
        {"figure": "full", "over": 0.95, "crossed": [{"namespace": "tts", "value": 1}],
         "not_judged": [{"namespace": "free", "reason": "no limit"}]},
        {"figure": "entries", "over": 3, "not_judged": [],
         "crossed": [{"namespace": "tts", "value": 10}, {"namespace": "rag", "value": 4}]},
    ]  # fmt: skip


def test_a_document_says_nothing_of_thresholds_unless_asked(tool):
    assert not {"crossed", "thresholds"} & {*json.loads(tool("stats", "-f", "json").out)}
    asked = json.loads(tool("stats", "--fail-over", "errors=0", "-f", "json").out)
    assert asked["crossed"] is False
    assert asked["thresholds"] == [{"figure": "errors", "over": 0, "crossed": [], "not_judged": []}]


def test_the_total_has_no_name_in_a_document(uneven):
    asked = uneven("stats", "--fail-under", "hit-rate=60%", "-f", "json")
    (threshold,) = json.loads(asked.out)["thresholds"]
    assert threshold["crossed"] == [{"namespace": None, "value": 4 / 7}]


def test_what_cannot_be_judged_is_said_where_that_is_all(tool, uneven):
    """Where others were judged, only people watching, or asking, want to know."""
    nobody = tool.having(CACHECTL_FILE__DIRECTORY="elsewhere")
    asked = ("stats", "--fail-under", "hit-rate=50%")
    assert told(nobody(*asked))[1][-1:] == ["hit-rate=50%: not judged: the total (no lookups)"]
    assert told(nobody("-q", *asked)) == (0, [])
    some = ("stats", "good", "rare", "--min-lookups", "2", "--fail-under", "hit-rate=50%")
    assert told(uneven(*some)) == (0, [])
    said = uneven("-v", *some).err.splitlines()
    assert "hit-rate=50%: not judged: rare (under 2 lookups)" in said


def test_that_there_is_nobody_to_judge_is_said(tool):
    ended = tool("stats", "--each", "--fail-over", "errors=0")
    assert told(ended)[0] == 0
    assert told(ended)[1][-1:] == ["errors=0: not judged: there is no namespace"]


def test_of_many_that_cannot_be_judged_some_are_named(tool):
    with tool.open() as cache:
        for name in "abcdefgh":
            cache.namespace(name).set("k", "v")
    said = tool("stats", "--each", "--fail-under", "hit-rate=50%").err
    assert said == "hit-rate=50%: not judged: a, b, c, d, e and 3 more (no lookups)\n"


def test_an_alarm_for_an_unknown_namespace_is_a_mistake(uneven):
    """It would never ring."""
    ended = uneven("stats", "good", "gaad", "--fail-over", "errors=0")
    assert (ended.code, ended.raw) == (2, b"")
    assert ended.err == "cachectl: no namespace gaad: nobody has used or configured it\n"


def test_a_threshold_ends_watching(uneven):
    """A watch that is to fail ends when a figure is on the wrong side."""
    ended = uneven("stats", "--watch", "--fail-under", "hit-rate=60%", "--format", "json")
    assert told(ended) == (8, ["the total is under hit-rate=60%: 57.1% of 7"])
    assert len(ended.lines) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--each"], "--each and --min-lookups go with --fail-under or --fail-over"),
        (["--min-lookups", "3"], "--each and --min-lookups go with --fail-under or --fail-over"),
        (["--fail-under", "50%"], "not a threshold: '50%' (write hit-rate=80% or errors=0)"),
        (["--fail-under", "hit-rate=101%"],
         "not a threshold: 'hit-rate=101%' (hit-rate is a share: 80% or 0.8)"),
        (["--fail-over", "errors=5%"],
         "not a threshold: 'errors=5%' (errors is a number: 0, 1000 or 2.5)"),
        (["--fail-over", "errors=-1"], "(errors is a number: 0, 1000 or 2.5)"),
        (["--fail-over", "errors=1e9"], "(errors is a number: 0, 1000 or 2.5)"),
        (["--fail-over", f"errors={'9' * 400}"], "(errors is a number: 0, 1000 or 2.5)"),
        (["--fail-over", "bytes=none"], "(bytes is a size: 512, 1.5MiB or 2GB)"),
        (["--fail-over", "saved-seconds=1 day"], "(saved-seconds is seconds, or a duration: "),
        (["--fail-over", "full=95%,"], "not a threshold: '' (write hit-rate=80% or errors=0)"),
        (["--fail-over", "fool=95%"], "no figure 'fool' (there are hit-rate, full, entries, "),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)  # fmt: skip
def test_what_cannot_be_a_threshold(tool, arguments, message):
    ended = tool("stats", *arguments)
    assert (ended.code, ended.raw) == (2, b"")
    assert message in ended.err


def test_every_counter_can_be_judged_also_per_hour():
    counters = {row.report.replace("_", "-") for row in ROWS if row.report}
    assert counters | {f"{name}-per-hour" for name in counters} <= {*FIGURES}


@given(st.integers(0, 1000), st.integers(1, 1000), st.integers(0, 1000))
def test_a_share_is_read_to_the_last_bit(part, whole, thousandths):
    """What is just as high as a threshold does not cross it, however that is written."""
    for text in (f"{thousandths // 10}.{thousandths % 10}%", f"{thousandths / 1000:.3f}"):
        under = Threshold.parse(f"hit-rate={text}", Bound.UNDER)
        over = Threshold.parse(f"hit-rate={text}", Bound.OVER)
        assert under.is_crossed_by(part / whole) is (part * 1000 < thousandths * whole)
        assert over.is_crossed_by(part / whole) is (part * 1000 > thousandths * whole)


@given(st.sampled_from(list(Unit)), st.text())
def test_whatever_is_written_is_a_number_or_refused(unit, text):
    try:
        value = unit.parse(text)
    except UsageError:
        return
    assert 0 <= value < math.inf
