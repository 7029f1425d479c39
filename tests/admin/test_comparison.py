"""Figures before and after a change."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from cachectl._admin import documents
from cachectl._admin.comparison import Comparison, Saved
from cachectl._metrics.details import Trend
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl._metrics.windows import RINGS, Window
from cachectl.errors import UsageError
from tests.cli.support.voice import LAST_DAY, NOW, figures

NONE: Final[Mapping[str, float]] = MappingProxyType({})


def report(
    seconds: float | None = None, began: Mapping[str, float] = NONE, **namespaces: NamespaceStats
) -> Stats:
    """Return what was counted of namespaces: some of them are known to have `began` at a time."""
    window = Window(None, None, NOW)
    if seconds is not None:
        window = Window(RINGS[0], NOW - seconds, NOW)
    total = figures(
        sum(each.hits + each.misses for each in namespaces.values()),
        sum(each.misses for each in namespaces.values()),
    )
    trends = {name: Trend(NOW, 1, (), at) for name, at in began.items()}
    return Stats(NOW, LAST_DAY.backend, window, total, namespaces, trends=trends)


@pytest.fixture
def saved(tmp_path: Path):
    """What is read of a report that was saved."""

    def save(of: Stats) -> Saved:
        path = tmp_path / "before.json"
        document = {"schema": "cachectl.stats/1", **documents.stats(of, list(of.namespaces))}
        path.write_text(json.dumps(document))
        return Saved.read(str(path))

    return save


def test_what_was_counted_in_all_stands_beside_what_was_counted_since(saved):
    before = saved(report(a=figures(100, 20, entries=7)))
    (row,) = Comparison.of(before, report(a=figures(150, 60, entries=9))).rows
    assert (row.before.hit_rate, row.after.lookups, row.after.hit_rate) == (0.8, 50, 0.2)
    assert row.rate_change == pytest.approx(-0.6)
    assert row.after.entries - row.before.entries == 2


def test_windows_of_one_length_stand_side_by_side(saved):
    before = saved(report(3600, a=figures(100, 20)))
    (row,) = Comparison.of(before, report(3630, a=figures(50, 40))).rows
    assert (row.before.hit_rate, row.after.lookups, row.after.hit_rate) == (0.8, 50, 0.2)


def test_windows_that_begin_on_other_buckets_are_of_one_length(saved):
    """`--since 5m` looks at five to six minutes, up to a whole one."""
    before = saved(report(301, a=figures(100, 20)))
    (row,) = Comparison.of(before, report(359, a=figures(50, 40))).rows
    assert row.after.lookups == 50


@pytest.mark.parametrize(("one", "other"), [(300, 420), (3600, None), (None, 3600), (3600, 7200)])
def test_windows_of_other_lengths_cannot_be_compared(saved, one, other):
    before = saved(report(one, a=figures(100, 20)))
    with pytest.raises(UsageError, match="another window"):
        Comparison.of(before, report(other, a=figures(100, 20)))


def test_a_namespace_may_come_and_go(saved):
    before = saved(report(gone=figures(100, 20)))
    came, gone = Comparison.of(before, report(came=figures(10, 10))).rows
    assert (came.name, came.before.hit_rate, came.after.hit_rate) == ("came", None, 0)
    assert (gone.name, gone.before.hit_rate, gone.rate_change) == ("gone", 0.8, None)


def test_the_total_is_of_the_namespaces_that_stand_above_it(saved):
    before = saved(report(a=figures(100, 20), b=figures(1000, 900), gone=figures(50, 10)))
    now = report(a=figures(150, 60), b=figures(10, 5))
    alone = Comparison.of(before, now, ["a"]).total
    assert (alone.name, alone.before.hit_rate, alone.after.lookups) == ("total (1)", 0.8, 50)
    both = Comparison.of(before, now).total
    assert (both.name, both.before.lookups, both.after.lookups) == ("total (3)", 1150, 60)


def test_what_is_not_known_of_one_is_not_known_of_all(saved):
    before = saved(report(a=figures(memory_bytes=5), b=figures(memory_bytes=None)))
    total = Comparison.of(
        before, report(a=figures(memory_bytes=7), b=figures(memory_bytes=7))
    ).total
    assert (total.after.memory_bytes, total.more_memory) == (14, None)


def test_what_counted_before_and_was_not_saved_is_not_new(saved):
    """The figures of a single namespace may have been saved: of the others nobody knows what came since."""
    before = saved(report(a=figures(100, 20)))
    began = {"a": NOW - 60, "old": NOW - 60, "new": NOW}
    now = report(None, began, a=figures(150, 60), old=figures(500), new=figures(7))
    assert [row.name for row in Comparison.of(before, now).rows] == ["a", "new"]
    with pytest.raises(UsageError, match="the saved figures are not of old"):
        Comparison.of(before, now, ["old"])


def test_where_counting_began_anew_all_of_it_is_new(saved):
    before = saved(report(a=figures(100, 20)))
    (row,) = Comparison.of(before, report(a=figures(10, 5))).rows
    assert (row.after.lookups, row.after.hit_rate) == (10, 0.5)


def test_a_rate_that_fell_and_errors_since_then_stand_out(saved):
    before = saved(report(a=figures(100, 20), b=figures(100, 20, errors=2), c=figures(100, 20)))
    now = report(a=figures(200, 70), b=figures(200, 40, errors=3), c=figures(199, 119))
    found = [
        row.finding and (row.finding.mark, row.finding.text)
        for row in Comparison.of(before, now).rows
    ]
    assert found == [("!", "hit rate fell from 80.0% to 50.0%"), ("x", "1 error since then"), None]


SIDE: Final = {
    "hits": 1, "misses": 1, "sets": 0, "evictions": 0, "errors": 0, "saved_cost": 0.5, "entries": 1,
    "memory_bytes": None,
}  # fmt: skip


def document(**changes: object) -> str:
    """Return a document that is right, but for these changes."""
    window = {"seconds": changes.pop("seconds", None)}
    side = {**SIDE, **changes}
    head = {"schema": "cachectl.stats/1", "generated_at": "2026-12-01T00:00:00Z"}
    return json.dumps({**head, "window": window, "namespaces": {"a": side}, "totals": side})


def test_a_document_may_hold_more_than_is_compared(tmp_path: Path):
    (tmp_path / "x.json").write_text(document(of_a_later_version=[]))
    assert Saved.read(str(tmp_path / "x.json")).namespaces["a"].hits == 1


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"schema": "cachectl.stats/1"}', '{"schema": "cachectl.stats/2"}',
     '{"schema": "cachectl.stats/1", "generated_at": 5}', "[" * 100_000,
     document(hits=float("nan")), document(saved_cost=float("inf")), document(misses=-1),
     document(sets=10**400), document(entries=True), document(seconds="1h"), document(seconds=-1)],
)  # fmt: skip
def test_a_file_that_holds_no_figures_is_refused(tmp_path: Path, text: str):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match="is no saved 'cachectl stats --format json'"):
        Saved.read(str(tmp_path / "x.json"))


def test_a_file_that_cannot_be_read_is_a_mistake_of_the_call(tmp_path: Path):
    with pytest.raises(UsageError, match=r"cannot read .*x\.json: No such file"):
        Saved.read(str(tmp_path / "x.json"))
    with pytest.raises(UsageError, match="Is a directory"):
        Saved.read(str(tmp_path))
