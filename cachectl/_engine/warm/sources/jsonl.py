"""JSONL: one JSON object on each line, from a file or from standard input."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from cachectl._engine.warm.files import regular_file
from cachectl._engine.warm.lines import Line, lines
from cachectl._engine.warm.manifest import Manifest
from cachectl._engine.warm.records import Position, Record, Refused
from cachectl._model.codecs.strict_json import parse_json
from cachectl.errors import UsageError


class JsonlSource:
    """The lines of one manifest; blank ones are skipped."""

    def __init__(
        self,
        name: str,
        total: int | None,
        manifest: Manifest,
        open_: Callable[[], AbstractContextManager[BinaryIO]],
    ) -> None:
        self.name = name
        self.total = total
        self._manifest = manifest
        self._open = open_

    def items(self) -> Iterator[Record | Refused]:
        with self._open() as file:
            for line in lines(file):
                if not line.blank():
                    yield self._item(line, Position(self.name, line.number, line.end))

    def _item(self, line: Line, position: Position) -> Record | Refused:
        try:
            fields = _object(parse_json(line.text()))
            return self._manifest.record(fields, position, len(line.data or b""))
        except UsageError as error:
            return Refused(position, str(error))


def jsonl_file(path: Path, namespace: str | None) -> JsonlSource:
    """Return the manifest in a file."""
    size = regular_file(path).stat().st_size
    manifest = Manifest(path.parent, namespace)
    return JsonlSource(str(path), size, manifest, lambda: path.open("rb"))


def jsonl_stdin(path: Path, namespace: str | None) -> JsonlSource:
    """Return the manifest that is piped in; its files are below the current directory."""
    manifest = Manifest(Path(), namespace)
    return JsonlSource(str(path), None, manifest, lambda: nullcontext(sys.stdin.buffer))


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"a line must be a JSON object, not {type(value).__name__}")
    return value
