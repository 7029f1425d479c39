"""Redis URLs: read by ourselves, so that mistakes are refused and passwords never shown.

    redis://[user[:password]@]host[:port][/database]        TCP
    rediss://…[?ssl_ca_certs=FILE&ssl_certfile=FILE&ssl_keyfile=FILE]   TLS
    unix://[user[:password]@]/path/of/socket[?db=database]

User and password are percent-decoded. No message raised here holds any part of the URL that
could be a secret.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from cachectl.errors import ConfigError

_LATER: Final = ("redis+sentinel", "redis+cluster", "rediss+sentinel", "rediss+cluster")
_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OPTIONS: Final = {"redis": (), "rediss": _TLS_OPTIONS, "unix": ("db",)}
_DATABASE: Final = re.compile(r"\d{1,5}", re.ASCII)


class Address(NamedTuple):
    """Where a URL points to. `path` is that of a socket, or empty; its `repr` has no password."""

    scheme: str
    host: str
    port: int
    path: str
    username: str | None
    password: str | None
    database: int
    options: dict[str, str]

    @property
    def masked(self) -> str:
        """The URL without its secrets; a user without a password may be one, too."""
        user = f"{self.username}:***@" if self.username else ":***@"
        if self.password is None:
            user = "***@" if self.username else ""
        if self.path:
            return f"unix://{user}{self.path}" + (f"?db={self.database}" if self.database else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{user}{host}:{self.port}/{self.database}"

    @property
    def place(self) -> str:
        """The server and the database; the same for every user, and without secrets."""
        return f"{self.path or f'{self.host}:{self.port}'}/{self.database}"

    def __repr__(self) -> str:
        return f"Address({self.masked!r})"


def masked(url: str) -> str:
    """Return `url` as it may be shown; of one that cannot be read, nothing but its scheme."""
    try:
        return parse(url).masked
    except ConfigError:
        scheme = url.partition("://")[0]
        return f"{scheme}://***" if scheme in (*_OPTIONS, *_LATER) else "***"


def parse(url: str) -> Address:
    """Return where `url` points to. Raises `ConfigError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("its host or port cannot be read", secret=True) from None
    if parts.scheme in _LATER:
        raise ConfigError(f"Redis URL: {parts.scheme}:// is not supported yet")
    if parts.scheme not in _OPTIONS:
        raise _refused("it begins with redis://, rediss:// or unix://")
    if parts.fragment or (parts.netloc and not parts.hostname and parts.scheme != "unix"):
        raise _refused("it has no host, or a # in it", secret=True)
    options = _options(parts)
    socket = parts.scheme == "unix"
    if socket and (parts.hostname or not parts.path):
        raise _refused("unix:// is followed by the absolute path of a socket")
    return Address(
        parts.scheme,
        unquote(parts.hostname or "localhost"),
        port or 6379,
        unquote(parts.path) if socket else "",
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        _database(options.pop("db", "") if socket else parts.path.removeprefix("/")),
        options,
    )


def _options(parts: SplitResult) -> dict[str, str]:
    known = _OPTIONS[parts.scheme]
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not options.keys() <= set(known) or (parts.query and not options):
        raise _refused(f"after the ? may come {', '.join(known) or 'nothing'}", secret=True)
    return options


def _database(text: str) -> int:
    if text and not _DATABASE.fullmatch(text):
        raise _refused("the database is a number, as in redis://host:6379/0", secret=True)
    return int(text or 0)


def _refused(reason: str, *, secret: bool = False) -> ConfigError:
    hint = " (write / ? # @ : in a password as %2F %3F %23 %40 %3A)" if secret else ""
    return ConfigError(f"not a Redis URL: {reason}{hint}")
