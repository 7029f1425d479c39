"""The benchmarks' own arithmetic, and that the document says what they measured."""

import json
import re
import socket
from contextlib import nullcontext
from functools import partial

import pytest

from benchmarks.harness import figures, traces
from benchmarks.harness.disk import Logs
from benchmarks.harness.measure import lines
from benchmarks.harness.pace import FULL, QUICK, Pace
from benchmarks.harness.percentiles import beside, percentiles
from benchmarks.harness.processes import Processes
from benchmarks.harness.registry import ABSENT, Case, Contender, Reading, Row, all_rows
from benchmarks.harness.results import Line, Measured, Results, missed, verdict
from benchmarks.publish import document

CHARTER = {
    "memory-get": (0.8, 0.4),
    "memory-set": (10, 8),
    "decorator": (2, 1.2),
    "file-get": (1.5, 1.0),
    "file-get-counting": (0.3, 0.15),
    "file-set": (1.2, 0.8),
    "file-delete": (1.2, 0.8),
    "redis-get": (1.2, 1.05),
    "redis-set": (1.5, 1.2),
    "async-memory": (1.6, 1.3),
    "async-file": (0.5, 0.2),
    "async-redis": (0.5, 0.2),
    "redis-bulk": (1.25, 0.7),
    "file-bulk": (1.0, 0.4),
    "stats-million": (1.5, 1.1),
    "stats-million-redis": (1.5, 1.1),
    "cleanup-million": (0.5, 0.2),
    "command-get-file": (1.3, 0.8),
    "command-get-redis": (1.3, 1.0),
    "command-stats": (1.3, 1.0),
}
PROSE = re.compile(r"<!-- begin .*?<!-- end \w+ -->|`[^`]*`", re.DOTALL)


def takes(*seconds):
    """Return a contender whose rounds take these times."""
    left = list(seconds)
    return Contender("contender", lambda _: left.pop(0))


def row(bar=None, aim=None):
    return Row("row", "charter", "work", "peer", lambda _pace: iter(()), bar, aim)


def line(ratio, bar=None, aim=None):
    return Line(
        case="case", ours="cachectl", peer="peer", ours_seconds=ratio, peer_seconds=1.0,
        ratio=ratio, low=ratio, high=ratio, rounds=1, bar=bar, aim=aim,
    )  # fmt: skip


def reading(figure, value, unit, *, side="cachectl", **limits):
    return Reading("case", side, figure, value, unit, entries=1000, **limits)


def together(*arguments):
    return arguments


def test_every_row_of_the_charter_is_registered_with_its_bar_and_aim():
    rows = all_rows().values()
    assert {row.name: (row.bar, row.aim) for row in rows if row.group == "charter"} == CHARTER
    assert set(ABSENT) == {"tiered-get"}


def test_a_ratio_is_the_median_of_the_ratios_within_each_round():
    case = Case("case", takes(1, 9, 2, 4), [takes(2, 9, 8, 4)], barred=True)
    (measured,) = lines(row(bar=0.8), case, Pace(4, 0))

    assert measured.ratio == pytest.approx(0.75)
    assert (measured.low, measured.high) == (0.4375, 1.0)
    assert (measured.ours_seconds, measured.peer_seconds) == (3, 6)


def test_contenders_take_turns_and_change_their_order():
    turns = []

    def contender(name):
        def sample(_seconds):
            turns.append(name)
            return 1.0

        return Contender(name, sample)

    list(lines(row(), Case("case", contender("us"), [contender("them")]), Pace(2, 0)))
    assert turns == ["us", "them", "them", "us"]


@pytest.mark.parametrize(
    ("ratio", "bar", "aim", "said"),
    [
        (0.4, 0.8, 0.4, "aim met"),
        (0.41, 0.8, 0.4, "bar met"),
        (0.8, 0.8, 0.4, "bar met"),
        (0.81, 0.8, 0.4, "missed"),
        (0.81, None, None, ""),
    ],
)
def test_a_verdict_says_what_a_ratio_is_worth(ratio, bar, aim, said):
    assert verdict(ratio, bar, aim) == said


def test_one_missed_bar_spoils_the_run():
    met = Measured("met", "charter", "work", "peer", [line(0.5, 0.8, 0.4), line(9.0)])
    spoilt = Measured("spoilt", "charter", "work", "peer", [line(0.5, 0.8), line(0.9, 0.8)])
    assert (met.verdict, spoilt.verdict) == ("bar met", "missed")
    assert not missed([met])
    assert missed([met, spoilt])


def test_a_reading_over_its_bar_spoils_the_run_one_over_its_aim_does_not():
    light, heavy = (reading("bytes an entry", it, "B", bar=450) for it in (450, 451))
    late = reading("set max", 0.06, "s", aim=0.05)

    assert not missed([Measured("tails", "tails", "work", "peer", readings=[light, late])])
    assert missed([Measured("tails", "tails", "work", "peer", readings=[light, heavy])])


def test_readings_stand_in_a_line_for_each_side_with_what_they_may_be_at_most():
    readings = [
        reading("bytes an entry", 743, "B", bar=450),
        reading("set max", 0.06, "s", aim=0.05),
        reading("bytes an entry", 489, "B", side="peer"),
    ]
    row = Measured("row", "growth", "work", "peer", readings=readings)

    assert list(figures.readings(row)) == [
        ["case", "of", "bytes an entry", "set max"],
        ["case, 1,000 entries", "cachectl", "743 B", "60 ms"],
        ["case, 1,000 entries", "peer", "489 B", ""],
    ]
    assert [line[2:] for line in figures.limits(row)][1:] == [
        ["bytes an entry", "743 B", "≤ 450 B", "–", "missed"],
        ["set max", "60 ms", "–", "≤ 50 ms", "aim not met"],
    ]


def test_what_a_side_of_ours_was_before_stands_below_what_it_is():
    now, before = (
        Measured("row", "growth", "work", "peer", readings=[
            reading("bytes an entry", ours, "B"), reading("bytes an entry", 489, "B", side="peer"),
        ])
        for ours in (450, 743)
    )  # fmt: skip

    assert [line[1:] for line in figures.readings(now, before)][1:] == [
        ["cachectl", "450 B"],
        ["cachectl, before", "743 B"],
        ["peer", "489 B"],
    ]


def test_percentiles_are_times_that_were_measured():
    times = [float(number) for number in range(1, 1001)]
    found = {it.figure: it.value for it in percentiles("case", "cachectl", "get", times[::-1])}

    assert found == {"get p50": 500, "get p99": 990, "get p99.9": 999, "get max": 1000}
    assert {it.value for it in percentiles("case", "cachectl", "get", [3.0])} == {3.0}


def test_a_ratio_of_readings_is_below_one_where_ours_is_faster():
    ours = [reading("set p99", 2, "s"), reading("calls a second", 30, "/s")]
    theirs = [reading("set p99", 4, "s", side="peer"), reading("calls a second", 10, "/s")]
    latency, rate = beside(ours, theirs, {"set p99": 1.0})

    assert (latency.side, latency.value, latency.bar) == ("cachectl : peer", 0.5, 1.0)
    assert rate.value == pytest.approx(1 / 3)
    assert rate.bar is None


def test_a_rehearsal_shrinks_caches_but_not_to_nothing():
    assert [FULL.entries(it) for it in (1_000, 1_000_000)] == [1_000, 1_000_000]
    assert [QUICK.entries(it) for it in (10, 1_000, 1_000_000)] == [10, 1_000, 10_000]


def test_processes_do_what_they_are_told_with_what_each_has_opened():
    with Processes(partial(nullcontext, "opened"), 2) as processes:
        assert processes.run(together, "told") == [("opened", 0, "told"), ("opened", 1, "told")]


def test_the_largest_log_below_a_directory_is_remembered(tmp_path):
    logs, log = Logs(), tmp_path / "cache.db-wal"
    for length in (10, 30, 20):
        log.write_bytes(bytes(length))
        logs.look(tmp_path)
    log.unlink()
    logs.look(tmp_path)

    assert logs.largest == 30


def test_the_optimum_evicts_what_is_wanted_again_last():
    trace = [1, 2, 3, 1, 2, 4, 1, 2, 3]  # with two places 1 stays, and all others miss
    assert traces.optimum(trace, 2) == pytest.approx(2 / 9)
    assert traces.lru(trace, 2) == 0
    assert traces.optimum(trace, 3) == pytest.approx(4 / 9)


def test_the_optimum_of_a_loop_keeps_as_many_objects_as_fit():
    trace = traces.loop(12, 4)
    assert traces.lru(trace, 3) == 0
    assert traces.optimum(trace, 4) == pytest.approx(8 / 12)


def test_a_made_trace_is_the_same_each_time():
    assert traces.zipf(50, 10, 1.0) == traces.zipf(50, 10, 1.0)
    assert traces.with_scans([1, 2, 1, 2], every=2, length=2) == [1, 2, 3, 4, 1, 2, 5, 6]


def test_a_trace_file_holds_a_big_endian_number_for_each_request(tmp_path):
    path = tmp_path / "trace"
    path.write_bytes(b"\0\0\0\x01\0\x01\0\0")
    assert list(traces.read(path)) == [1, 65536]


def test_the_tables_of_the_document_are_those_of_the_json():
    text = document.DOCUMENT.read_text()
    assert document.render(text, Results.load(document.JSON)) == text
    assert set(re.findall(r"<!-- begin (\w+) -->", text)) == document.BLOCKS.keys()


def test_the_document_has_no_figure_outside_its_tables():
    assert re.findall(r"\b\d", PROSE.sub("", document.DOCUMENT.read_text())) == []


def test_results_come_back_from_json_as_they_were():
    for path in document.DOCS.glob("performance*.json"):
        text = path.read_text()
        assert Results.load(path).to_json() == text
        assert socket.gethostname() not in text
        assert not re.search(r"/(home|root|tmp|usr|work)/", text)


def test_every_row_has_a_place_among_the_results():
    rows = json.loads(document.JSON.read_text())["rows"]
    assert {row["name"] for row in rows} == all_rows().keys()
