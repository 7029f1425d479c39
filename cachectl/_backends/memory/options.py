"""The settings of the memory backend."""

from dataclasses import dataclass

from cachectl._model.settings import Boolean, Name, Table


@dataclass(frozen=True, kw_only=True)
class MemoryOptions(Table):
    """What processes of one user show each other.

    A process publishes its counters under `name`; with `observe` it reports those of the
    others instead, as the command line does.
    """

    name: Name = "default"
    publish: Boolean = True
    observe: Boolean = False
