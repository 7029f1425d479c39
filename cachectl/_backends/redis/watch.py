"""Whether the address still leads where it did: to the same server, which takes writes.

Connections stay with the server that they were made to, whatever becomes of it: a master that is
demoted answers reads on. So now and then it is looked where a new connection leads.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from cachectl._backends.redis.client import ThreadClient
from cachectl._backends.redis.errors import Translation
from cachectl._backends.redis.keyspace import Keyspace
from cachectl._backends.redis.shapes import number
from cachectl._backends.redis.sighting import Sighting, commands, seen
from cachectl._backends.redis.transport.server import Server
from cachectl._model.coroutines import run
from cachectl.errors import BackendUnavailable, ErrorKind

_EVERY: Final = 1.9
"""Seconds between two looks."""
_TELLING: Final[frozenset[ErrorKind]] = frozenset({"failover", "loading"})
"""Kinds of errors that a server gives itself; whether it can be reached, lookups find out."""
_REMEMBERED: Final = 16
"""Generations of each namespace that are remembered."""

log: Final = logging.getLogger("cachectl")


class Watch:
    """Looks at the server of one backend. `newest` returns the generations that writes were told of."""

    def __init__(
        self,
        server: Server,
        client: ThreadClient,
        translated: Translation,
        keys: Keyspace,
        newest: Callable[[], Mapping[str, str]],
    ) -> None:
        self._server = server
        self._client = client
        self._translated = translated
        self._keys = keys
        self._newest = newest
        self._looked_at = float("-inf")
        self._last: Sighting | None = None
        self._known: defaultdict[str, deque[bytes]] = defaultdict(
            partial(deque, maxlen=_REMEMBERED)
        )
        self._forbidden: frozenset[int] = frozenset()
        self._was_writable = False
        self.moved_at: float | None = None
        """When it was last seen that another server answers (Unix seconds)."""

    def look_now_and_then(self) -> bool:
        """Look, unless that was just done. Raises `BackendUnavailable` if the server says that it is
        not the one to talk to.
        """
        if time.monotonic() - self._looked_at < _EVERY:
            return False
        try:
            return self.look()
        except BackendUnavailable as error:
            if error.kind in _TELLING:
                self._server.leave()
                raise
            return False

    def look(self) -> bool:
        """Look, begin anew with a server that is another, and return whether it is. Raises
        `BackendUnavailable`.
        """
        self._looked_at = time.monotonic()
        newest = self._newest()
        asked = commands(
            f"{self._keys.prefix}:unused",
            [self._keys.generation(name) for name in newest],
            self._forbidden,
        )
        found, before = self._client.ask_apart(asked, seen), self._last
        if found.refusal is not None and (self._was_writable or newest):  # something was written
            raise BackendUnavailable(str(self._translated(found.refusal)), "failover")
        is_another = before is not None and found.identity != before.identity
        self._last = found
        self._forbidden |= found.forbidden
        if before is not None and is_another:
            self._move(newest, found, before)
        elif before is None:
            self._server.leave()  # or connections may be older than what is known
        is_writable = found.refusal is None
        changed = is_another or is_writable is not self._was_writable
        self._was_writable = is_writable
        for name, generation in zip(newest, found.generations, strict=True):
            self._remember(name, generation)
        return changed

    def _move(self, newest: Mapping[str, str], found: Sighting, before: Sighting) -> None:
        self.moved_at = time.time()
        self._server.leave()
        ended = [] if found.continues(before) else self._end_copies(newest, found)
        what = f"; what it has of {', '.join(ended)} is old, and not served" if ended else ""
        log.warning("another Redis answers at %s, connections are made anew%s", self._url, what)

    def _end_copies(self, newest: Mapping[str, str], found: Sighting) -> list[str]:
        """End the generations that this process knew already: what was removed since they were copied
        would be back. Return whose.
        """
        ended: list[str] = []
        for (name, told), generation in zip(newest.items(), found.generations, strict=True):
            known = {*self._known[name], told.encode()}
            if generation in known:
                base = self._keys.base(name)
                if run(self._client.run(number, "end_generation", base, *known)):
                    ended.append(name)
        return ended

    def _remember(self, name: str, generation: bytes | None) -> None:
        if generation is not None and generation not in self._known[name]:
            self._known[name].append(generation)

    @property
    def _url(self) -> str:
        return self._translated.url
