"""What operations find in place of a store: lookups of a namespace that is disabled, and everything
once the cache was closed. So nobody has to ask first whether that is so.
"""

from typing import Any, Final, NoReturn

from cachectl._model.entry import Entry
from cachectl.errors import UsageError

CLOSED_MESSAGE: Final = "this cache was closed: open it again to use it"


class _Nothing:
    def get(self, key: str, now: float) -> Entry | None:
        return None

    async def fetch(self, key: str, now: float) -> Entry | None:
        return None


class _Closed:
    """Refuses whatever it is asked."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UsageError(CLOSED_MESSAGE)


NOTHING: Final = _Nothing()
CLOSED: Final[Any] = _Closed()
