"""What goes wrong on the way to a server, told in our words.

The server's own texts may repeat what it was sent, secrets among it: nothing of them is shown but
their code, and nothing of the original is chained.
"""

import re
import socket
import sys
from typing import Any, Final, NamedTuple

from cachectl._backends.redis.transport.pool import PoolExhausted
from cachectl._backends.redis.transport.resp import ErrorReply, Misread, Unwelcome
from cachectl.errors import (
    BackendError,
    BackendRefused,
    BackendUnavailable,
    CacheError,
    ErrorKind,
)

FAILURES: Final = (OSError, ErrorReply, Misread, PoolExhausted)
"""What transports raise."""


class KeysForbidden(BackendRefused):
    """The user may not use the keys of a call; those of another namespace perhaps."""


class _Told(NamedTuple):
    """Which error is raised, of which kind, and what it says. Of `BackendUnavailable` nothing can be
    had, and memory stands in; the others are those of one call.
    """

    raises: type[BackendError]
    kind: ErrorKind
    what: str


_CORRECT: Final = "correct redis.url (--url, CACHECTL_URL)"
_IS_IT_THERE: Final = f"see whether it runs there ('redis-cli ping'), or {_CORRECT}"
_NEEDS: Final = "~{prefix}:* +@read +@write +@scripting +@transaction +@connection"
_NO_PASSWORD: Final = _Told(
    BackendUnavailable, "misconfigured", f"has no password, but the URL gives one; {_CORRECT}"
)
_BY_CODE: Final[dict[str, _Told]] = {
    "LOADING": _Told(BackendUnavailable, "loading", "is loading its data, try again soon"),
    "NOAUTH": _Told(
        BackendUnavailable, "misconfigured", f"wants a password, and the URL gives none; {_CORRECT}"
    ),
    "WRONGPASS": _Told(
        BackendUnavailable,
        "misconfigured",
        f"rejected the password, or the user, of the URL; {_CORRECT}",
    ),
    "READONLY": _Told(BackendRefused, "failover", "is a read-only replica: use the master's URL"),
    "OOM": _Told(
        BackendRefused,
        "full",
        "is full: raise maxmemory, or make room by cachectl cleanup or cachectl clear NS; max_bytes keeps"
        " a cache from filling it (what it drops by itself: cachectl -v stats)",
    ),
    "MISCONF": _Told(
        BackendRefused, "misconfigured", "cannot save to disk and refuses writes: see its log"
    ),
    "NOREPLICAS": _Told(
        BackendRefused,
        "failover",
        "has too few replicas and refuses writes: see min-replicas-to-write",
    ),
    "WRONGTYPE": _Told(
        BackendRefused, "foreign", "has something else under a key of ours: clear it by hand"
    ),
    "MASTERDOWN": _Told(
        BackendUnavailable,
        "failover",
        "is a replica that has lost its master: use the master's URL",
    ),
    "CLUSTERDOWN": _Told(
        BackendUnavailable, "failover", "is a cluster that is down: see CLUSTER INFO"
    ),
    "BUSY": _Told(
        BackendUnavailable, "busy", "is busy with another client's script: SCRIPT KILL ends it"
    ),
}
_BY_TEXT: Final[tuple[tuple[str, _Told], ...]] = (
    ("without any password", _NO_PASSWORD),
    ("no password is set", _NO_PASSWORD),
    (
        "DB index is out of range",
        _Told(
            BackendUnavailable,
            "misconfigured",
            f"has no database of the number in the URL; {_CORRECT}",
        ),
    ),
    (
        "max number of clients",
        _Told(BackendUnavailable, "outage", "has too many clients: raise maxclients"),
    ),
)
"""Errors whose code is ERR and says nothing."""

_FORBIDDEN: Final = re.compile(r"NOPERM|ERR The user executing the script can't")
_ITS_COMMAND: Final = re.compile(r"'([a-z|]{1,32})' command")


class Translation:
    """Makes errors of ours out of what transports raise, naming the masked URL; `prefix` is that of the
    keys which its user needs.
    """

    def __init__(self, masked_url: str, prefix: str) -> None:
        self.url: Final = masked_url
        self._needs = f"its ACL needs {_NEEDS.format(prefix=prefix)}"

    def __call__(self, error: Exception) -> CacheError:
        raises, kind, what = self._explain(error)
        return raises(f"Redis at {self.url} {what}", kind)

    def _explain(self, error: Exception) -> _Told:
        if isinstance(error, ErrorReply):
            told = self._explain_reply(error)
            if isinstance(error, Unwelcome) and told.raises is not BackendUnavailable:
                return _Told(BackendUnavailable, "misconfigured", told.what)
            return told
        if isinstance(error, OSError):
            return _connection_problem(error)
        if isinstance(error, PoolExhausted):
            what = "timed out: all connections of this process are in use"
        else:
            what = f"answered what no Redis would answer; {_CORRECT}"
        return _Told(BackendUnavailable, "outage", what)

    def _explain_reply(self, error: ErrorReply) -> _Told:
        text = str(error)
        if _FORBIDDEN.match(text):
            what = f"does not permit this user {_what_of(text)}: {self._needs}"
            raises = KeysForbidden if "keys" in text else BackendRefused
            return _Told(raises, "permission", what)
        if error.code in _BY_CODE:
            return _BY_CODE[error.code]
        for part, told in _BY_TEXT:
            if part in text:
                return told
        code = error.code if error.code.isascii() and error.code.isupper() else "of its own"
        return _Told(BackendError, "unexpected", f"answered with an error ({code}): see its log")


def _what_of(refusal: str) -> str:
    """Return what is not permitted; of the server's text, the name of a command at most."""
    command = _ITS_COMMAND.search(refusal)
    if command:
        return command[1].replace("|", " ").upper()
    return "a key that is needed" if "keys" in refusal else "a command of a script that is needed"


def _connection_problem(error: OSError) -> _Told:
    kind: ErrorKind = "outage"
    if isinstance(error, TimeoutError):
        what = f"timed out; {_IS_IT_THERE}"
    elif isinstance(error, socket.gaierror):
        what = f"cannot be found: its host name does not resolve; {_CORRECT}"
    elif isinstance(error, ConnectionRefusedError):
        what = f"refused the connection; {_IS_IT_THERE}"
    elif tls := _tls_problem(error):
        kind, what = "misconfigured", f"failed TLS: {tls}; {_CORRECT}"
    elif error.strerror and not isinstance(error, ConnectionError):
        kind = "misconfigured" if isinstance(error, PermissionError) else kind
        what = f"cannot be reached: {error.strerror.lower()}; {_IS_IT_THERE}"
    else:
        what = f"closed the connection; {_IS_IT_THERE}"
    return _Told(BackendUnavailable, kind, what)


def _tls_problem(error: OSError) -> str | None:
    ssl: Any = sys.modules.get("ssl")  # takes long to import, and is there if it was used
    if ssl is None or not isinstance(error, ssl.SSLError):
        return None
    verification = getattr(error, "verify_message", None)
    return str(verification or error.reason or "no handshake")
