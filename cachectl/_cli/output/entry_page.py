"""One entry for people: all that is known of it, and the beginning of its value."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from shlex import quote
from typing import Any, Final

from rich.cells import chop_cells

from cachectl._admin.entries import type_of, uncompressed_size
from cachectl._admin.preview import Preview, preview
from cachectl._cli.output import cells
from cachectl._cli.output.glyphs import Glyphs, in_signs
from cachectl._cli.output.text import printable
from cachectl._model.entry import NEVER, Entry
from cachectl._model.units import format_dollars

_HEADING: Final = 9
_REST: Final = "rest"
_SAID: Final = frozenset(("namespace", "key", "label", "type", "size", "created_at", "expires_at",
                          "ttl_left", "cost", "load_seconds", "tags"))  # fmt: skip
"""Facts that have a line of their own; what only one backend knows has the same form everywhere."""


def page(
    known: Mapping[str, Any], entry: Entry, now: float, width: int | None, glyphs: Glyphs
) -> Iterator[str]:
    """Yield the lines of a page, which fold where a screen is too narrow."""
    for heading, lines in _facts(known, entry, now, glyphs):
        room = None if heading == _REST else width  # what is to be copied stays whole
        folded = [part for line in lines for part in _folded(printable(line), room)]
        for at, line in enumerate(folded):
            yield f"{heading if at == 0 else '':{_HEADING}}{line}".rstrip()


def _facts(
    known: Mapping[str, Any], entry: Entry, now: float, glyphs: Glyphs
) -> Iterator[tuple[str, Sequence[str]]]:
    yield "key", [known["key"]]
    if entry.label:
        yield "label", [entry.label]
    yield "type", [_type(entry)]
    yield (
        "created",
        [f"{_date(entry.created_at, now)}, {in_signs(_ago(now - entry.created_at), glyphs)}"],
    )
    yield "expires", [in_signs(_expiry(entry, now), glyphs)]
    if made := _made(entry):
        yield "cost", [in_signs(made, glyphs)]
    if entry.tags:
        yield "tags", [" ".join(entry.tags)]
    for name, fact in known.items():
        if name not in _SAID and fact is not None:
            yield name.removesuffix("_at").replace("_", " "), [str(fact)]
    shown = preview(entry.value)
    yield "value", _value(entry, shown, glyphs)
    if shown.left_out:
        key = known["key"]
        command = (
            f": cachectl get {known['namespace']} {quote(key)}" if printable(key) == key else ""
        )
        yield _REST, [f"{cells.said_size(shown.left_out)} more{command}"]


def _value(entry: Entry, shown: Preview, glyphs: Glyphs) -> Sequence[str]:
    """Return what is shown of a value: in the signs of a stream where that is not the value itself."""
    if type_of(entry) in {"json", "text"} and not shown.left_out:
        return shown.lines
    return [in_signs(line, glyphs).replace("…", glyphs.more) for line in shown.lines]


def _type(entry: Entry) -> str:
    said = f"{type_of(entry)}, {cells.said_size(entry.size)}"
    if not entry.compression:
        return said
    return f"{said}; {cells.said_size(uncompressed_size(entry))} before compression"


def _expiry(entry: Entry, now: float) -> str:
    if entry.expires_at == NEVER:
        return "never"
    left = entry.expires_at - now
    when = _date(entry.expires_at, now)
    return f"{when}, in {cells.span(left)}" if left > 0 else f"{when}, expired {_ago(-left)}"


def _made(entry: Entry) -> str:
    """Return what making the value took."""
    seconds = entry.load_us / 1e6
    took = ([format_dollars(entry.dollars)] if entry.cost else []) + (
        [cells.span(seconds)] if seconds else []
    )
    return f"{' and '.join(took)} to make" if took else ""


def _date(seconds: float, now: float) -> str:
    """Return a moment in UTC, with its year if that is another."""
    moment, today = (datetime.fromtimestamp(max(0.0, each), UTC) for each in (seconds, now))
    year = "" if moment.year == today.year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year} {moment:%H:%M} UTC"


def _ago(seconds: float) -> str:
    return "now" if seconds < 1 else f"{cells.span(seconds)} ago"


def _folded(line: str, width: int | None) -> list[str]:
    return [line] if width is None else (chop_cells(line, width - _HEADING) or [""])
