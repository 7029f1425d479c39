"""Figures before and after a change."""

import json
from pathlib import Path

import pytest

from cachectl._admin import documents
from cachectl._admin.comparison import Comparison, Saved
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl._metrics.windows import RINGS, Window
from cachectl.errors import UsageError
from tests.cli.support.voice import LAST_DAY, NOW, figures


def report(seconds: float | None = None, **namespaces: NamespaceStats) -> Stats:
    window = Window(None, None, NOW)
    if seconds is not None:
        window = Window(RINGS[0], NOW - seconds, NOW)
    total = figures(
        sum(each.hits + each.misses for each in namespaces.values()),
        sum(each.misses for each in namespaces.values()),
    )
    return Stats(NOW, LAST_DAY.backend, window, total, namespaces)


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
    (row,) = Comparison.of(before, report(a=figures(150, 60, entries=9))).rows()
    assert (row.before.hit_rate, row.after.lookups, row.after.hit_rate) == (0.8, 50, 0.2)
    assert row.rate_change == pytest.approx(-0.6)
    assert row.after.entries - row.before.entries == 2


def test_windows_of_one_length_stand_side_by_side(saved):
    before = saved(report(3600, a=figures(100, 20)))
    (row,) = Comparison.of(before, report(3630, a=figures(50, 40))).rows()
    assert (row.before.hit_rate, row.after.lookups, row.after.hit_rate) == (0.8, 50, 0.2)


@pytest.mark.parametrize(("one", "other"), [(3600, None), (None, 3600), (3600, 7200)])
def test_windows_of_other_lengths_cannot_be_compared(saved, one, other):
    before = saved(report(one, a=figures(100, 20)))
    with pytest.raises(UsageError, match="another window"):
        Comparison.of(before, report(other, a=figures(100, 20)))


def test_a_namespace_may_come_and_go(saved):
    before = saved(report(gone=figures(100, 20)))
    came, gone = Comparison.of(before, report(came=figures(10, 10))).rows()
    assert (came.name, came.before.hit_rate, came.after.hit_rate) == ("came", None, 0)
    assert (gone.name, gone.before.hit_rate, gone.rate_change) == ("gone", 0.8, None)


def test_where_counting_began_anew_all_of_it_is_new(saved):
    before = saved(report(a=figures(100, 20)))
    (row,) = Comparison.of(before, report(a=figures(10, 5))).rows()
    assert (row.after.lookups, row.after.hit_rate) == (10, 0.5)


def test_a_rate_that_fell_and_errors_since_then_stand_out(saved):
    before = saved(report(a=figures(100, 20), b=figures(100, 20, errors=2), c=figures(100, 20)))
    now = report(a=figures(200, 70), b=figures(200, 40, errors=3), c=figures(199, 119))
    found = [
        row.finding and (row.finding.mark, row.finding.text)
        for row in Comparison.of(before, now).rows()
    ]
    assert found == [("!", "hit rate fell from 80.0% to 50.0%"), ("x", "1 error since then"), None]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"schema": "cachectl.stats/1"}', '{"schema": "cachectl.stats/2"}',
     '{"schema": "cachectl.stats/1", "generated_at": 5}'],
)  # fmt: skip
def test_a_file_that_holds_no_figures_is_refused(tmp_path: Path, text: str):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match="is no saved 'cachectl stats --format json'"):
        Saved.read(str(tmp_path / "x.json"))
