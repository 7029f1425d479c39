"""What the operations of a cache that was closed find in place of its store."""

from typing import Any, Final, NoReturn

from cachectl.errors import UsageError


class _Closed:
    """Refuses whatever it is asked."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UsageError("this cache was closed: open it again to use it")


CLOSED: Final[Any] = _Closed()
