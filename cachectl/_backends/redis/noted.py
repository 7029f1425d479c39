"""The uses of many namespaces on their way to Redis: together, in few round trips."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Final, NamedTuple

from cachectl._backends.redis.arguments import Uses, use_arguments
from cachectl._backends.redis.client import Call, Client
from cachectl._backends.redis.shared import Shared
from cachectl._model.batches import BATCH, batches
from cachectl.errors import BackendBusy, BackendUnavailable, CacheError

_CALL: Final = 10
"""Uses that take a server as long as it takes to begin a script."""
_MOST: Final = BATCH + _CALL
"""Uses that are sent in one go, and the beginning of one script: other threads wait while they are packed, and
other clients while their scripts run.
"""


class _Part(NamedTuple):
    """Some uses of one namespace, which one script writes."""

    shared: Shared
    uses: Uses

    @property
    def call(self) -> Call:
        return self.shared.base, tuple(use_arguments(self.uses))


async def write(client: Client, namespaces: Iterable[Shared]) -> None:
    """Write what was noted of each; one that refuses it does not stop the others. Raises `BackendError`;
    what may not be written stays noted.
    """
    waiting: list[_Part] = []
    refused: CacheError | None = None
    try:
        for shared in namespaces:
            waiting += _parts(shared)
        while waiting:
            refused = await _write_some(client, waiting) or refused
    finally:
        _requeue(waiting)
    if refused is not None:
        raise refused


def _parts(shared: Shared) -> list[_Part]:
    log = shared.access_log
    return [_Part(shared, uses) for uses in batches(log.drain())] if len(log) else []


async def _write_some(client: Client, waiting: list[_Part]) -> CacheError | None:
    """Write the first of what waits, and return an error of a namespace that refused it. Raises those that
    others would meet as well.
    """
    sent = _first(waiting)
    errors = await client.attempt_all("touch", [part.call for part in sent])
    del waiting[: len(sent)]
    failed = [(part, error) for part, error in zip(sent, errors, strict=True) if error is not None]
    _requeue(part for part, _ in failed)
    for _, error in failed:
        if isinstance(error, BackendBusy | BackendUnavailable):
            raise error
    return failed[0][1] if failed else None


def _first(waiting: Sequence[_Part]) -> Sequence[_Part]:
    """Return as many as are sent in one go."""
    sums = accumulate(_CALL + len(part.uses) for part in waiting)
    return waiting[: sum(1 for _ in takewhile(_MOST.__ge__, sums))]


def _requeue(parts: Iterable[_Part]) -> None:
    for part in parts:
        part.shared.access_log.requeue(part.uses)
