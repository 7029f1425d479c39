"""Which cache somebody looks at: what stands in front of every table, preview and question."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cachectl._backends.protocols import Backend
from cachectl._config import NamespaceSettings, Settings
from cachectl._metrics.reports import Application, Status
from cachectl._model.policy import Limits

DEGRADED: Final = "degraded"
EMPTY: Final = "empty"
OK: Final = "ok"
READ_ONLY: Final = "read-only"


class Context(NamedTuple):
    """A cache, which need not be open, nor its backend be reached: nothing is asked of it here."""

    backend: Backend
    settings: Settings

    def parts(self, state: str) -> tuple[str, str, str]:
        """Return the backend with its place, a state, and the configuration."""
        return self.where, state, self.configuration

    @property
    def where(self) -> str:
        """The backend and its place, without secrets: `redis cache-1:6379/0 prefix voice`."""
        options = self.settings.backend_options()
        place = self.backend.place or str(options.get("name", ""))
        prefix = str(options.get("prefix", ""))
        if prefix and place.endswith(f" {prefix}"):
            place = f"{place.removesuffix(prefix)}prefix {prefix}"
        return f"{self.backend.name} {_below_home(place)}".rstrip()

    @property
    def configuration(self) -> str:
        """The file that was read, or that there was none, and whether there is anything but defaults."""
        settings = self.settings
        if settings.source is not None:
            return _below_home(str(settings.source))
        by_default = (
            not settings.namespaces
            and settings.defaults == NamespaceSettings()
            and settings.limits() == Limits()
            and settings.enabled
            and settings.metrics
        )
        return "no configuration, defaults" if by_default else "no configuration file"

    def state(
        self, status: Status, applications: Sequence[Application] = (), *, is_empty: bool = False
    ) -> str:
        """Return what is worst: of the backend, and of the processes that use it."""
        if {status.status, *(each.status for each in applications)} != {"ok"}:
            return DEGRADED
        if not self._is_writable():
            return READ_ONLY
        return EMPTY if is_empty else OK

    def _is_writable(self) -> bool:
        """Return whether this user could write, as far as that can be seen from here."""
        place = Path(self.backend.place or "")
        is_open = not place.is_absolute() or not place.exists() or os.access(place, os.W_OK)
        return is_open and not self.backend.refusal


def _below_home(path: str) -> str:
    home = os.environ.get("HOME", "").rstrip("/")
    return f"~{path.removeprefix(home)}" if home and path.startswith(f"{home}/") else path
