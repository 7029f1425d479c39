"""What is removed step by step, counted also if it does not come to its end."""

from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Final

from cachectl._model.records import Removed


class Tally:
    """A sum that grows."""

    def __init__(self) -> None:
        self.removed = Removed()


_current: Final[ContextVar[Tally | None]] = ContextVar("cachectl_tally", default=None)


class counted:  # noqa: N801 - it is used as a function
    """Provide the sum of what is noted in here."""

    __slots__ = ("_token",)

    def __enter__(self) -> Tally:
        made = Tally()
        self._token: Token[Tally | None] = _current.set(made)
        return made

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):  # a coroutine that nobody awaits any more is closed anywhere
            _current.reset(self._token)


def note_removed(removed: Removed) -> None:
    """Note a step of a removal that has several."""
    tally = _current.get()
    if tally is not None:
        tally.removed = tally.removed.plus(removed)
