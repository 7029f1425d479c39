"""`.npz`: each array under its name."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from cachectl._engine.warm.files import regular_file
from cachectl._engine.warm.records import Position, Record, Refused
from cachectl._model.codecs import VALUE_LIMIT
from cachectl._model.codecs.npz_archive import BROKEN, SUFFIX, members, read_member
from cachectl._model.values import parse
from cachectl.errors import UsageError


class NpzSource:
    """The arrays of one archive, read one at a time."""

    def __init__(self, path: Path, namespace: str | None) -> None:
        if namespace is None:
            raise UsageError(f"{path} says no namespace; name one")
        self.name = str(path)
        self._path = regular_file(path)
        self._namespace = namespace
        try:
            with zipfile.ZipFile(path) as archive:
                self.total = len(members(archive))
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
        except BROKEN:
            raise UsageError(f"{path} is not an .npz archive") from None

    def items(self) -> Iterator[Record | Refused]:
        with zipfile.ZipFile(self._path) as archive:
            for index, member in enumerate(members(archive), 1):
                name = member.filename.removesuffix(SUFFIX)
                position = Position(f"{self.name}[{name}]", None, index)
                try:
                    data = read_member(archive, member, VALUE_LIMIT)
                    value = parse("npy", data)
                    yield Record(position, self._namespace, name, value, len(data))
                except UsageError as error:
                    yield Refused(position, str(error))
