"""What goes wrong on the way to a server, told in our words.

The server's own texts may repeat what it was sent, secrets among it: nothing of them is shown but
their code, and nothing of the original is chained.
"""

import socket
import sys
from typing import Any, Final

from cachectl._backends.redis.transport.pool import PoolExhausted
from cachectl._backends.redis.transport.resp import ErrorReply, Misread
from cachectl.errors import BackendError, BackendRefused, BackendUnavailable, CacheError

FAILURES: Final = (OSError, ErrorReply, Misread, PoolExhausted)
"""What transports raise."""

_Told = tuple[type[BackendError], str]

_NOT_PERMITTED: Final = (
    BackendUnavailable,
    "does not permit this user a command or a key that is needed",
)
_BY_CODE: Final[dict[str, _Told]] = {
    "LOADING": (BackendUnavailable, "is loading its data, try again soon"),
    "NOAUTH": (BackendUnavailable, "wants a password"),
    "WRONGPASS": (BackendUnavailable, "rejected the password"),
    "NOPERM": _NOT_PERMITTED,
    "READONLY": (BackendRefused, "is a read-only replica: use the master's URL"),
    "OOM": (
        BackendRefused,
        "is full: raise maxmemory, or set a maxmemory-policy of volatile-lru",
    ),
    "MISCONF": (BackendRefused, "cannot save to disk and refuses writes: see its log"),
    "NOREPLICAS": (BackendRefused, "has too few replicas and refuses writes"),
    "WRONGTYPE": (BackendRefused, "has something else under a key of ours: clear it by hand"),
    "MASTERDOWN": (BackendUnavailable, "is a replica that has lost its master"),
    "CLUSTERDOWN": (BackendUnavailable, "is a cluster that is down"),
    "BUSY": (BackendUnavailable, "is busy with another client's script"),
}
_BY_TEXT: Final[tuple[tuple[str, _Told], ...]] = (
    ("without any password", (BackendUnavailable, "has no password, but the URL gives one")),
    ("no password is set", (BackendUnavailable, "has no password, but the URL gives one")),
    ("max number of clients", (BackendUnavailable, "has too many clients: raise maxclients")),
    ("The user executing the script", _NOT_PERMITTED),
)
"""Errors whose code is ERR and says nothing."""


class Translation:
    """Makes errors of ours out of what transports raise, naming the masked URL."""

    def __init__(self, masked_url: str) -> None:
        self._url = masked_url

    def __call__(self, error: Exception) -> CacheError:
        ours, what = _explain(error)
        return ours(f"Redis at {self._url} {what}")


def _explain(error: Exception) -> _Told:
    if isinstance(error, ErrorReply):
        return _explain_reply(error)
    if isinstance(error, OSError):
        return BackendUnavailable, _connection_problem(error)
    if isinstance(error, PoolExhausted):
        return BackendUnavailable, "timed out: all connections of this process are in use"
    return BackendUnavailable, "answered what no Redis would answer"


def _explain_reply(error: ErrorReply) -> _Told:
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    for text, told in _BY_TEXT:
        if text in str(error):
            return told
    code = error.code if error.code.isascii() and error.code.isupper() else "of its own"
    return BackendError, f"answered with an error ({code})"


def _connection_problem(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "cannot be found: its host name does not resolve"
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    if tls := _tls_problem(error):
        return f"failed TLS: {tls}"
    if error.strerror and not isinstance(error, ConnectionError):
        return f"cannot be reached: {error.strerror.lower()}"
    return "closed the connection"


def _tls_problem(error: OSError) -> str | None:
    ssl: Any = sys.modules.get("ssl")  # takes long to import, and is there if it was used
    if ssl is None or not isinstance(error, ssl.SSLError):
        return None
    verification = getattr(error, "verify_message", None)
    return str(verification or error.reason or "no handshake")
