"""The Redis backend: one server, shared by all processes that know its URL."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

from cachectl._backends.base import BaseBackend
from cachectl._backends.redis.counters import RedisCounters
from cachectl._backends.redis.keyspace import Keyspace
from cachectl._backends.redis.lease import held
from cachectl._backends.redis.store import RedisStore
from cachectl._backends.redis.url import parse
from cachectl._model.policy import EVICTIONS
from cachectl._model.records import Usage

if TYPE_CHECKING:  # it imports redis-py
    from cachectl._backends.redis.client import Client

_SAMPLE: Final = 20
"""Entries of each namespace whose memory is measured."""


class RedisBackend(BaseBackend[RedisStore]):
    """Keeps everything below `prefix` and touches nothing else.

    `url` is described in `url.py`; the timeouts are seconds, for connecting and for each reply.
    Raises `ConfigError` if the URL or the prefix cannot be one.
    """

    name: ClassVar[str] = "redis"
    evictions: ClassVar[Collection[str]] = EVICTIONS

    def __init__(
        self,
        *,
        url: str,
        prefix: str = "cachectl",
        connect_timeout: float = 0.5,
        timeout: float = 1.0,
    ) -> None:
        super().__init__()
        self._address = parse(url)
        self._keys = Keyspace(prefix)
        self._timeouts = connect_timeout, timeout
        self._opened: Client | None = None

    def __repr__(self) -> str:
        return f"RedisBackend({self._address.masked!r})"

    @property
    def _client(self) -> "Client":
        """The connections, made when they are first used: redis-py takes long to import."""
        if self._opened is None:
            from cachectl._backends.redis.client import Client

            self._opened = Client(self._address, *self._timeouts)
        return self._opened

    @cached_property
    def counters(self) -> RedisCounters:
        return RedisCounters(self._keys, self._client)

    def make_store(self, namespace: str) -> RedisStore:
        return RedisStore(namespace, self._keys.base(namespace), self._keys.names, self._client)

    def usage(self) -> Mapping[str, Usage]:
        """`memory_bytes` is what the server says of the index, and of a sample of the values."""
        names = self._keys.namespaces(self._client)
        calls = [(self._keys.base(name), (_SAMPLE,)) for name in names]
        return {
            name: Usage(entries, size, None if beyond is None else size + beyond)
            for name, (entries, size, beyond) in zip(
                names, self._client.run_all("usage", calls), strict=True
            )
        }

    def check(self) -> None:
        self._client.command("PING")

    def lock(self, name: str) -> AbstractContextManager[None]:
        return held(self._client, self._keys.lock(name), name)

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._opened is not None:
                self._opened.close()
