"""How counts came about: in the parts of a window, and since counting began."""

import pytest

from cachectl._engine.cache import Cache
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract
from cachectl.testing.lookups import found

DAY = 86_400
NOON = 20_000 * DAY + 12 * 3600.0


class TrendsContract(Contract):
    """Tells hits, misses and evictions in the parts of a window."""

    def test_each_part_has_what_was_counted_in_it(self, cache: Cache, clock: Clock) -> None:
        users = cache.namespace("users", max_entries=1, ttl=None)
        clock.now = NOON
        for hour in range(8):
            users.set(f"{hour}", hour)
            for _ in range(hour):
                users.get(f"{hour}")
            users.get("absent")
            cache.flush()
            clock.advance(3600)
        clock.advance(-1)
        report = cache.stats(since=8 * 3600 - 1, parts=8)  # from noon on
        trend = report.trends["users"]
        assert [part.hits for part in trend.parts] == list(range(8))
        assert [part.misses for part in trend.parts] == [1] * 8
        assert [part.evictions for part in trend.parts] == [0, *[1] * 7]
        assert [part.hit_rate for part in trend.parts[:2]] == [0.0, 0.5]
        assert (trend.start, trend.seconds) == (NOON, 3600)

    def test_the_parts_add_up_to_the_figures_of_the_window(
        self, cache: Cache, clock: Clock
    ) -> None:
        names = ("users", "images")
        for step in range(50):
            for name in names[: 1 + step % 2]:
                cache.namespace(name).get("absent")
            cache.flush()
            clock.advance(997)
        for since in ("30m", "2h", "9h", "13h"):
            for parts in (1, 7, 24):
                report = cache.stats(since=since, parts=parts)
                for name in names:
                    counted = sum(part.misses for part in report.trends[name].parts)
                    assert counted == report.namespaces[name].misses
                assert report.trend is not None
                counted = sum(part.misses for part in report.trend.parts)
                assert counted == report.totals.misses > 0

    def test_all_that_was_ever_counted_is_told_beside_a_window(
        self, cache: Cache, clock: Clock
    ) -> None:
        users = cache.namespace("users")
        users.set("k", 1)
        users.get("k")
        cache.flush()
        clock.advance(3 * 3600)
        users.get("absent")
        cache.namespace("idle")
        report = cache.stats(since="1h", parts=4)
        assert (report.namespaces["users"].hit_rate, report.totals.hits) == (0.0, 0)
        ever = found(report.all_time)
        assert (ever.namespaces["users"].hit_rate, ever.totals.hit_rate) == (0.5, 0.5)
        assert {**ever.namespaces} == {**cache.stats().namespaces}

    def test_it_tells_since_when_it_counts(self, cache: Cache, clock: Clock) -> None:
        began = clock()
        cache.namespace("users").get("absent")
        cache.flush()
        clock.advance(40 * DAY)
        cache.namespace("images").get("absent")
        cache.flush()
        clock.advance(60)
        report = cache.stats(since="1h", parts=8)
        assert report.trends["users"].counting_since == began
        assert report.trends["images"].counting_since == clock() - 60
        assert found(report.trend).counting_since == began

    def test_what_never_counted_has_parts_of_nothing(self, cache: Cache) -> None:
        cache.namespace("users").get("absent")
        cache.namespace("idle")
        trend = cache.stats(since="2h", parts=8).trends["idle"]
        assert trend.counting_since is None
        assert [part.hit_rate for part in trend.parts] == [None] * 8

    def test_without_a_window_the_time_since_counting_began_is_divided(
        self, cache: Cache, clock: Clock
    ) -> None:
        users = cache.namespace("users")
        users.get("absent")
        cache.flush()
        clock.advance(3600)
        users.get("absent")
        report = cache.stats(parts=6)
        trend = report.trends["users"]
        assert (len(trend.parts), trend.parts[0].misses, trend.parts[-1].misses) == (6, 1, 1)
        assert trend.start <= clock() - 3600
        assert report.namespaces["users"] == found(report.all_time).namespaces["users"]

    @pytest.mark.parametrize("ahead", [90, 7200, 40 * DAY])
    def test_where_a_clock_was_put_back_it_is_not_known_since_when_it_counts(
        self, cache: Cache, clock: Clock, ahead: int
    ) -> None:
        users = cache.namespace("users")
        clock.advance(ahead)
        users.get("absent")
        cache.flush()
        clock.advance(-ahead)
        users.get("absent")
        report = cache.stats(parts=6)
        assert (report.totals.misses, report.trend) == (2, None)
        trend = cache.stats(since="1h", parts=6).trends["users"]
        assert (trend.counting_since, trend.parts[-1].misses) == (None, 1)

    def test_no_part_is_shorter_than_what_is_counted_together(self, cache: Cache) -> None:
        cache.namespace("users").get("absent")
        trend = cache.stats(since="3m", parts=24).trends["users"]
        assert (trend.seconds, len(trend.parts)) == (60, 4)

    def test_who_does_not_ask_is_told_nothing(self, cache: Cache) -> None:
        cache.namespace("users").get("absent")
        report = cache.stats(since="1h")
        assert (report.trends, report.trend, report.all_time) == ({}, None, None)
