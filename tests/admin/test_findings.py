"""What stands out in figures."""

import pytest

from cachectl._admin.findings import DAY, findings_of, window_name
from cachectl._metrics.reports import Application, NamespaceStats, Stats
from tests.cli.support.voice import ALL_TIME, LAST_DAY, NOW, figures


def found(now: NamespaceStats, ever: NamespaceStats | None = None) -> list[tuple[str, str]]:
    reports = (_report(now), _report(ever or now))
    return [(each.mark, each.text) for each in findings_of(*reports, DAY)]


def _report(of: NamespaceStats, *applications: Application) -> Stats:
    return Stats(NOW, LAST_DAY.backend, LAST_DAY.window, of, {"a": of}, (), applications)


def test_what_is_broken_comes_first():
    assert [(each.mark, each.namespace) for each in findings_of(LAST_DAY, ALL_TIME, DAY)] == [
        ("x", "parchment"), ("!", "rag"), ("!", "tts"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (figures(10, 1, errors=1, missed={"damaged": 1}),
         "1 damaged entry in 24h, served as misses"),
        (figures(10, 9, errors=9, missed={"damaged": 2}),
         "2 damaged entries in 24h, served as misses; 7 errors of the backend in 24h"),
        (figures(10, 1, errors=1), "1 error of the backend in 24h"),
    ],
)  # fmt: skip
def test_errors_are_broken_however_few_there_are(now: NamespaceStats, text: str):
    assert found(now) == [("x", text)]


@pytest.mark.parametrize(
    ("lookups", "misses", "evicted", "is_found"),
    [
        (1000, 500, 100, True),
        (1000, 500, 99, False),
        (1000, 501, 100, False),
        (150, 120, 100, True),
    ],
)
def test_a_fifth_of_the_misses_evicted_before_asks_for_attention(
    lookups: int, misses: int, evicted: int, is_found: bool
):
    """If these are a hundred."""
    texts = [text for _, text in found(figures(lookups, misses, missed={"evicted": evicted}))]
    assert texts == [f"{evicted} of {misses} misses in 24h were evicted before"] * is_found


def test_few_hits_of_many_lookups_ask_for_attention():
    assert found(figures(1000, 901)) == [("!", "99 hits in 1,000 lookups in 24h")]
    assert found(figures(1000, 900)) == []
    assert found(figures(999, 999)) == []


def test_a_rate_that_fell_by_ten_points_asks_for_attention():
    """If there were a hundred lookups."""
    fell = "hit rate 70.0% in 24h, 80.0% all time"
    assert found(figures(100, 30), figures(1000, 200)) == [("!", fell)]
    assert found(figures(100, 29), figures(1000, 200)) == []
    assert found(figures(99, 90), figures(1000, 200)) == []


def test_full_alone_is_no_finding():
    assert found(figures(1000, 100, entries=10, max_entries=10)) == []


def test_of_one_namespace_the_first_thing_to_know_is_said():
    now = figures(2000, 2000, missed={"evicted": 2000})
    assert [text for _, text in found(now, figures(9000, 900))] == [
        "2,000 of 2,000 misses in 24h were evicted before"
    ]


def test_processes_that_work_alone_are_found_of_the_cache():
    away = Application(1, "a.py", "fallback_only", "outage", NOW - 60, "connection refused", 3)
    of = _report(figures(), away, Application(2, "b.py", "ok", None, None, None, 0))
    (each,) = findings_of(of, of, None)
    assert (each.mark, each.namespace) == ("!", "")
    assert each.text == (
        "1 of 2 processes works from its own memory since 25 Nov 03:11 (connection refused);"
        " its counts arrive when it is back"
    )


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(86_400, "24h"), (172_800, "2d"), (3600, "1h"), (5400, "90m"), (90, "90s"), (604_800, "7d"),
     (0.5, "0.5s"), (129_600, "36h"), (400 * DAY, "400d"), (36_500 * DAY, "400d")],
)  # fmt: skip
def test_a_window_is_called_as_people_call_it(seconds: float, name: str):
    assert window_name(seconds) == name
