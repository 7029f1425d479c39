"""Entries for people: a listing. Imported only where one is shown."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from rich.text import Text

from cachectl._admin.entries import type_of
from cachectl._admin.keys import HASHED
from cachectl._admin.listing import Row
from cachectl._cli.output import cells, layout
from cachectl._cli.output.glyphs import Glyphs
from cachectl._cli.output.grid import Grid
from cachectl._cli.output.layout import Column, Line
from cachectl._cli.output.streamed import streamed
from cachectl._model.entry import NEVER
from cachectl._model.records import Removed, Usage
from cachectl._model.units import format_dollars

_DIGITS: Final = 10
_LONGEST_NAME: Final = 20


def listing(
    rows: Iterable[Row], now: float, width: int | None, glyphs: Glyphs, *, several: bool
) -> Iterator[str | Text]:
    """Yield the lines of a table of entries, of `several` namespaces or one."""
    shown = _Shown(now, glyphs)
    namespace: Column[Row] = Column(
        "namespace", 0, shown.namespace, lambda row: row.namespace, is_text=True
    )
    figures: list[Column[Row]] = [
        *([namespace] if several else []),
        Column("size", 1, lambda row: cells.size(row.info.size), lambda row: str(row.info.size)),
        Column("type", 6, shown.type, _type, is_text=True),
        Column("age", 5, shown.age, shown.exact_age),
        Column("used", 3, shown.used, shown.exact_use),
        Column("TTL left", 2, shown.left, shown.exact_left),
        Column("cost", 7, shown.cost, _cost),
    ]
    texts: list[Column[Row]] = [
        Column("key", 0, shown.key, lambda row: row.info.key, is_text=True),
        Column("label", 4, shown.label, _label, is_text=True),
    ]
    lines = (Line(row, "x" if row.info.entry is None or row.damage else "") for row in rows)
    return streamed(figures, texts, lines, width, glyphs)


def totals(held: Mapping[str, Usage], width: int | None, glyphs: Glyphs) -> Grid:
    """Return a table of what namespaces hold, with the total of several."""
    columns: list[Column[tuple[str, Removed | Usage]]] = [
        Column("namespace", 0, lambda one: one[0], lambda one: one[0].split(" (")[0], is_text=True),
        Column(
            "entries", 1, lambda one: cells.count(one[1].entries), lambda one: str(one[1].entries)
        ),
        Column("size", 2, lambda one: cells.size(one[1].bytes), lambda one: str(one[1].bytes)),
    ]
    lines: list[Line[tuple[str, Removed | Usage]]] = [Line(one) for one in held.items()]
    if len(held) > 1:
        total = (
            f"total ({len(held):,})",
            Removed.total(Removed(*each[:2]) for each in held.values()),
        )
        lines.append(Line(total, is_total=True))
    return layout.table(columns, lines, width, glyphs)


def short_key(key: str, glyphs: Glyphs) -> str:
    """Return a key of whose hash only the first digits stand, which are enough to find it again."""
    match = re.fullmatch(HASHED, key, re.DOTALL)
    return key[: match.start("hash") + _DIGITS] + glyphs.more if match else key


def label_of(row: Row) -> str:
    """Return what is known beside a key: what is wrong with it, or its label."""
    if row.damage:
        return f"damaged: {row.damage}"
    return row.label or ("(no label)" if re.fullmatch(HASHED, row.info.key, re.DOTALL) else "")


class _Shown:
    """The cells of a screen."""

    def __init__(self, now: float, glyphs: Glyphs) -> None:
        self._now = now
        self._glyphs = glyphs

    def namespace(self, row: Row) -> str:
        return layout.shortened(row.namespace, _LONGEST_NAME, self._glyphs)

    def type(self, row: Row) -> str:
        return _type(row) or self._glyphs.unknown

    def age(self, row: Row) -> str:
        return self._since(row.created_at)

    def used(self, row: Row) -> str:
        return self._since(row.info.used_at)

    def left(self, row: Row) -> str:
        if row.expires_at is None:
            return self._glyphs.unknown
        if row.expires_at == NEVER:
            return "never"
        left = row.expires_at - self._now
        return cells.age(left) if left > 0 else "expired"

    def exact_age(self, row: Row) -> str:
        return "" if row.created_at is None else f"{self._now - row.created_at:.0f}"

    def exact_use(self, row: Row) -> str:
        return f"{self._now - row.info.used_at:.0f}"

    def exact_left(self, row: Row) -> str:
        if row.expires_at is None or row.expires_at == NEVER:
            return "" if row.expires_at is None else "never"
        return f"{max(0.0, row.expires_at - self._now):.0f}"

    def cost(self, row: Row) -> str:
        return format_dollars(row.cost) if row.cost else self._glyphs.unknown

    def key(self, row: Row) -> str:
        return short_key(row.info.key, self._glyphs)

    def label(self, row: Row) -> str:
        return label_of(row)

    def _since(self, moment: float | None) -> str:
        return self._glyphs.unknown if moment is None else cells.age(max(0.0, self._now - moment))


def _type(row: Row) -> str:
    return "" if row.info.entry is None else type_of(row.info.entry)


def _cost(row: Row) -> str:
    """Return all digits of dollars."""
    return "" if row.cost is None else f"{row.cost:.9f}".rstrip("0").removesuffix(".")


def _label(row: Row) -> str:
    return f"damaged: {row.damage}" if row.damage else row.label
