"""Waiting for a lock on a file, which the kernel releases with its holder."""

import fcntl
from typing import IO

from cachectl._backends.sqlite import Patience
from cachectl._model.deadline import SECONDS


def wait_for_lock(
    file: IO[bytes] | int, what: str, patience: Patience | None = None, how: int = fcntl.LOCK_EX
) -> None:
    """Lock a file, waiting for as long as a call may, or has patience. Raises `BackendBusy`, and `OSError`
    where there are no locks.
    """
    patience = patience or Patience(SECONDS)
    while True:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            patience.pause(what)
        else:
            return
