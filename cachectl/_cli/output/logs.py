"""The library's log, on stderr."""

import logging

from cachectl._cli.output.text import printable


class _OneLine(logging.Formatter):
    """A record on one line that no terminal obeys; only a traceback has more lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name there
        return printable(super().formatMessage(record))


def log_to_stderr(level: int) -> None:
    """Show what the library logs from `level` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("cachectl: %(levelname)s: %(message)s"))
    logger = logging.getLogger("cachectl")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level)
