"""One namespace in this process."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate, islice
from sys import getsizeof
from time import sleep
from typing import Final

from cachectl._backends.eviction.lrfu import Lrfu, State
from cachectl._backends.leases import Leases
from cachectl._backends.memory.eviction_index import MemoryEvictionIndex
from cachectl._backends.memory.expiries import Expiries
from cachectl._backends.memory.node import Node, entry_of, made, weight
from cachectl._backends.memory.sizes import empty, is_sparse
from cachectl._backends.memory.standing import Standing
from cachectl._backends.memory.tag_index import TagIndex
from cachectl._backends.planning import planned
from cachectl._model.batches import BATCH, batches
from cachectl._model.entry import Entry, Found
from cachectl._model.policy import Limits
from cachectl._model.records import (
    MOST_EXPIRED,
    CleanupRule,
    CleanupStep,
    Condition,
    EntryInfo,
    Item,
    Lease,
    Planned,
    Removed,
    RemovedEntry,
    Usage,
    Written,
)
from cachectl._model.turn import Turn
from cachectl.errors import BackendBusy

_EXPIRED_PER_WRITE: Final = 10
_LETTING_OTHERS: Final = 0.00005
"""Seconds between two steps of a removal: a lock that is taken again at once is had by none of those who
wait for it."""


class MemoryStore:
    """One namespace. Changes hold a lock. Lookups do not: they only move entries to the end, so
    all that iterates does so in one step of the interpreter.
    """

    def __init__(self) -> None:
        self.lock = Turn("the cache")
        self._nodes: OrderedDict[str, Node] = OrderedDict()
        self._expiries = Expiries(self._find)
        self._tags = TagIndex()
        self._bytes = 0
        self._memory = 0
        self._leases = Leases()
        self._index = MemoryEvictionIndex()
        self._eviction = "lru"
        self._order: Lrfu | None = None
        self._used: dict[str, None] = {}  # what `_order` is still to be told

    def get(self, key: str, now: float) -> Found | None:
        try:  # without the lock: each step is one of the interpreter, and safe at that
            node = self._nodes[key]
            self._nodes.move_to_end(key)
        except KeyError:
            return None
        node.used_at = now
        if self._order is not None:
            self._used.pop(key, None)
            self._used[node.key] = None
        return node

    def peek(self, key: str) -> Entry | None:
        node = self._nodes.get(key)
        return entry_of(node) if node else None

    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        stored = expired = 0
        leases = self._leases
        with self.lock:
            if limits.eviction != self._eviction:
                self._follow(limits.eviction)
            if self._used:
                self._apply_uses()
            for item in items:
                old = self._nodes.get(item.key)
                fresh = old is not None and old.expires_at > now
                if (condition or leases.held) and not leases.permit(
                    item.key, condition, fresh=fresh
                ):
                    continue
                expired += old is not None and not fresh
                self._replace(old, item, now)
                stored += 1
            if self._expiries.earliest <= now:
                expired += self._drop(self._expiries.take(now, _EXPIRED_PER_WRITE)).entries
            evicted = self._evict(limits, stored + BATCH)
            if self._order is not None:
                self._order.rebalance(stored)
        return Written(stored, expired, tuple(evicted))

    def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        with self.lock:
            return self._leases.take(key, tags, now)

    def release(self, lease: Lease) -> None:
        with self.lock:
            self._leases.give_back(lease)

    def totals(self) -> Usage:
        """Return what is held, without an estimate."""
        return Usage(len(self._nodes), self._bytes, None)

    def oldest(self, most: int) -> list[tuple[float, int]]:
        """Return last use and bytes of the entries that were used least recently, in that order; also
        where the clock was set back meanwhile.
        """
        nodes = list(islice(self._nodes.values(), most))
        uses = accumulate((node.used_at for node in nodes), max)
        return [(used_at, node.size) for used_at, node in zip(uses, nodes, strict=True)]

    def trim(self, most: int, used_until: float) -> CleanupStep:
        """Evict what was used least recently, not after that, and at most so many entries."""
        with self.lock:
            nodes = list(islice(self._nodes.values(), most))
            keys = [node.key for node in nodes if node.used_at <= used_until]
            return CleanupStep(evicted=self._drop(keys), evicted_keys=tuple(keys))

    def revoke_leases(self) -> None:
        """Revoke all leases: nothing is stored of the loads that have them."""
        with self.lock:
            self._leases.clear()

    def remove(self, keys: Iterable[str]) -> Removed:
        with self.lock:
            if self._leases.held:
                keys = list(keys)
                self._leases.revoke(keys)
            return (
                self._drop_one(*keys)
                if isinstance(keys, list) and len(keys) == 1
                else self._drop(keys)
            )

    def remove_expired(self, key: str, now: float) -> Removed:
        if not self.lock.attempt():  # a lookup waits for nobody: it is found again
            return Removed()
        try:
            node = self._nodes.get(key)
            return self._drop([key] if node and node.expires_at <= now else [])
        finally:
            self.lock.release()

    def remove_tagged(self, tag: str) -> Removed:
        with self.lock:
            self._leases.revoke_tagged(tag)
            return self._drop(self._tags.keys(tag))

    def clear(self) -> Removed:
        """Remove every entry: at once for all who look, and then from memory, while nobody waits."""
        nodes: OrderedDict[str, Node] = OrderedDict()
        expiries, tags, index = Expiries(self._find), TagIndex(), MemoryEvictionIndex()
        with self.lock:
            self._leases.clear()
            removed = Removed(len(self._nodes), self._bytes)
            gone, index_gone, expiries_gone = self._nodes, self._index, self._expiries
            # No call in between, so that nothing interrupts it. By `lru`, until a write says otherwise.
            self._nodes, self._expiries, self._tags, self._index = nodes, expiries, tags, index
            self._bytes = self._memory = 0
            self._order, self._eviction, self._used = None, "lru", {}
        empty(gone)
        index_gone.empty()
        expiries_gone.empty()
        return removed

    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        """Remove all that `rule` names; others wait for a few entries, not for all of them."""
        expired, idle = self._drop_expired(rule.now), self._drop_idle(rule.idle_before)
        removed, keys = idle.evicted, list(idle.evicted_keys)
        while True:
            with self.lock:
                before = self._bytes
                evicted = self._evict(rule.limits, BATCH)
                removed = removed.plus(Removed(len(evicted), before - self._bytes))
            keys += evicted
            if len(evicted) < BATCH:
                return CleanupStep(expired, removed, tuple(keys))
            sleep(_LETTING_OTHERS)

    def _drop_expired(self, now: float) -> Removed:
        total = Removed()
        while True:
            with self.lock:
                self._apply_uses()
                expired = self._drop(self._expiries.take(now, BATCH))
            if not expired.entries:
                return total
            total = total.plus(expired)
            sleep(_LETTING_OTHERS)

    def _drop_idle(self, before: float | None) -> CleanupStep:
        if before is None:
            return CleanupStep()
        total, dropped = Removed(), []
        idle = (node for node in list(self._nodes.values()) if node.used_at < before)
        for batch in batches(idle):
            with self.lock:  # unless it was used or replaced meanwhile
                nodes = [each for each in batch if self._nodes.get(each.key) is each]
                keys = [node.key for node in nodes if node.used_at < before]
                total = total.plus(self._drop(keys))
            dropped += keys
            sleep(_LETTING_OTHERS)
        return CleanupStep(evicted=total, evicted_keys=tuple(dropped))

    def plan(self, rule: CleanupRule) -> Iterator[Planned]:
        with self.lock:
            keys = list(self._nodes)
        return planned(partial(self._listed, keys), rule, partial(self._spared, rule))

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        with self.lock:
            held = self._standing()
            tagged = None if tag is None else frozenset(self._tags.keys(tag))
        keys = held.in_order(self._nodes.__contains__)
        yield from self._listed(keys if tagged is None else filter(tagged.__contains__, keys))

    def _spared(self, rule: CleanupRule) -> Iterator[EntryInfo]:
        """Yield what has neither expired nor is idle, in the order in which limits remove it."""
        with self.lock:
            held = self._standing()

        yield from self._listed(
            held.in_order(lambda key: any(rule.spares(info) for info in self._listed([key])))
        )

    def _listed(self, keys: Iterable[str]) -> Iterator[EntryInfo]:
        """Yield what is there under these keys."""
        for key in keys:
            node = self._nodes.get(key)
            if node:
                yield EntryInfo(key, entry_of(node), node.size, node.used_at)

    def _standing(self) -> Standing:
        keys = list(self._nodes)
        if self._order is None:
            return Standing(keys)
        return Standing(keys, self._index.ranks(keys), self._order.state.share)

    def flush(self) -> None:
        with self.lock:
            self._apply_uses()

    def turns(self) -> Iterator[Turn]:
        yield self.lock

    def before_fork(self) -> bool:
        return True

    def after_fork_in_child(self) -> None:
        """Go on: entries are the child's as well."""

    def usage(self) -> Usage:
        """Return what is held: also to a signal handler that interrupts a change of it."""
        with suppress(BackendBusy), self.lock:
            return self._usage()
        return self._usage()

    def expired_entries(self, now: float) -> int:
        """Return how many entries have expired; not more than `MOST_EXPIRED`."""
        with suppress(BackendBusy), self.lock:
            return self._expiries.count(now, MOST_EXPIRED)
        return self._expiries.count(now, MOST_EXPIRED)

    def _usage(self) -> Usage:
        indexes = self._expiries.memory + self._tags.memory + self._index.memory
        own = getsizeof(self._nodes) + getsizeof(self._used)
        return Usage(len(self._nodes), self._bytes, self._memory + own + indexes)

    def _find(self, key: str) -> Node | None:
        return self._nodes.get(key)

    def _follow(self, eviction: str) -> None:
        """Let entries go by this eviction from now on."""
        self._eviction = eviction
        self._index, self._order, self._used = MemoryEvictionIndex(), None, {}
        if eviction == "lrfu":
            self._order = Lrfu(self._index, State())
            self._order.adopt(list(self._nodes))

    def _apply_uses(self) -> None:
        if self._order is not None:
            used, self._used = self._used, {}
            for key in list(used):
                self._order.used(key)

    def _replace(self, old: Node | None, item: Item, now: float) -> None:
        """Put an entry in the place of the old one: those who look it up always find either."""
        tags = item.entry.tags
        key, had = (item.key, ()) if old is None else (old.key, old.tags)
        if had or tags:
            tags = self._tags.exchange(key, had, tags)
        node = made(key, item, tags, now)
        self._nodes[key] = node
        if old is not None:
            self._nodes.move_to_end(key)
            self._bytes -= old.size
            self._memory -= weight(old)
        self._expiries.enter(node, old)
        self._bytes += node.size
        self._memory += weight(node)
        if self._order is not None:
            self._order.written(key)

    def _drop(self, keys: Iterable[str]) -> Removed:
        entries = size = 0
        for key in keys:
            node = self._nodes.pop(key, None)
            if node is not None:
                entries += 1
                size += node.size
                self._forget(node)
        self._shrink()
        return Removed(entries, size)

    def _drop_one(self, key: str) -> Removed:
        node = self._nodes.get(key)
        dropped = self._drop([key])
        if node is None:
            return dropped
        removed = RemovedEntry(*dropped)
        removed.expires_at = node.expires_at
        return removed

    def _shrink(self) -> None:
        if is_sparse(self._nodes):
            self._nodes = self._nodes.copy()

    def _forget(self, node: Node) -> None:
        """Take a removed entry out of totals and indexes."""
        self._bytes -= node.size
        self._memory -= weight(node)
        if node.tags:
            self._tags.remove(node.key, node.tags)
        self._expiries.leave(node)
        if self._order is not None:
            self._order.removed(node.key)

    def _evict(self, limits: Limits, most: int) -> list[str]:
        """Remove what the eviction chooses while limits are exceeded, at most so many entries, and return
        their keys.
        """
        evicted: list[str] = []
        for _ in range(most):
            if not limits.exceeded(len(self._nodes), self._bytes):
                break
            victim = None if self._order is None else self._order.evict()
            node = self._nodes.pop(victim, None) if victim else self._nodes.popitem(last=False)[1]
            if node is not None:
                self._forget(node)
                evicted.append(node.key)
        if len(evicted) > 1:
            self._shrink()
        return evicted
