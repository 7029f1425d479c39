"""`.npz`: each array under its name."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cachectl._admin.values import parse
from cachectl._admin.warm.files import regular_file
from cachectl._admin.warm.records import Position, Record, Refused
from cachectl._model.codecs import VALUE_LIMIT
from cachectl.errors import UsageError

_SUFFIX: Final = ".npy"
_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


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
                self.total = len(archive.infolist())
        except _BROKEN:
            raise UsageError(f"{path} is not an .npz archive") from None

    def items(self) -> Iterator[Record | Refused]:
        with zipfile.ZipFile(self._path) as archive:
            for index, member in enumerate(archive.infolist(), 1):
                name = member.filename.removesuffix(_SUFFIX)
                position = Position(f"{self.name}[{name}]", None, index)
                try:
                    data = _read(archive, member)
                    value = parse("npy", data)
                    yield Record(position, self._namespace, name, value, len(data))
                except UsageError as error:
                    yield Refused(position, str(error))


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if not member.filename.endswith(_SUFFIX):
        raise UsageError("not an array in .npy format")
    if member.compress_type not in _COMPRESSIONS:
        raise UsageError("a compression that .npz does not have")
    if member.file_size > VALUE_LIMIT:
        raise UsageError(f"an array of more than {VALUE_LIMIT} bytes")
    try:
        with archive.open(member) as file:
            return file.read(member.file_size)  # without a number, what inflates is unbounded
    except _BROKEN:
        raise UsageError("a damaged member of the archive") from None
