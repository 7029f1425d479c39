"""The entry point: every way in which a command may end becomes an exit code here."""

import logging
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import typer

from cachectl.cli.app import app
from cachectl.cli.exits import Exit, Interrupted, NotWritten, Stop, code_of
from cachectl.cli.options import document_expected
from cachectl.cli.output import Format, out
from cachectl.cli.streams import discard_output, guard_streams
from cachectl.cli.text import printable
from cachectl.errors import CacheError, ConfigError


def main() -> NoReturn:
    """Run the command line and exit."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _interrupt)
    guard_streams()
    if document_expected(sys.argv[1:]):
        out.format = Format.JSON  # also for what is wrong before the command begins
    sys.exit(_run())


def _run() -> int:
    try:
        return _flushed(app(prog_name="cachectl", standalone_mode=False) or Exit.DONE)
    except SystemExit as end:  # Typer's completion ends like this
        return _flushed(end.code if isinstance(end.code, int) else Exit.BUG)
    except typer.TyperException as error:
        return _ended(printable(f"{error.format_message()} (see --help)"), error.exit_code)
    except Stop as stop:
        return _ended(str(stop), stop.code)
    except ConfigError as error:
        return _ended(str(error), Exit.USAGE)  # a line for each setting
    except CacheError as error:
        return _ended(printable(str(error)), code_of(error))
    except Interrupted as interrupted:
        # Threads with loaders that still run would be waited for: the cache is closed already.
        os._exit(_ended(str(interrupted), interrupted.code))
    except NotWritten as error:
        return _not_written(error)
    except Exception as error:
        logging.getLogger("cachectl").debug("a bug", exc_info=True)
        name = printable(f"{type(error).__name__}: {error}")
        return _ended(f"{name} (a bug of cachectl; -v shows where)", Exit.BUG)


def _ended(message: str, code: int) -> int:
    try:
        if message:
            out.error(message, code)
    except NotWritten as error:
        return _not_written(error)
    return _flushed(code)


def _flushed(code: int) -> int:
    """Return `code`, unless what was printed cannot be written."""
    try:
        out.flush()
    except NotWritten as error:
        return _not_written(error)
    return code


def _not_written(error: NotWritten) -> int:
    """End quietly if nobody reads any more, as the other tools of a pipeline do."""
    discard_output()
    if error.reader_left:
        return 128 + signal.SIGPIPE
    with suppress(NotWritten):
        out.complain(f"cannot write: {error}")
    return Exit.BUG


def _interrupt(signum: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(signum)
