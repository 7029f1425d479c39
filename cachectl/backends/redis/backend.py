"""The Redis backend: one server, shared by all processes that know its URL."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Final

from cachectl.backends import Usage
from cachectl.backends.redis.counters import RedisCounters
from cachectl.backends.redis.keyspace import Keyspace
from cachectl.backends.redis.lock import held
from cachectl.backends.redis.store import RedisStore
from cachectl.backends.redis.url import parse

if TYPE_CHECKING:  # it imports redis-py
    from cachectl.backends.redis.client import Client

_SAMPLE: Final = 20
"""Entries of each namespace whose memory is measured."""


class RedisBackend:
    """Keeps everything below `prefix` and touches nothing else.

    `url` is described in `url.py`; the timeouts are seconds, for connecting and for each reply.
    Raises `ConfigError` if the URL or the prefix cannot be one.
    """

    name: ClassVar[str] = "redis"
    live: ClassVar[bool] = False

    def __init__(
        self,
        *,
        url: str,
        prefix: str = "cachectl",
        connect_timeout: float = 0.5,
        timeout: float = 1.0,
    ) -> None:
        self._target = parse(url)
        self._keys = Keyspace(prefix)
        self._timeouts = connect_timeout, timeout
        self._stores: dict[str, RedisStore] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"RedisBackend({self._target.masked!r})"

    @cached_property
    def _client(self) -> "Client":
        from cachectl.backends.redis.client import Client

        return Client(self._target, *self._timeouts)

    @cached_property
    def counters(self) -> RedisCounters:
        return RedisCounters(self._keys, self._client)

    def store(self, namespace: str) -> RedisStore:
        with self._lock:
            if namespace not in self._stores:
                self._stores[namespace] = RedisStore(
                    namespace,
                    self._keys.base(namespace),
                    self._keys.names,
                    self._client,
                )
            return self._stores[namespace]

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

    def compact(self) -> None:
        """Nothing is left to do: the server frees what is removed by itself."""

    def before_fork(self) -> None:
        """Nothing is shared: a connection is used by the process that made it alone."""

    def after_fork_in_parent(self) -> None:
        """Nothing was held."""

    def after_fork_in_child(self) -> None:
        self._lock = Lock()

    def close(self) -> None:
        try:
            for store in list(self._stores.values()):
                store.flush()
        finally:
            if "_client" in vars(self):
                self._client.close()
