"""`cachectl stats --watch`."""

import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from cachectl._admin.context import Context
from cachectl._admin.overview import Asked, in_order
from cachectl._admin.watching import Watch
from cachectl._cli.exits import Exit, Interrupted, Stop
from cachectl._cli.output import Format, out, stats_formats
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import Stats

Judge = Callable[[Stats], str | None]
"""Returns in words which thresholds figures cross."""


def watch(cache: Cache, about: Context, asked: Asked, judge: Judge, interval: float) -> NoReturn:
    """Show every `interval` seconds what happens: on a terminal in place of what that shows otherwise, for
    programs as a document a line. Raises `Stop` when that is interrupted, or a threshold is crossed.
    """
    on_terminal = out.format is Format.TABLE and out.width is not None
    if not on_terminal and out.format in (Format.TABLE, Format.JSON):
        out.format = Format.JSONL  # a line a time, so that a reader can follow
    try:
        if on_terminal:
            crossed = _draw(Watch(cache, asked), about, judge, interval)
        else:
            crossed = _until_crossed(partial(_write, cache, asked, judge), interval)
    except Interrupted:
        raise Stop(Exit.DONE) from None
    raise Stop(Exit.THRESHOLD, crossed)


def _until_crossed(show: Callable[[], str | None], interval: float) -> str:
    while True:
        crossed = show()
        if crossed:
            return crossed
        time.sleep(interval)


def _write(cache: Cache, asked: Asked, judge: Judge) -> str | None:
    report = cache.stats(*asked.names, since=asked.since)
    crossed = judge(report)
    stats_formats.write(report, in_order(report, asked.names, asked.sort))
    stats_formats.tell(report)
    return crossed


def _draw(looks: Watch, about: Context, judge: Judge, interval: float) -> str:
    from cachectl._cli.output import stats_watch

    screen = out.screen()

    def show() -> str | None:
        nonlocal screen
        moment, screen = looks.look(), out.screen()
        crossed = judge(moment.seen.report)
        stats_watch.add(screen, about, moment, interval, drawing.height)
        drawing.show(screen)
        return crossed

    with out.redrawing() as drawing:
        crossed = _until_crossed(show, interval)
    if drawing.in_place:
        out.show(screen)  # what was seen last can still be seen
    return crossed
