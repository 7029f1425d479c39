"""A source of `cachectl warm`: files of lines like `key=text`."""

from collections.abc import Iterator
from pathlib import Path

from cachectl import UsageError
from cachectl.plugins import Position, Record, Refused


class KvSource:
    """The lines of one file, all for one namespace."""

    def __init__(self, path: Path, namespace: str | None) -> None:
        if namespace is None:
            raise UsageError(f"{path} names no namespace")
        self.name = str(path)
        self.total: int | None = path.stat().st_size
        self._path = path
        self._namespace = namespace

    def items(self) -> Iterator[Record | Refused]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                position = Position(self.name, number, file.tell())
                key, equals, value = line.decode(errors="replace").strip().partition("=")
                if equals:
                    yield Record(position, self._namespace, key, value, len(line))
                else:
                    yield Refused(position, "there is no '='")
