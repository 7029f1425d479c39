"""The settings of the file backend."""

from dataclasses import dataclass

from cachectl._model.settings import Directory, Table


@dataclass(frozen=True, kw_only=True)
class FileOptions(Table):
    """Where the file backend keeps everything."""

    directory: Directory
