"""Screens that replace each other on a terminal, which has its own lines back at the end."""

import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from cachectl._cli.exits import NotWritten
from cachectl._cli.output.screen import Screen

_ENTER: Final = "\x1b[?1049h\x1b[?25l"  # the alternate screen, without a cursor
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_HOME: Final = "\x1b[H"
_REST_OF_LINE: Final = "\x1b[K"
_REST_OF_SCREEN: Final = "\x1b[J"


class Redrawing:
    """Shows screens: in place of each other where a height can be measured, else below each other."""

    def __init__(self, measure: Callable[[], int] | None) -> None:
        self._measure = measure

    @property
    def height(self) -> int | None:
        """The lines that there are now; None where there is no end of them."""
        return None if self._measure is None else self._measure()

    @property
    def in_place(self) -> bool:
        """Whether screens replace each other."""
        return self._measure is not None

    def show(self, screen: Screen) -> None:
        """Show a screen, or as much of it as there are lines, at once: nobody sees a half of it."""
        if self.in_place:
            lines = f"{_REST_OF_LINE}\n".join(screen.lines[: self.height])
            sys.stdout.write(f"{_HOME}{lines}{_REST_OF_LINE}{_REST_OF_SCREEN}")
        else:
            sys.stdout.write("".join(f"{line}\n" for line in (*screen.lines, "")))
        sys.stdout.flush()

    def __enter__(self) -> Self:
        if self.in_place:
            sys.stdout.write(_ENTER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.in_place:
            with suppress(NotWritten):  # the terminal went away
                sys.stdout.write(_LEAVE)
                sys.stdout.flush()
