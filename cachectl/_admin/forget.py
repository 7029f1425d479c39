"""Forgetting: namespaces that hold nothing, made by a typing mistake or no longer used."""

from collections.abc import Sequence

from cachectl._admin.namespaces import unknown
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import NamespaceStats
from cachectl._model.policy import check_namespace
from cachectl._model.units import format_entries
from cachectl.errors import BackendRefused, UsageError


class ForgetPlan:
    """Namespaces to forget. Raises `UsageError` for one that is unknown, and `BackendRefused` for one
    that holds anything, before any is forgotten.
    """

    def __init__(self, cache: Cache, names: Sequence[str]) -> None:
        report = cache.stats(*map(check_namespace, names))
        for name in report.unknown:
            raise UsageError(unknown(name))
        for name, figures in report.namespaces.items():
            if figures.entries:
                raise BackendRefused(_full(name, figures.entries))
        self._cache = cache
        self.namespaces: dict[str, NamespaceStats] = dict(report.namespaces)
        """What is known of each, which will be lost."""

    def run(self) -> None:
        """Forget them. Raises `BackendRefused` if one has been written to meanwhile."""
        for name in self.namespaces:
            if not self._cache.forget(name):
                raise BackendRefused(f"{name} was written to meanwhile: clear it first")


def _full(name: str, entries: int) -> str:
    return f"{name} holds {format_entries(entries)}: clear it first (cachectl clear {name})"
