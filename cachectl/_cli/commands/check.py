"""`cachectl check`."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cachectl._admin.check import Check, State, is_empty, state_of
from cachectl._admin.findings import window_name
from cachectl._cli.commands import options
from cachectl._cli.exits import Stop
from cachectl._cli.output import out, plugin
from cachectl._cli.session import session
from cachectl._masking import masked
from cachectl._model.policy import check_namespace
from cachectl._model.units import parse_duration
from cachectl.errors import BackendUnavailable


def check(
    context: typer.Context,
    namespaces: options.Namespaces = None,
    warning: Annotated[
        list[str] | None,
        typer.Option("-w", "--warning", metavar="hit-rate=80:", help="Warn outside this range."),
    ] = None,
    critical: Annotated[
        list[str] | None,
        typer.Option("-c", "--critical", metavar="hit-rate=50:", help="Be critical outside it."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Count only the last 15m, 1h, 7d …")
    ] = None,
    each: options.Each = False,
    min_lookups: options.MinLookups = None,
    timeout: options.Timeout = 10.0,
    unreachable: Annotated[
        str, typer.Option(metavar="STATE", help="What it is if no answer comes.")
    ] = "unknown",
) -> None:
    """Answer a monitoring system: a plugin for Nagios, Icinga and others.

    One line with figures for graphs; it ends with 0 (ok), 1 (warning), 2 (critical) or 3 (unknown:
    whatever goes wrong). A range is 10 (from 0 to 10), 10: (10 or more), ~:10 (10 or less), 10:20, or
    @10:20 (not in there); rates are in percent. -v has a line for each figure.

    cachectl check -w hit-rate=80: -c hit-rate=50: --since 1h --each

    cachectl check ai -c errors=0 --unreachable critical
    """
    seconds = None if since is None else parse_duration(since)
    asked = Check.of(
        warning or [], critical or [],
        each=each, min_lookups=min_lookups or 1,
    )  # fmt: skip
    names = [check_namespace(name) for name in namespaces or []]
    opened, no_answer = session(context), State.named(unreachable)
    with _answered(no_answer), _limited(timeout, no_answer), opened.cache() as cache:
        readings = asked.readings(cache, names, seconds)
    state = state_of(readings)
    when = "" if seconds is None else f"last {window_name(seconds)}: "
    text = f"{when}{plugin.summary(readings)}"
    if is_empty(readings):
        text = f"{text}; nothing is stored in {opened.context.where}"
    performance = plugin.performance(readings, is_counting=seconds is None)
    _tell(plugin.line(state, text, performance))
    if out.level > 0:
        _tell(out.cache(), *plugin.details(readings))
    raise Stop(state)


def _tell(*lines: str) -> None:
    for line in lines:
        out.line(line)


@contextmanager
def _answered(otherwise: State) -> Iterator[None]:
    """End with this state if the backend cannot be reached."""
    try:
        yield
    except BackendUnavailable as error:
        if otherwise is State.UNKNOWN:
            raise
        _tell(plugin.line(otherwise, masked(str(error))))
        raise Stop(otherwise) from None


@contextmanager
def _limited(seconds: float, otherwise: State) -> Iterator[None]:
    """End the process if what is done in here takes longer, also while it waits for a disk or a server."""
    timer = threading.Timer(seconds, _give_up, [seconds, otherwise])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up(seconds: float, state: State) -> None:
    _tell(plugin.line(state, f"no answer within {seconds:g} s"))
    os._exit(state)
