"""The settings of the diskcache backend."""

from dataclasses import dataclass

from cachectl._model.settings import Directory, Table


@dataclass(frozen=True, kw_only=True)
class DiskcacheOptions(Table):
    """Which directory is read: that of a `diskcache.Cache` or `FanoutCache`."""

    directory: Directory
