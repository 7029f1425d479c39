"""The library's log, on stderr."""

import logging
from typing import Any

from cachectl._cli.output.text import printable, printable_lines
from cachectl._masking import masked


class _OneLine(logging.Formatter):
    """A record on one line that no terminal obeys, without secrets; only a traceback has more lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name there
        return printable(masked(super().formatMessage(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - its name there
        return printable_lines(masked(super().formatException(ei)))


def log_to_stderr(level: int) -> None:
    """Show what the library logs from `level` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("cachectl: %(levelname)s: %(message)s"))
    logger = logging.getLogger("cachectl")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level)
