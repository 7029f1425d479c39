"""The settings of the file backend."""

from dataclasses import dataclass

from cachectl._model.deadline import SECONDS
from cachectl._model.settings import Directory, Seconds, Table


@dataclass(frozen=True, kw_only=True)
class FileOptions(Table):
    """Where the file backend keeps everything, and how long a call waits for others."""

    directory: Directory
    timeout: Seconds = SECONDS
