"""What a namespace holds, for people."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from cachectl._admin.quantiles import Quantiles
from cachectl._admin.summary import SHARES, Part, Summary
from cachectl._cli.output import cells
from cachectl._cli.output.entry_tables import label_of, short_key
from cachectl._cli.output.glyphs import Glyphs, bar
from cachectl._cli.output.streamed import beginning
from cachectl._cli.output.text import printable

_NAME: Final = 11
_FIGURE: Final = 10
_EXACT_FIGURE: Final = 16
_BARS: Final = 60
"""Cells from which on there is room for bars."""
_MAX: Final = ("max", 1.0)
_CHOSEN: Final = (SHARES[0], _MAX, SHARES[-1], *SHARES[1:-1])
"""What is shown first where there is no room for all."""


class _Forms(NamedTuple):
    """How figures are written."""

    size: Callable[[float], str]
    span: Callable[[float], str]
    number: Callable[[int], str]
    rate: Callable[[float], str]


_ROUNDED: Final = _Forms(cells.size, cells.span, cells.count, cells.rate)
_EXACT: Final = _Forms("{:.0f}".format, "{:.3f}".format, str, "{:.6f}".format)


class Page:
    """The page of a summary, `width` cells wide; None is a pipe, with exact cells of one word."""

    def __init__(self, summary: Summary, width: int | None, glyphs: Glyphs) -> None:
        self._summary = summary
        self._width = width
        self._glyphs = glyphs
        self._forms = _EXACT if width is None else _ROUNDED
        self._figure = _EXACT_FIGURE if width is None else _FIGURE
        room = len(_CHOSEN) if width is None else (width - _NAME) // _FIGURE
        chosen = _CHOSEN[:room]
        self._shares = [each for each in (*SHARES, _MAX) if each in chosen]

    def lines(self) -> Iterator[str]:
        """Yield its lines; there are none where nothing is held."""
        summary, forms = self._summary, self._forms
        if not summary.total.entries:
            return
        yield self._row("", [name for name, _ in self._shares])
        yield self._row("size", map(forms.size, self._quantiles(summary.sizes)))
        yield self._row("unused for", map(forms.span, self._quantiles(summary.idle)))
        yield ""
        yield self._line("TTL left", "entries", "share", "", "size")
        for part in summary.ttl():
            yield self._part(part)
        yield ""
        yield self._part(Part("never used", summary.unused))
        if summary.damaged.entries:
            yield self._part(Part("damaged", summary.damaged))
        yield ""
        yield from self._largest()

    def _quantiles(self, of: Quantiles) -> list[float]:
        return [of.most if share == 1 else of.at(share)[0] for _, share in self._shares]

    def _part(self, part: Part) -> str:
        name, held = part
        share = held.entries / self._summary.total.entries
        drawn = bar(share, self._glyphs)
        forms = self._forms
        return self._line(
            name, forms.number(held.entries), forms.rate(share), drawn, forms.size(held.bytes)
        )

    def _line(self, name: str, entries: str, share: str, drawn: str, size: str) -> str:
        room = 20 if self._width is not None and self._width >= _BARS else 0
        between = f"  {drawn:20}" if room else ""
        return f"{self._name(name)}{entries:>8}{share:>9}{between}{size:>{self._figure}}"

    def _row(self, name: str, figures: Iterable[str]) -> str:
        return (
            f"{self._name(name)}{''.join(f'{each:>{self._figure}}' for each in figures)}".rstrip()
        )

    def _largest(self) -> Iterator[str]:
        for row in self._summary.largest:
            key = row.info.key if self._width is None else short_key(row.info.key, self._glyphs)
            said = f"{self._forms.size(row.info.size):>{_FIGURE}}  {key}  {label_of(row)}".rstrip()
            line = printable(self._name("largest") + said)
            yield line if self._width is None else beginning(line, self._width, self._glyphs)

    def _name(self, name: str) -> str:
        return f"{name.replace(' ', '_') if self._width is None else name:{_NAME}}"
