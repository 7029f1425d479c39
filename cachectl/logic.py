"""What the engine decides, without doing any I/O.

Every operation on a namespace is a question to its store between a preparation and a
settlement, and both are here: what is written, what counts as a hit, what is counted. The
synchronous `Namespace` only adds the calls to the store; an asynchronous one adds the same
calls with `await`.
"""

import logging
from collections.abc import Mapping, Sequence
from time import perf_counter_ns
from typing import Final

from cachectl import codecs, envelope
from cachectl.backends import Item, Removed, Swept, Written
from cachectl.compression import NONE, ZSTD, compress, decompress
from cachectl.counters import Tally
from cachectl.entry import NEVER, Entry
from cachectl.errors import BackendError, CacheError
from cachectl.keys import check_key, check_tags, feature_key
from cachectl.policy import Policy
from cachectl.units import Duration, Money, micro_dollars, parse_duration

log: Final = logging.getLogger("cachectl")


class NamespaceLogic:
    """The decisions for one namespace: its policy, its counting, its form of entries."""

    def __init__(self, name: str, policy: Policy, tally: Tally, *, live: bool) -> None:
        self.name = name
        self.tally = tally
        self._live = live
        self.use(policy)
        self._last_trouble = ""
        self._traced = log.isEnabledFor(logging.DEBUG)  # asked once: it would be 10 % of a hit

    def use(self, policy: Policy) -> None:
        """Follow `policy` from now on."""
        self.policy = policy
        self.limits = policy.limits
        self._counting = policy.metrics
        self._compressing = policy.compress == "zstd" and not self._live

    def key(self, features: object, extra: Mapping[str, object]) -> str:
        return feature_key(features, extra, self.policy.key_decimals)

    def item(
        self,
        key: str,
        value: object,
        now: float,
        *,
        ttl: Duration | None,
        tags: Sequence[str],
        cost: Money,
        load_us: int = 0,
    ) -> Item:
        """Return what to write. Raises `InvalidKey`, `UnsupportedValue` or `UsageError`."""
        check_key(key)
        number, payload = codecs.encode(value)
        compressed = self._compressed(payload) if self._compressing else None
        if compressed is not None:
            payload = compressed
        seconds = self.policy.ttl if ttl is None else parse_duration(ttl)
        expires_at = NEVER if seconds is None else now + seconds
        checked = check_tags(tags)
        entry = Entry(
            payload,
            number,
            now,
            expires_at,
            micro_dollars(cost),
            min(load_us, envelope.LOAD_LIMIT_US),
            checked,
            envelope.size_with(checked, payload),
            NONE if compressed is None else ZSTD,
        )
        if self._live:
            # What is kept must not change when the caller changes what he passed.
            codec = codecs.codec(number)
            snapshot = codec.copy(memoryview(payload))
            return Item(key, entry._replace(value=snapshot), b"", codec.memory(snapshot))
        return Item(key, entry, envelope.pack(self.name, key, entry, payload), len(payload))

    def value(self, entry: Entry) -> object:
        """Return the value of an entry, counting nothing. Raises `DamagedEntry`."""
        return entry.value if self._live else codecs.decode(entry.codec, _payload(entry))

    def _compressed(self, payload: bytes) -> bytes | None:
        """Return the payload compressed, or None if that does not pay; either way it counts."""
        started = perf_counter_ns()
        compressed = compress(payload)
        if self._counting:
            mine = self.tally.mine()
            mine.compress_ns += perf_counter_ns() - started
            mine.compressed_from += len(payload)
            mine.compressed_to += len(payload if compressed is None else compressed)
        return compressed

    def _decompressed(self, entry: Entry) -> object:
        """Return the value of a compressed entry and count the time that decompressing took."""
        started = perf_counter_ns()
        payload = _payload(entry)
        if self._counting:
            self.tally.mine().decompress_ns += perf_counter_ns() - started
        return codecs.decode(entry.codec, payload)

    def hit(self, entry: Entry, now: float) -> object:
        """Return the value of a fresh entry and count a hit. Raises `DamagedEntry`."""
        if self._live:
            value = entry.value
        elif entry.compression:
            value = self._decompressed(entry)
        else:
            value = codecs.decode(entry.codec, memoryview(entry.value))  # type: ignore[arg-type]
        if self._counting:
            try:
                mine = self.tally.local.counts
            except AttributeError:
                mine = self.tally.mine()
            mine.hits += 1
            mine.last_hit_at = now
            if entry.cost:
                mine.saved_cost += entry.cost
            if entry.load_us:
                mine.saved_us += entry.load_us
        if self._traced:
            log.debug("get %s: hit", self.name)
        return value

    def missed(self) -> None:
        """Count a miss."""
        if self._counting:
            self.tally.mine().misses += 1
        if self._traced:
            log.debug("get %s: miss", self.name)

    def failed(self, error: CacheError) -> None:
        """Count a lookup that the backend could not answer: a miss and an error."""
        self.spared(error)
        self.missed()

    def spared(self, error: CacheError) -> None:
        """Count and log an error that is not passed on to the caller.

        The backend's are warnings, but the same one is that only once, not once a lookup.
        """
        text = str(error)
        news = isinstance(error, BackendError) and text != self._last_trouble
        log.log(logging.WARNING if news else logging.DEBUG, "namespace %s: %s", self.name, text)
        self._last_trouble = text
        if self._counting:
            self.tally.mine().errors += 1

    def wrote(self, written: Written) -> None:
        """Count a write, and what it removed."""
        if self._counting:
            mine = self.tally.mine()
            mine.sets += written.stored
            mine.expired += written.expired
            mine.evictions += written.evicted
        if self._traced:
            log.debug("set %s: %d stored, %d evicted", self.name, written.stored, written.evicted)

    def invalidated(self, removed: Removed) -> None:
        """Count what someone removed."""
        if self._counting and removed.entries:
            self.tally.mine().invalidated += removed.entries

    def swept(self, swept: Swept) -> None:
        """Count what a sweep removed."""
        if self._counting:
            mine = self.tally.mine()
            mine.expired += swept.expired.entries
            mine.evictions += swept.evicted.entries


def _payload(entry: Entry) -> memoryview:
    """Return the encoded value of an entry that holds bytes. Raises `DamagedEntry`."""
    stored = entry.value
    assert isinstance(stored, memoryview | bytes)
    return memoryview(decompress(stored, codecs.VALUE_LIMIT) if entry.compression else stored)
