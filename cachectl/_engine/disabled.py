"""What lookups of a disabled namespace ask, so that others need not ask whether theirs is one."""

from typing import Final, Protocol

from cachectl._model.entry import Entry


class Readable(Protocol):
    """What a lookup asks."""

    def get(self, key: str, now: float) -> Entry | None: ...


class _Nothing:
    def get(self, key: str, now: float) -> Entry | None:
        return None


NOTHING: Final[Readable] = _Nothing()
