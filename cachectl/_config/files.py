"""The configuration file: where it is looked for, whether it is trusted, what is in it."""

import os
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from cachectl._backends.trust import exposed, open_to_others, owned_by_another
from cachectl._config.messages import printable, shown
from cachectl._config.unseen import unseen
from cachectl.errors import ConfigError

LARGEST: Final = 1024 * 1024
"""Bytes that a configuration file may have."""

_CONFIG: Final = "CACHECTL_CONFIG"
_LOCAL: Final = "cachectl.toml"
_SYSTEM: Final = Path("/etc/cachectl.toml")
_NOWHERE: Final = Path("/nonexistent")  # as in passwd(5) for users without a home
_MARK: Final = b"\xef\xbb\xbf"


def home(environ: Mapping[str, str]) -> Path:
    """Return the user's home directory, whether or not it exists."""
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return _NOWHERE


def working_directory() -> Path:
    """Return the working directory, also if it was removed under us."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return _NOWHERE


def xdg(variable: str, fallback: str, environ: Mapping[str, str]) -> Path:
    """Return a base directory of the XDG specification, which ignores relative ones."""
    configured = Path(environ.get(variable, ""))
    return configured if configured.is_absolute() else home(environ) / fallback


class Place(NamedTuple):
    """Where a configuration file is looked for, and by whose word; no path is none that was named."""

    said_by: str
    path: Path | None
    is_there: bool
    is_used: bool


def read(file: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> tuple[
    Path | None, dict[str, Any]
]:  # fmt: skip
    """Return the configuration file that is to be used, and what is in it.

    `file` and `$CACHECTL_CONFIG` must exist; of the usual places, the first that exists is
    used. Raises `ConfigError`.
    """
    path, content = find(file, environ)
    return path, {} if path is None else parse(path, content)


def find(
    file: str | os.PathLike[str] | None, environ: Mapping[str, str]
) -> tuple[Path | None, bytes]:
    """Return the configuration file that is to be used, and its bytes. Raises `ConfigError`."""
    if file is not None:
        return _named(file, "", environ)
    if environ.get(_CONFIG):
        return _named(environ[_CONFIG], f"environment variable {_CONFIG}: ", environ)
    for path in _usual(environ):
        if _exists(path, unknown=False):
            return path, _content(path, named=False)
    return None, b""


def places(file: str | None, environ: Mapping[str, str]) -> list[Place]:
    """Return where a configuration file is looked for, in this order, and which one is used."""
    named = [
        (said_by, _located(text, environ) if text else None)
        for said_by, text in (("--config", file), (_CONFIG, environ.get(_CONFIG)))
    ]
    asked = [*named, *(("", path) for path in _usual(environ))]
    there = [path is not None and _exists(path, unknown=False) for _, path in asked]
    must = [at for at, (_, path) in enumerate(named) if path is not None]
    used = next(iter(must or [at for at, is_there in enumerate(there) if is_there]), None)
    return [
        Place(said_by, path, there[at], there[at] and at == used)
        for at, (said_by, path) in enumerate(asked)
    ]


def _usual(environ: Mapping[str, str]) -> list[Path]:
    return [
        working_directory() / _LOCAL,
        xdg("XDG_CONFIG_HOME", ".config", environ) / "cachectl/config.toml",
        _SYSTEM,
    ]


def _named(
    file: str | os.PathLike[str], origin: str, environ: Mapping[str, str]
) -> tuple[Path, bytes]:
    if not isinstance(file, str | os.PathLike) or isinstance(os.fspath(file), bytes):
        raise ConfigError(f"a configuration is the path of a file, not {shown(file)}")
    text = os.fspath(file)
    if reason := unseen(text):
        raise ConfigError(f"{origin or 'option config: '}{reason}")
    path = _located(text, environ)
    if not _exists(path, unknown=True):
        raise ConfigError(f"{origin}{printable(path)}: expected a file, found nothing there")
    return path, _content(path, named=True)


def _located(text: str, environ: Mapping[str, str]) -> Path:
    return home(environ) / text[2:] if text.startswith("~/") else working_directory() / text


def _exists(path: Path, *, unknown: bool) -> bool:
    """Return whether the file exists; `unknown` if we are not allowed to look."""
    try:
        return path.exists()
    except OSError:
        return unknown


def _content(path: Path, *, named: bool) -> bytes:
    # Somebody who can put a file here could also put a pipe that never ends.
    flags = os.O_RDONLY | os.O_CLOEXEC | (0 if named else os.O_NONBLOCK)
    try:
        with os.fdopen(os.open(path, flags), "rb") as stream:
            status = os.fstat(stream.fileno())
            reason = _distrust_of_named(path, status) if named else _distrust(path, status)
            if reason is not None:
                raise ConfigError(f"{printable(path)}: refused, {printable(reason)}")
            return stream.read(LARGEST + 1)
    except IsADirectoryError:
        raise ConfigError(f"{printable(path)}: expected a file, found a directory") from None
    except OSError as error:
        raise ConfigError(f"{printable(path)}: cannot be read: {error.strerror}") from None


def _distrust(path: Path, status: os.stat_result) -> str | None:
    """Return why a file that nobody named is not used; None if it is."""
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file (name it to use it)"
    if reason := open_to_others(path, status):
        return reason
    reason = owned_by_another(path, status) or exposed(path)
    return reason and f"{reason} (or name it to use it)"


def _distrust_of_named(path: Path, status: os.stat_result) -> str | None:
    """Return why a file is not used although somebody chose it: whoever can write to it now did not."""
    return open_to_others(path, status) if stat.S_ISREG(status.st_mode) else None


def parse(path: Path, content: bytes) -> dict[str, Any]:
    """Return what is in a file. Raises `ConfigError`."""
    import tomllib

    where = printable(path)
    if len(content) > LARGEST:
        raise ConfigError(f"{where}: expected at most 1 MiB, found more")
    if content.startswith(_MARK):
        raise ConfigError(f"{where}: expected UTF-8 without a byte order mark, found one")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{where}: expected UTF-8, found other bytes in line {line}") from None
    except RecursionError:
        raise ConfigError(f"{where}: expected TOML, found too deep a nesting") from None
    except ValueError as error:  # also numbers and dates that Python cannot represent
        last = content.count(b"\n") + 1
        reason = str(error).replace("at end of document", f"at line {last}, the end")
        raise ConfigError(f"{where}: expected TOML, found: {reason}") from None
