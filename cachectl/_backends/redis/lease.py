"""A lock that all processes share: a lease, renewed for as long as its holder lives."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final

from cachectl._backends import holder
from cachectl._backends.redis.client import Client
from cachectl._backends.redis.shapes import is_done, number, string
from cachectl._model.coroutines import run
from cachectl.errors import BackendBusy, BackendError

_LEASE_MS: Final = 30_000
_RENEW_SECONDS: Final = 10.0

_log = logging.getLogger("cachectl.redis")


@contextmanager
def held(client: Client, key: str, name: str, where: str) -> Iterator[None]:
    """Hold the lock of the cache that is `where`. Raises `BackendBusy`, which says who does, if another
    does.

    Should the holder die or lose its connection, the lock is free after 30 seconds.
    """
    token = f"{holder.signed()} {secrets.token_hex(16)}"
    if not run(client.run(is_done, "lock", key, token, _LEASE_MS)):
        left = run(client.command(string, "GET", key))
        raise BackendBusy(f"{where}: {holder.said(name, left)}")
    done = Event()
    renewer = Thread(target=_renew, args=(client, key, token, done), daemon=True)
    renewer.start()
    try:
        yield
    finally:
        done.set()
        renewer.join()
        with suppress(BackendError):  # it ends by itself
            run(client.run(number, "lease", key, token, 0))


def _renew(client: Client, key: str, token: str, done: Event) -> None:
    while not done.wait(_RENEW_SECONDS):
        try:
            if not run(client.run(number, "lease", key, token, _LEASE_MS)):
                _log.warning("a lock was lost: its lease ended before it was renewed")
                return
        except BackendError as error:
            _log.debug("a lock could not be renewed (%s)", type(error).__name__)
