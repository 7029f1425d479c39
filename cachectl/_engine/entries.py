"""Entries of one namespace: made of values to be written, and turned back into values."""

from collections.abc import Sequence
from time import perf_counter_ns

from cachectl._engine.freshness import expires_at
from cachectl._engine.hooks import Hooks
from cachectl._engine.weights import Weights
from cachectl._metrics.recorder import Recorder
from cachectl._model import codecs, envelope
from cachectl._model.arguments import shown
from cachectl._model.compression import NONE, ZSTD, compress, decompress
from cachectl._model.entry import Entry, Found
from cachectl._model.keys import check_label, check_tags
from cachectl._model.policy import Policy
from cachectl._model.records import Item
from cachectl._model.units import Amount, Duration, Money
from cachectl._model.write import Write
from cachectl.errors import DamagedEntry, UsageError


class Entries:
    """How values of one namespace are kept; `live` ones as they are, others encoded. What `hooks`
    dump is kept, and loaded for each who asks: also of live values, for those are shared.
    """

    def __init__(self, recorder: Recorder, policy: Policy, *, live: bool) -> None:
        self._recorder = recorder
        self._live = live
        self.hooks: Hooks = Hooks()
        self._weights = Weights()
        self.use(policy)

    def use(self, policy: Policy) -> None:
        """Follow `policy` from now on."""
        self._ttl = policy.ttl
        self._stored_key = policy.stored_key
        self._labels = policy.has_labels
        self._compressing = policy.compress == "zstd" and not self._live

    def build(
        self,
        key: str,
        value: object,
        now: float,
        *,
        ttl: Duration | None,
        tags: Sequence[str],
        cost: Money,
        load_us: int = 0,
        label: str = "",
    ) -> Item:
        """Return what to write. Raises `InvalidKey`, `UnsupportedValue` or `UsageError`.

        A live value is a copy: it must not change when the caller changes his.
        """
        key = self._stored_key(key)
        stored = self.hooks.dumped(value)
        compression, payload = NONE, b""
        if self._live:
            number, size = codecs.measure(stored)
            kept, memory = self._copied(number, stored, size)
        else:
            number, payload = codecs.encode(stored)
            if self._compressing:
                compression, payload = self._compressed(payload)
            kept, size = payload, len(payload)
            memory = size
        checked, amount = check_tags(tags), Amount.of(cost)
        if label:
            label = check_label(label) if self._labels else ""
        entry = Entry(
            kept,
            number,
            now,
            expires_at(ttl, self._ttl, now),
            amount.micros,
            min(load_us, envelope.LOAD_LIMIT_US) if load_us else 0,
            checked,
            envelope.size_with(checked, label, size),
            compression,
            amount.over,
            label,
        )
        if self._live:
            return Item(key, entry, b"", memory)
        head, rest = envelope.pack_apart(self._recorder.namespace, key, entry, payload)
        return Item(key, entry, head, memory, rest)

    def build_write(self, w: Write, now: float) -> Item:
        """Return what to write for one value of many, or of a load."""
        if not isinstance(w, Write):
            raise UsageError(f"what is written is a Write, not {shown(w)}")
        if type(w.load_us) is not int or w.load_us < 0:
            raise UsageError(f"not microseconds that something took: {shown(w.load_us)}")
        return self.build(
            w.key, w.value, now, ttl=w.ttl, tags=w.tags, cost=w.cost, load_us=w.load_us, label=w.label
        )  # fmt: skip

    def value(self, entry: Found) -> object:
        """Return the value of an entry, recording nothing. Raises `DamagedEntry`."""
        stored = entry.value if self._live else codecs.decode(entry.codec, _payload(entry))
        return self._loaded(stored)

    def decode(self, entry: Found) -> object:
        """Return the value of an entry that is not held as it is, for a hit.

        Raises `DamagedEntry`.
        """
        if self._live:
            return self._loaded(entry.value)
        if entry.compression:
            stored = self._decompressed(entry)
        else:
            stored = codecs.decode(entry.codec, memoryview(entry.value))  # type: ignore[arg-type]
        return stored if self.hooks.load is None else self._loaded(stored)

    def _decompressed(self, entry: Found) -> object:
        started = perf_counter_ns()
        payload = _payload(entry)
        self._recorder.record_decompression(perf_counter_ns() - started)
        return codecs.decode(entry.codec, payload)

    def _loaded(self, stored: object) -> object:
        try:
            return self.hooks.loaded(stored)
        except DamagedEntry as error:
            self._recorder.tell_once(f"{error}; such entries are taken for damaged")
            raise

    def _copied(self, number: int, value: object, size: int) -> tuple[object, int]:
        """Return a copy of a value of so many bytes once encoded, and the bytes that it occupies. To walk
        through each document would take as long as to check and to copy it.
        """
        codec = codecs.codec(number)
        copy = codec.copy(value)
        if number != codecs.JSON:
            return copy, codec.memory(copy)
        return copy, self._weights.weigh(copy, size, codec.memory)

    def _compressed(self, payload: bytes) -> tuple[int, bytes]:
        """Return how the payload is stored, and what: itself if compression does not pay. Either way
        it is recorded.
        """
        started = perf_counter_ns()
        compressed = compress(payload)
        stored = payload if compressed is None else compressed
        self._recorder.record_compression(perf_counter_ns() - started, len(payload), len(stored))
        return NONE if compressed is None else ZSTD, stored


def _payload(entry: Found) -> memoryview:
    """Return the encoded value of an entry that holds bytes. Raises `DamagedEntry`."""
    stored = entry.value
    assert isinstance(stored, memoryview | bytes)
    return memoryview(decompress(stored, codecs.VALUE_LIMIT) if entry.compression else stored)
