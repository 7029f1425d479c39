"""Metrics for Prometheus on their way out."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cachectl._cli.exits import NOTHING
from cachectl._cli.output.text import printable

if TYPE_CHECKING:
    from cachectl._cli.output.textfile import Textfile


class Metrics:
    """Where metrics go: to stdout, or in place of a file."""

    def __init__(self) -> None:
        self.labels: Mapping[str, str] = NOTHING
        """Labels of all metrics beside those that they have anyway."""
        self._file: Textfile | None = None

    def expose(self, path: str | None, labels: Sequence[str]) -> None:
        """Have what is written replace a file, if one is named, and `labels` in all of it. Raises
        `UsageError`.
        """
        from cachectl._admin.prometheus import parse_labels
        from cachectl._cli.output.textfile import Textfile

        self.labels = parse_labels(labels)
        self._file = None if path is None else Textfile(path)

    @property
    def replaces_file(self) -> bool:
        """Whether they go to a file."""
        return self._file is not None

    def write(self, lines: Iterable[str]) -> None:
        """Write them."""
        safe = (printable(line, r"\\") for line in lines)
        if self._file is not None:
            self._file.replace(safe)
            return
        sys.stdout.writelines(f"{line}\n" for line in safe)
        sys.stdout.flush()


metrics = Metrics()
