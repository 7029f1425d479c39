"""What this process is in, published for who asks from outside; and what others have published."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_64_hexdigest

from cachectl._backends.capabilities import SupportsSlots
from cachectl._backends.protocols import Backend
from cachectl._backends.volatile import volatile
from cachectl._model.importing import importing
from cachectl.errors import BackendError

if TYPE_CHECKING:  # imported by those who publish or ask, a second after they began
    from cachectl._metrics.applications import Publication
    from cachectl._metrics.reports import Application, Status


class Publishing:
    """The publication of one cache, made when there is something to show."""

    def __init__(self, backend: Backend, state: "Callable[[], Status]") -> None:
        self._backend = backend
        self._state = state
        self._publication: Publication | None = None

    def show(self) -> None:
        """Publish the state, unless that is published; nobody else sees one that is live values."""
        if self._backend.live:
            return
        if self._publication is None:
            with importing:
                from cachectl._metrics.applications import Publication

            self._publication = Publication(partial(places, self._backend), self._state)
        self._publication.show()

    def withdraw(self) -> None:
        """Publish nothing any more."""
        if self._publication is not None:
            self._publication.withdraw()

    def after_fork_in_child(self) -> None:
        """See `SupportsFork`; what was published is the parent's."""
        if self._publication is not None:
            self._publication.after_fork_in_child()


def applications(backend: Backend) -> "Sequence[Application]":
    """Return the processes on this machine that use what a backend keeps."""
    there = [path for path in places(backend) if path.exists()]
    if not there:
        return ()
    with importing:
        from cachectl._metrics.applications import running

    return running(there)


def places(backend: Backend) -> list[Path]:
    """Return where processes publish: beside their slots, or else where that can be."""
    if backend.live or backend.place is None:
        return []
    slots: Path | None = None
    if isinstance(backend, SupportsSlots):
        with suppress(BackendError):
            slots = backend.slots(create=False)
    beside = [slots.with_name(slots.name.replace("slots", "applications"))] if slots else []
    elsewhere = volatile(f"applications-{xxh3_64_hexdigest(backend.place.encode())}")
    return [*beside, *([elsewhere] if elsewhere and elsewhere not in beside else [])]
