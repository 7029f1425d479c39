"""What becomes of a Redis while it is in use."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random

import redis

from tests.soak.ground.truth import Truth
from tests.support.network import Proxy, proxied
from tests.support.servers import Server, free_port, redis_server


class Redis:
    """A server, and what disturbs it; one of the processes reaches it late and in pieces."""

    def __init__(self, port: int, truth: Truth, chance: Random, stack: ExitStack) -> None:
        self._port = port
        self._truth = truth
        self._chance = chance
        self._running = ExitStack()
        self._nobody = free_port()
        self._server = self._start()
        self._proxy = Proxy(self._server, seed=chance.randrange(1000), late=0.02, seconds=0.2)
        direct, slow = self._server.url, stack.enter_context(proxied(self._proxy))
        self.settings: list[dict[str, object]] = [
            {"backend": "redis", "redis.url": url} for url in (direct, direct, slow)
        ]
        self.calm: list[Callable[[], None]] = [
            self.stop, self.be_full, self.delete_values, self.be_replica, self.hang_up,
        ]  # fmt: skip
        self.rough: list[Callable[[], None]] = [
            *self.calm, self.restart, self.evict, self.delete_any, self.flush,
        ]  # fmt: skip

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, truth: Truth, chance: Random) -> Iterator["Redis"]:
        with ExitStack() as stack:
            ground = cls(free_port(), truth, chance, stack)
            yield ground
            ground._running.close()

    def stop(self) -> None:
        """Let it not answer for a while."""
        self._server.process.send_signal(signal.SIGSTOP)
        self._last()
        self._server.process.send_signal(signal.SIGCONT)

    def be_full(self) -> None:
        """Let it refuse whatever takes memory."""
        self._with_policy("noeviction", 1.0)

    def evict(self) -> None:
        """Let it drop what it chooses."""
        policies = ("allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl")
        self._with_policy(self._chance.choice(policies), 0.8)

    def delete_values(self) -> None:
        with self._client() as client:
            keys = [key for key in client.scan_iter(count=1000) if b"}:e:" in key]
            client.delete(*self._chance.sample(keys, min(10, len(keys))), "none")

    def delete_any(self) -> None:
        """Delete a key of ours, which may be a part of the index."""
        with self._client() as client:
            keys = [key for key in client.scan_iter(count=1000) if b"}:e:" not in key]
            client.delete(self._chance.choice([*keys, b"none"]))

    def be_replica(self) -> None:
        """Turn it into the replica of nobody, and back."""
        with self._client() as client:
            client.replicaof("127.0.0.1", self._nobody)
            self._last()
            client.replicaof("NO", "ONE")

    def hang_up(self) -> None:
        with self._client() as client:
            client.execute_command("CLIENT KILL TYPE normal")

    def flush(self) -> None:
        with self._client() as client:
            client.flushall()

    def restart(self) -> None:
        """Begin again with nothing."""
        self._running.close()
        self._last()
        self._server = self._start()
        self._proxy.lead_to(self._server)

    def _start(self) -> Server:
        self._running = ExitStack()
        return self._running.enter_context(redis_server(port=self._port))

    def _with_policy(self, policy: str, share: float) -> None:
        with self._client() as client, suppress(redis.ResponseError):
            used = client.info("memory")["used_memory"]
            client.config_set("maxmemory-policy", policy)
            client.config_set("maxmemory", int(used * share))
            self._last()
            client.config_set("maxmemory", 0)
            client.config_set("maxmemory-policy", "noeviction")

    def _client(self) -> redis.Redis:
        return self._server.client()

    def _last(self) -> None:
        time.sleep(self._chance.uniform(0.3, 3))
