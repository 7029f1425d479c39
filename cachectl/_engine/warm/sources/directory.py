"""A directory of files: each under its name relative to the directory, typed by its suffix."""

import os
from collections.abc import Iterator
from pathlib import Path

from cachectl._engine.warm.files import read_below
from cachectl._engine.warm.records import Position, Record, Refused
from cachectl._model.values import parse, type_of
from cachectl.errors import UsageError


class DirectorySource:
    """The files in a directory and below; hidden ones and symbolic links are skipped."""

    total: int | None = None

    def __init__(self, path: Path, namespace: str | None) -> None:
        if namespace is None:
            raise UsageError(f"{path} says no namespace; name one")
        if not os.access(path, os.R_OK | os.X_OK):
            raise UsageError(f"{path} cannot be read")
        self.name = str(path)
        self._path = path
        self._namespace = namespace

    def items(self) -> Iterator[Record | Refused]:
        for number, found in enumerate(self._walk(), 1):
            if isinstance(found, OSError):
                position = Position(str(found.filename), None, number)
                yield Refused(position, f"cannot be listed: {found.strerror}")
            else:
                yield self._item(found, number)

    def _walk(self) -> Iterator[str | OSError]:
        """Yield the names of files, or the error that hides those of a directory."""
        unlisted = [""]
        while unlisted:
            below = unlisted.pop()
            try:
                with os.scandir(self._path / below) as entries:
                    for entry in entries:
                        if entry.name.startswith(".") or entry.is_symlink():
                            continue
                        if entry.is_dir():
                            unlisted.append(f"{below}{entry.name}/")
                        else:
                            yield below + entry.name
            except OSError as error:
                yield error

    def _item(self, name: str, number: int) -> Record | Refused:
        position = Position(str(self._path / name), None, number)
        try:
            data = read_below(self._path, name)
            return Record(position, self._namespace, name, parse(type_of(name), data), len(data))
        except UsageError as error:
            return Refused(position, str(error))
