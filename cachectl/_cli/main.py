"""The entry point: every way in which a command may end becomes an exit code here."""

import errno
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from types import FrameType
from typing import Final, NoReturn

from cachectl._cli.exits import (
    NOTHING,
    Exit,
    Interrupted,
    NotWritten,
    Stop,
    code_of,
    code_of_system,
)
from cachectl._cli.output import Format, out
from cachectl._cli.output.streams import discard_output, guard_streams
from cachectl._cli.output.text import printable
from cachectl._model.interrupts import interrupt
from cachectl.errors import BackendError, BackendRefused, CacheError, ConfigError

_COLLECTED_AFTER: Final = 100_000
"""New objects after which Python looks for cycles: what a short call makes is no garbage."""

_UNKNOWN: Final = 3
"""The code by which a plugin tells a monitoring system that nothing is known."""


def main() -> NoReturn:
    """Run the command line and exit."""
    gc.set_threshold(_COLLECTED_AFTER)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:  # as nohup asks
            signal.signal(signum, _interrupt)
    guard_streams()
    arguments = sys.argv[1:]
    out.format = _expected(arguments)  # also for what is wrong before the command begins
    code = _run(arguments)
    gc.freeze()  # nor is anything searched that ends with the process
    sys.exit(code)


def _expected(arguments: Sequence[str]) -> Format:
    """Return the format of documents that a command line asks for, be the rest of it right or wrong."""
    pairs = {*pairwise(arguments)}
    for form in (Format.JSON, Format.JSONL):
        words = {f"--format={form}", f"-f{form}"}
        if words & {*arguments} or {("--format", form), ("-f", form)} & pairs:
            return form
    return Format.TABLE


def _run(arguments: Sequence[str]) -> int:
    try:
        from cachectl._cli.postponed import postpone

        postpone()
        from cachectl._cli.app import run  # here, where a signal is already answered
        from cachectl._cli.grammar import named

        out.is_plugin = named(arguments) == "check"
        return _flushed(run(arguments))
    except SystemExit as end:  # Typer's completion ends like this
        return _flushed(end.code if isinstance(end.code, int) else Exit.BUG)
    except Stop as stop:
        return _ended(str(stop), stop.code, stop.helps)
    except ConfigError as error:
        return _ended(str(error), Exit.USAGE)  # a line for each setting
    except CacheError as error:
        interrupted = _interrupt_before(error)
        said, helps = _said(error)
        if interrupted is not None:  # and then the cache could not be closed in order
            _ended(f"{interrupted}: {said}", interrupted.code)
            os._exit(interrupted.code)
        return _ended(said, code_of(error), helps)
    except Interrupted as interrupted:
        # Threads with loaders that still run would be waited for: the cache is closed already.
        code = _ended(str(interrupted), interrupted.code)  # which the terminal may not see any more
        os._exit(code if out.is_plugin else interrupted.code)
    except NotWritten as error:
        code, hangup = _not_written(error), _interrupt_before(error)
        if hangup is not None:  # the terminal went away, most often
            os._exit(hangup.code)
        return code
    except OSError as error:
        said, helps = _in_words(error)
        return _ended(said, code_of_system(error), helps)
    except Exception as error:
        logging.getLogger("cachectl").debug("a bug", exc_info=True)
        name = printable(f"{type(error).__name__}: {error}")
        return _ended(f"{name} (a bug of cachectl; -v shows where)", Exit.BUG)


def _said(error: CacheError) -> tuple[str, Mapping[str, str]]:
    """Return what an error says, and what stands below it."""
    if not isinstance(error, BackendError):
        return printable(str(error)), NOTHING
    from cachectl._cli.advice import advised

    said, helps = advised(error, out.directory, out.cache())
    return printable(said), helps


def _in_words(error: OSError) -> tuple[str, Mapping[str, str]]:
    """Return what the system refused, and where, if it says so."""
    logging.getLogger("cachectl").debug("refused by the system", exc_info=error)
    place = f"{error.filename}: " if error.filename is not None else ""
    is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    text = f"{place}{error.strerror or error}"
    return _said(BackendRefused(text, "full" if is_full else "refused"))


def _interrupt_before(error: BaseException | None) -> Interrupted | None:
    """Return the interrupt that was under way when an error was raised."""
    while error is not None and not isinstance(error, Interrupted):
        error = error.__context__
    return error


def _ended(message: str, code: int, helps: Mapping[str, str] = NOTHING) -> int:
    try:
        if message and out.is_plugin:
            out.unknown(message)
            code = _UNKNOWN
        elif message:
            out.error(message, code, helps)
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
    return _UNKNOWN if out.is_plugin else Exit.BUG


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    def end() -> NoReturn:
        raise Interrupted(signum)

    interrupt(end)
