"""The configuration for people. Imported only where it is shown."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from rich.table import Table

from cachectl._cli.output.glyphs import Glyphs
from cachectl._cli.output.layout import Column, Line, shortened, table
from cachectl._config.files import Place
from cachectl._config.in_force import InForce, Origin

_LEAST: Final = 12
_BETWEEN: Final = 8


def settings(
    found: Sequence[InForce], width: int | None, glyphs: Glyphs, *, with_origin: bool
) -> Table:
    """Return the settings; their values are shortened to what a screen has room for."""
    others = [[setting.name for setting in found]]
    if with_origin:
        others.append([_said(setting.origin) for setting in found])
    room = _room(width, others)
    columns: list[Column[InForce]] = [
        Column("setting", 0, lambda of: of.name, lambda of: of.name, is_text=True),
        Column("value", 1, lambda of: shortened(of.shown, room, glyphs), _exact, is_text=True),
    ]
    if with_origin:
        columns.append(Column("from", 2, lambda of: _said(of.origin), _source, is_text=True))
    return table(columns, [Line(setting) for setting in found], width, glyphs)


def places(found: Sequence[Place], width: int | None, glyphs: Glyphs) -> Table:
    """Return where a configuration is looked for."""
    room = _room(width, [[_state(place) for place in found], ["CACHECTL_CONFIG"]])
    columns: list[Column[Place]] = [
        Column("state", 0, _state, _state, is_text=True),
        Column(
            "by", 2, lambda of: of.said_by or glyphs.unknown, lambda of: of.said_by, is_text=True
        ),
        Column("path", 1, lambda of: shortened(_path(of), room, glyphs), _path, is_text=True),
    ]
    return table(columns, [Line(place) for place in found], width, glyphs)


def _room(width: int | None, others: Sequence[Sequence[str]]) -> int:
    """Return the cells that are left for a column beside others."""
    if width is None:
        return 10_000
    return max(_LEAST, width - _BETWEEN - sum(max(map(cell_len, column)) for column in others))


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
