"""What redis-py raises, told in our words.

redis-py's classes overlap (a wrong password, a loading server and a full pool are all its
`ConnectionError`), and its texts may hold secrets: so the narrow ones are asked for first, and
nothing of the original is chained.
"""

import socket
import ssl
from types import TracebackType
from typing import Final

from redis import exceptions as redis_errors

from cachectl.errors import BackendError, BackendRefused, BackendUnavailable, CacheError

_KNOWN: Final = (redis_errors.RedisError, redis_errors.RedisClusterException, OSError)

_NOT_PERMITTED: Final = "does not permit this user a command or a key that is needed"

_PLAIN: Final[tuple[tuple[type[Exception], type[BackendError], str], ...]] = (
    (redis_errors.BusyLoadingError, BackendUnavailable, "is loading its data, try again soon"),
    (redis_errors.MaxConnectionsError, BackendUnavailable, "has no connection left in our pool"),
    (redis_errors.AuthorizationError, BackendUnavailable, "does not permit this user to connect"),
    (redis_errors.NoPermissionError, BackendUnavailable, _NOT_PERMITTED),
    (redis_errors.TimeoutError, BackendUnavailable, "timed out"),
    (redis_errors.ReadOnlyError, BackendRefused, "is a read-only replica: use the master's URL"),
    (
        redis_errors.OutOfMemoryError,
        BackendRefused,
        "is full: raise maxmemory, or set a maxmemory-policy of volatile-lru",
    ),
)
_BY_CODE: Final[dict[str, tuple[type[BackendError], str]]] = {
    "MISCONF": (BackendRefused, "cannot save to disk and refuses writes: see its log"),
    "NOREPLICAS": (BackendRefused, "has too few replicas and refuses writes"),
    "WRONGTYPE": (BackendRefused, "has something else under a key of ours: clear it by hand"),
    "MASTERDOWN": (BackendUnavailable, "is a replica that has lost its master"),
    "BUSY": (BackendUnavailable, "is busy with another client's script"),
}


class Translated:
    """A context that raises our errors in place of redis-py's, naming the masked URL."""

    def __init__(self, masked_url: str) -> None:
        self._url = masked_url

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, _KNOWN):
            raise self._translate(error) from None

    def _translate(self, error: Exception) -> CacheError:
        ours, what = _explain(error)
        return ours(f"Redis at {self._url} {what}")


def _explain(error: Exception) -> tuple[type[BackendError], str]:
    for theirs, ours, what in _PLAIN:
        if isinstance(error, theirs):
            return ours, what
    if isinstance(error, redis_errors.AuthenticationError):
        return BackendUnavailable, _password_problem(str(error))
    if isinstance(error, (redis_errors.ConnectionError, OSError)):
        return BackendUnavailable, _connection_problem(error)
    if "The user executing the script" in str(error):
        return BackendUnavailable, _NOT_PERMITTED
    code = str(error).partition(" ")[0]
    if code in _BY_CODE:
        return _BY_CODE[code]
    return BackendError, f"answered with an error ({_name(error, code)})"


def _password_problem(text: str) -> str:
    if "required" in text.lower():
        return "wants a password"
    if "without any password" in text or "no password is set" in text:
        return "has no password, but the URL gives one"
    return "rejected the password"


def _connection_problem(error: Exception) -> str:
    """redis-py raises its own error while handling the one of the socket, which says more."""
    cause = error if isinstance(error, OSError) else error.__context__
    if isinstance(cause, socket.gaierror):
        return "cannot be found: its host name does not resolve"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"failed TLS: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"failed TLS: {cause.reason or 'no handshake'}"
    if isinstance(cause, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(cause, OSError) and cause.strerror:
        return f"cannot be reached: {cause.strerror.lower()}"
    return "closed the connection"


def _name(error: Exception, code: str) -> str:
    """Error codes are capitals; other text is the server's and may repeat what we sent."""
    return code if code.isascii() and code.isupper() else type(error).__name__
