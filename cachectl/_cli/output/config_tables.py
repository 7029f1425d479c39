"""The configuration for people. Imported only where it is shown."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.cells import cell_len

from cachectl._cli.output.glyphs import Glyphs
from cachectl._cli.output.grid import Grid
from cachectl._cli.output.layout import Column, Line, shortened, table
from cachectl._config.files import Place
from cachectl._config.in_force import InForce, Origin

_LEAST: Final = 12
_GAP: Final = 2
_PIPE: Final = 10_000
"""Cells of a line where none is too long."""


def settings(
    found: Sequence[InForce], width: int | None, glyphs: Glyphs, *, with_origin: bool
) -> Grid:
    """Return the settings; their values are shortened to what a screen has room for, and where each is
    from, if that is asked for, to what is left beside the least of the others.
    """
    names = [setting.name for setting in found]
    most = _room(width, [" " * _LEAST], [" " * _LEAST])
    origins = [shortened(_said(setting.origin), most, glyphs) for setting in found]
    room = _room(width, names, *([origins] if with_origin else []))
    columns: list[Column[InForce]] = [
        Column("setting", 0, lambda of: of.name, lambda of: of.name, is_text=True),
        Column("value", 1, lambda of: shortened(of.shown, room, glyphs), _exact, is_text=True),
    ]
    if with_origin:
        columns.append(
            Column(
                "from",
                2,
                lambda of: shortened(_said(of.origin), most, glyphs),
                _source,
                is_text=True,
            )
        )
    return table(columns, [Line(setting) for setting in found], width, glyphs, marks=False)


def places(found: Sequence[Place], width: int | None, glyphs: Glyphs) -> Grid:
    """Return where a configuration is looked for."""

    def said_by(place: Place) -> str:
        return place.said_by or glyphs.unknown

    room = _room(width, map(_state, found), map(said_by, found))
    columns: list[Column[Place]] = [
        Column("state", 0, _state, _state, is_text=True),
        Column("by", 2, said_by, lambda of: of.said_by, is_text=True),
        Column("path", 1, lambda of: shortened(_path(of), room, glyphs), _path, is_text=True),
    ]
    return table(columns, [Line(place) for place in found], width, glyphs, marks=False)


def _room(width: int | None, *others: Iterable[str]) -> int:
    """Return the cells that are left for a column beside others."""
    if width is None:
        return _PIPE
    return max(_LEAST, width - sum(_GAP + max(map(cell_len, column)) for column in others))


def _exact(setting: InForce) -> str:
    value = setting.value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return setting.shown
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _said(origin: Origin) -> str:
    where = {"flag": origin.name, "environment": f"env {origin.name}"}.get(origin.kind, origin.kind)
    line = "" if origin.line is None else f":{origin.line}"
    return ", ".join([f"{where}{line}", *origin.variables])


def _source(setting: InForce) -> str:
    """Return where a setting is from in one word."""
    return _said(setting.origin).removeprefix("env ").replace(", ", ",")


def _state(place: Place) -> str:
    if place.is_used:
        return "used"
    return "there" if place.is_there else "not given" if place.path is None else "not there"


def _path(place: Place) -> str:
    return "" if place.path is None else str(place.path)
