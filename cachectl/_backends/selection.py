"""What is known of some namespaces, whether or not their backend can be asked for these alone."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from cachectl._backends.capabilities import SupportsSelection
from cachectl._backends.protocols import Backend
from cachectl._metrics.counters import Counts
from cachectl._metrics.windows import Window
from cachectl._model.records import Usage

T = TypeVar("T")


def usage_of(backend: Backend, names: Collection[str]) -> Mapping[str, Usage]:
    """Return what these namespaces hold, of those that the backend knows; of all if none is named."""
    if names and isinstance(backend, SupportsSelection):
        return backend.usage_of(names)
    return _chosen(backend.usage(), names)


def counts_of(backend: Backend, names: Collection[str], window: Window) -> Mapping[str, Counts]:
    """Return what these namespaces counted, or all, within `window`."""
    if names and isinstance(backend, SupportsSelection):
        return backend.counts_of(names, window)
    return _chosen(backend.counters.read(window), names)


def _chosen(found: Mapping[str, T], names: Collection[str]) -> Mapping[str, T]:
    return {name: found[name] for name in names if name in found} if names else found
