"""CSV with a header: the fields of a manifest as columns.

An empty cell says nothing, but for a `value` in a row that has no other: that is the empty text. `features`
and `extra` are JSON, `tags` are separated by spaces or semicolons, a `value` is text unless `type` says json.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cachectl._engine.warm.files import regular_file
from cachectl._engine.warm.manifest import VALUES, Manifest, check_names
from cachectl._engine.warm.records import Position, Record, Refused
from cachectl._engine.warm.rows import Rows
from cachectl._model.codecs.strict_json import parse_json
from cachectl.errors import UsageError

_BETWEEN_TAGS: Final = re.compile(r"[\s;]+")


class CsvSource:
    """The rows of one manifest; blank lines are skipped."""

    def __init__(self, path: Path, namespace: str | None) -> None:
        self.name = str(path)
        self.total = regular_file(path).stat().st_size
        self._path = path
        self._manifest = Manifest(path.parent, namespace)
        with path.open("rb") as file:
            self._header(Rows(file))

    def items(self) -> Iterator[Record | Refused]:
        with self._path.open("rb") as file:
            rows = Rows(file)
            header = self._header(rows)
            while item := self._item(header, rows):
                yield item

    def _header(self, rows: Rows) -> list[str]:
        """Return the names in the first row. Raises `UsageError`: without it nothing is sure."""
        try:
            header = rows.read() or []
            _check_header(header)
        except UsageError as error:
            raise UsageError(f"{self.name}: in the header: {error}") from None
        return header

    def _item(self, header: list[str], rows: Rows) -> Record | Refused | None:
        """Return the next item; None at the end."""
        try:
            row = rows.read()
            if row is None:
                return None
            return self._manifest.record(_fields(header, row), self._position(rows), rows.size)
        except UsageError as error:
            return Refused(self._position(rows), str(error))

    def _position(self, rows: Rows) -> Position:
        return Position(self.name, rows.line, rows.end)


def _check_header(names: list[str]) -> None:
    if not names:
        raise UsageError("there is none")
    if len(set(names)) < len(names):
        raise UsageError("a field is there twice")
    check_names(names)


def _fields(header: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(header):
        raise UsageError(f"{len(row)} cells, where the header has {len(header)}")
    fields: dict[str, Any] = {n: cell for n, cell in zip(header, row, strict=True) if cell}
    if "value" in header and not fields.keys() & VALUES:
        fields["value"] = ""
    for name in fields.keys() & {"features", "extra"}:
        fields[name] = parse_json(fields[name])
    if "tags" in fields:
        fields["tags"] = [tag for tag in _BETWEEN_TAGS.split(fields["tags"]) if tag]
    if "value" in fields and fields.get("type") == "json":
        fields["value"] = parse_json(fields["value"])
    return fields
