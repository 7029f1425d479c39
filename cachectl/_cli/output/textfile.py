"""A file of metrics that another program reads whenever it wants: it is always a whole one."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from cachectl._cli.exits import Stop, code_of_system
from cachectl._cli.output.text import printable
from cachectl.errors import UsageError

_MODE: Final = 0o644
"""What a new file has, as node_exporter is another user; one that is there keeps its own."""


class Textfile:
    """The file at a path, which need not be there yet. Raises `UsageError` where there is no file."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).resolve()  # a link stays one
        if self._path.exists() and not self._path.is_file():
            raise UsageError(f"--to: {path} is not a file")

    def replace(self, lines: Iterable[str]) -> None:
        """Put these lines, which are safe, in the place of all that it has. Raises `Stop` if it cannot be
        written.
        """
        text = "".join(f"{line}\n" for line in lines)
        try:
            self._replace(text.encode())
        except OSError as error:
            said = f"cannot write {self._path}: {error.strerror or error}"
            raise Stop(code_of_system(error), printable(said)) from None

    def _replace(self, data: bytes) -> None:
        mode = self._path.stat().st_mode & 0o777 if self._path.exists() else _MODE
        # Its name ends in nothing that a collector looks for, and it can be renamed where it is.
        descriptor, temporary = mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(temporary, self._path)  # noqa: PTH105 - mkstemp names it by a text
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
            raise
