"""`cachectl stats --watch`."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from cachectl._admin.context import Context
from cachectl._admin.overview import Asked, in_order
from cachectl._admin.thresholds import Alarm, Verdict
from cachectl._admin.watching import Watch
from cachectl._cli.alarming import ring
from cachectl._cli.exits import Exit, Interrupted, Stop
from cachectl._cli.output import Format, out, stats_formats
from cachectl._cli.output.metrics import metrics
from cachectl._engine.cache import Cache
from cachectl.errors import UsageError

Tick = Callable[[], Sequence[Verdict]]
"""Shows what there is to see now, and returns what thresholds say of it."""


def watch(cache: Cache, about: Context, asked: Asked, alarm: Alarm, interval: float) -> NoReturn:
    """Show every `interval` seconds what happens: on a terminal in place of what that shows otherwise, for
    programs as a document a line, or as a file that is replaced. Raises `Stop` when that is interrupted, or a threshold is crossed.
    """
    to_stdout = not metrics.replaces_file
    if out.format is Format.CSV or (out.format is Format.PROMETHEUS and to_stdout):
        raise UsageError("--watch goes with a table, JSON, or metrics that replace a file (--to)")
    on_terminal = out.format is Format.TABLE and out.width is not None
    if not on_terminal and out.format in (Format.TABLE, Format.JSON):
        out.format = Format.JSONL  # a line a time, so that a reader can follow
    try:
        if on_terminal:
            verdicts = _draw(Watch(cache, asked), about, alarm, interval)
        else:
            verdicts = _until_crossed(partial(_write, cache, asked, alarm), interval)
    except Interrupted:
        raise Stop(Exit.DONE) from None
    ring(verdicts)
    raise Stop(Exit.THRESHOLD)


def _until_crossed(look: Tick, interval: float) -> Sequence[Verdict]:
    while True:
        verdicts = look()
        if any(verdict.crossed for verdict in verdicts):
            return verdicts
        time.sleep(interval)


def _write(cache: Cache, asked: Asked, alarm: Alarm) -> Sequence[Verdict]:
    report = cache.stats(*asked.names, since=asked.since)
    verdicts = alarm.verdicts(report, asked.names)
    as_line = out.format is Format.JSONL  # a document a time
    write = stats_formats.document if as_line else stats_formats.write
    write(report, in_order(report, asked.names, asked.sort), verdicts)
    stats_formats.tell(report)
    return verdicts


def _draw(looks: Watch, about: Context, alarm: Alarm, interval: float) -> Sequence[Verdict]:
    from cachectl._cli.output import stats_watch

    screen = out.screen()

    def look() -> Sequence[Verdict]:
        nonlocal screen
        moment, screen = looks.look(), out.screen()
        verdicts = alarm.verdicts(moment.seen.report, moment.asked.names)
        stats_watch.add(screen, about, moment.judged(verdicts), interval, drawing.height)
        drawing.show(screen)
        return verdicts

    with out.redrawing() as drawing:
        verdicts = _until_crossed(look, interval)
    if drawing.in_place:
        out.show(screen)  # what was seen last can still be seen
    return verdicts
