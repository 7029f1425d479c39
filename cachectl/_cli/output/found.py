"""What was found, below a table: next to the prompt, where it is read."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from cachectl._admin.findings import Finding
from cachectl._cli.output.layout import STYLES, shortened
from cachectl._cli.output.screen import Screen
from cachectl._cli.output.text import printable

CACHE: Final = "cache"
"""What is said of none of the namespaces is said of this."""

SHOWN: Final = 3
_LONGEST_NAME: Final = 16
_NARROW: Final = 64


def add(screen: Screen, findings: Sequence[Finding], hint: str = "") -> None:
    """Add what was found, the worst first: three, and how many more. `hint` is a command that tells more."""
    if not findings:
        return
    screen.blank()
    _add(screen, findings[:SHOWN])
    more = len(findings) - SHOWN
    if more > 0:
        screen.add(Text(f"  {more:,} more"))
    if hint:
        screen.add(Text.assemble("  details ", (hint, "cyan")))


def sentences(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield all of them for who has no table before him."""
    for each in findings:
        yield f"{printable(each.namespace or CACHE)}: {printable(each.text)}"


def _add(screen: Screen, findings: Sequence[Finding]) -> None:
    names = [shortened(each.namespace or CACHE, _LONGEST_NAME, screen.glyphs) for each in findings]
    aligned = max(map(cell_len, names)) + 2
    for each, name in zip(findings, names, strict=True):
        mark = (f"{each.mark} ", STYLES[each.mark])
        if screen.width is not None and screen.width < _NARROW:
            screen.hanging(Text.assemble(mark, (f"{name}: ", "bold")), each.text, 2)
        else:
            lead = name + " " * (aligned - cell_len(name))
            screen.hanging(Text.assemble(mark, (lead, "bold")), each.text, aligned + 2)
