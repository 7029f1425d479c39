"""Entries and counters on one Redis server."""

from cachectl.backends.redis.backend import RedisBackend

__all__ = ["RedisBackend"]
