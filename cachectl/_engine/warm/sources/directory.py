"""A directory of files: each under its name relative to the directory, typed by its suffix."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cachectl._engine.warm.files import read_below
from cachectl._engine.warm.records import Position, Record, Refused, Skipped
from cachectl._model.values import parse, type_of
from cachectl.errors import UsageError

_LINKS: Final = 8
"""Links to directories that lead to a file, one behind the other."""


class _Folder(NamedTuple):
    """A directory to list: its name below the top one, where it really is, and where the links are by
    which it was reached.
    """

    name: str
    path: str
    links: tuple[str, ...] = ()

    def below(self, name: str) -> "_Folder":
        return _Folder(f"{self.name}{name}/", os.path.join(self.path, name), self.links)  # noqa: PTH118

    def behind_link(self, name: str, path: str) -> "_Folder":
        return _Folder(f"{self.name}{name}/", path, (*self.links, self.path))

    def is_in(self, path: str) -> bool:
        """Return whether a directory contains this one, or a link by which this was reached."""
        return any(Path(known).is_relative_to(path) for known in (*self.links, self.path))


class _Odd(NamedTuple):
    """What is no file to read: skipped, or else an error."""

    name: str
    reason: str
    is_skipped: bool = True


class DirectorySource:
    """The files in a directory and below, also where links lead to them that stay in it. Hidden ones and
    other links are skipped.
    """

    total: int | None = None

    def __init__(self, path: Path, namespace: str | None) -> None:
        if namespace is None:
            raise UsageError(f"{path} says no namespace; name one")
        if not os.access(path, os.R_OK | os.X_OK):
            raise UsageError(f"{path} cannot be read")
        self.name = str(path)
        self._path = path
        self._namespace = namespace

    def items(self) -> Iterator[Record | Refused | Skipped]:
        for number, found in enumerate(self._walk(), 1):
            if isinstance(found, _Odd):
                position = Position(str(self._path / found.name), None, number)
                kind = Skipped if found.is_skipped else Refused
                yield kind(position, found.reason)
            else:
                yield self._item(found, number)

    def _walk(self) -> Iterator[str | _Odd]:
        """Yield the names of files, and what is none."""
        top = os.path.realpath(self._path)
        unlisted = [_Folder("", top)]
        while unlisted:
            folder = unlisted.pop()
            try:
                with os.scandir(self._path / folder.name) as entries:
                    for entry in entries:
                        found = _look_at(top, folder, entry)
                        if isinstance(found, _Folder):
                            unlisted.append(found)
                        else:
                            yield found
            except OSError as error:
                yield _Odd(folder.name, f"cannot be listed: {error.strerror}", is_skipped=False)

    def _item(self, name: str, number: int) -> Record | Refused:
        position = Position(str(self._path / name), None, number)
        try:
            data = read_below(self._path, name)
            return Record(position, self._namespace, name, parse(type_of(name), data), len(data))
        except UsageError as error:
            return Refused(position, str(error))


def _look_at(top: str, folder: _Folder, entry: "os.DirEntry[str]") -> str | _Folder | _Odd:
    name = folder.name + entry.name
    if entry.name.startswith("."):
        return _Odd(name, "hidden")
    if not entry.is_symlink():
        return folder.below(entry.name) if entry.is_dir() else name
    try:
        path = os.path.realpath(entry.path, strict=True)
    except OSError as error:  # who reads it says so, unless it leads round and round
        return _Odd(name, "a link that loops") if error.errno == errno.ELOOP else name
    if not Path(path).is_relative_to(top):
        return _Odd(name, "a link that leads out of the directory")
    if not Path(path).is_dir():
        return name
    if folder.is_in(path):
        return _Odd(name, "a link that loops")
    if len(folder.links) == _LINKS:
        return _Odd(name, f"a link behind {_LINKS} others")
    return folder.behind_link(entry.name, path)
