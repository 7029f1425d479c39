"""What the engine reports. Field names are those of the JSON that the commands print."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import hypot
from typing import Final

from cachectl._metrics.counters import MISSED, Counts
from cachectl._metrics.details import Details, Trend, ratio
from cachectl._metrics.windows import Window
from cachectl._model.policy import Limits, Policy
from cachectl._model.records import Removed, Usage
from cachectl._model.units import format_bytes, format_entries
from cachectl.errors import ErrorKind


@dataclass(frozen=True, slots=True)
class Status:
    """Which backend was asked for and which one works now.

    `status` is `ok`; `fallback_only` while nothing can be had of the configured backend, and the
    application works from memory; or `refusing` while it works and refuses some calls, as it did within
    the last minute. `since` (Unix seconds), `last_error` and its `kind` then say more.
    `details` are facts about the backend, `notes` what people should know of its figures.
    """

    configured_backend: str
    active_backend: str
    status: str
    fallback_entries: int
    since: float | None = None
    last_error: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    kind: ErrorKind | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """A process on this machine that uses the cache, of the same user, and what it is in: the fields of
    its `Status`. It is published about once a second, by caches for applications.
    """

    pid: int
    program: str
    status: str
    kind: ErrorKind | None
    since: float | None
    last_error: str | None
    fallback_entries: int


@dataclass(frozen=True, slots=True, repr=False)
class NamespaceStats:
    """One namespace, or the totals. Sizes are bytes, `ttl` and `saved_seconds` seconds,
    `saved_cost` dollars, `last_hit_at` Unix seconds; None is unknown or no limit.

    `hits`, `misses` and `shared`, those that waited for the load of another, are all lookups; the
    `hit_rate` is that of hits and misses. Loads that were asked for whatever is cached are misses.

    `expired_entries` are those of the `entries` that have expired and are not removed yet: at least so
    many, from 10,000 on. `expired` counts those that were removed.

    `policy_from` says who set the limits and the TTL, see `Cache.policy_from`.

    `uncertainty` is the part by which `entries`, `bytes` and `memory_bytes` may be wrong where they
    are estimated, because the backend drops entries by itself; 0 if they were counted.

    `compression_ratio` is the bytes of all values written where compression is on, also of those
    it did not pay for, over the bytes stored for them. `compress_seconds` were spent on writing
    them, `decompress_seconds` on hits.
    """

    entries: int
    max_entries: int | None
    bytes: int
    max_bytes: int | None
    memory_bytes: int | None
    ttl: float | None
    hits: int
    misses: int
    hit_rate: float | None
    sets: int
    evictions: int
    expired: int
    invalidated: int
    errors: int
    saved_cost: float
    saved_seconds: float
    last_hit_at: float | None
    compression_ratio: float | None
    compress_seconds: float
    decompress_seconds: float
    shared: int
    policy_from: str | None
    expired_entries: int | None
    uncertainty: float
    other: Mapping[str, float]
    """Counters that have no field of their own here, by the names of `counters.ROWS`."""

    @property
    def missed(self) -> Mapping[str, int]:
        """The misses by their reasons: absent, expired, evicted, invalidated, damaged, bypassed, error. They
        add up to `misses`.
        """
        return {reason: int(self.other[name]) for reason, name in MISSED.items()}

    def __repr__(self) -> str:
        rate = "none" if self.hit_rate is None else f"{self.hit_rate:.1%}"
        held = f"{format_entries(self.entries)}, {format_bytes(self.bytes)}"
        return f"<NamespaceStats: {held}, {self.hits:,} hits, {self.misses:,} misses, rate {rate}>"

    @classmethod
    def of(
        cls, usage: Usage, counts: Counts, policy: Policy, policy_from: str | None
    ) -> "NamespaceStats":
        """Return the figures of a namespace with this policy."""
        figures = counts.figures()
        counted = {name: figures.pop(name) for name in _COUNTED if name in figures}
        return cls(
            entries=usage.entries,
            max_entries=policy.max_entries,
            bytes=usage.bytes,
            max_bytes=policy.max_bytes,
            memory_bytes=usage.memory_bytes,
            ttl=policy.ttl,
            hit_rate=ratio(counts.hits, counts.hits + counts.misses),
            last_hit_at=counts.last_hit_us / 1e6 if counts.last_hit_us else None,
            compression_ratio=ratio(counts.compressed_from, counts.compressed_to),
            policy_from=policy_from,
            expired_entries=usage.expired_entries,
            uncertainty=usage.uncertainty,
            other=figures,
            **counted,  # type: ignore[arg-type]
        )

    @classmethod
    def total(
        cls, usages: Iterable[Usage], counted: Iterable[Counts], limits: Limits
    ) -> "NamespaceStats":
        """Return the figures of several namespaces together, which have these limits."""
        usages = list(usages)
        total = Counts()
        for counts in counted:
            total = total.plus(counts)
        held = Usage(
            sum(usage.entries for usage in usages),
            sum(usage.bytes for usage in usages),
            _sum(usage.memory_bytes for usage in usages),
            _sum(usage.expired_entries for usage in usages),
            _uncertainty(usages),
        )
        policy = Policy(ttl=None, max_entries=limits.max_entries, max_bytes=limits.max_bytes)
        return cls.of(held, total, policy, None)


_COUNTED: Final = frozenset(field.name for field in fields(NamespaceStats))


def _uncertainty(usages: Iterable[Usage]) -> float:
    """Return that of a sum: what may be wrong with its parts has nothing to do with each other."""
    entries = sum(usage.entries for usage in usages)
    return (
        hypot(*(usage.uncertainty * usage.entries for usage in usages)) / entries
        if entries
        else 0.0
    )


def _sum(figures: Iterable[int | None]) -> int | None:
    """Return the sum of figures, if all are known."""
    known = list(figures)
    return None if None in known else sum(figure or 0 for figure in known)


@dataclass(frozen=True, slots=True, repr=False)
class Stats:
    """The figures of a cache at `generated_at` (Unix seconds), counted within `window`: by
    namespace, and in total. `unknown` are those of the namespaces that nobody has used or configured,
    `applications` what uses the cache on this machine.

    Who asked for parts of the window finds them in `trends`, by namespace, and those of all in `trend`;
    and in `all_time` the figures since counting began. `details` are those of each namespace, for who
    asked for them.
    """

    generated_at: float
    backend: Status
    window: Window
    totals: NamespaceStats
    namespaces: Mapping[str, NamespaceStats]
    unknown: Sequence[str] = ()
    applications: Sequence[Application] = ()
    trends: Mapping[str, Trend] = field(default_factory=dict)
    trend: Trend | None = None
    all_time: "Stats | None" = None
    details: Mapping[str, Details] = field(default_factory=dict)

    def __repr__(self) -> str:
        names = ", ".join(self.namespaces) or "no namespace"
        return f"<Stats of {names}: {self.totals!r}>"

    @classmethod
    def of(
        cls,
        names: Iterable[str],
        usage: Mapping[str, Usage],
        counts: Mapping[str, Counts],
        policy: Callable[[str], tuple[Policy, str]],
        window: Window,
        status: Status,
        unknown: Sequence[str],
        limits: Limits,
    ) -> "Stats":
        """Return the figures of these namespaces, out of what was read of any. `policy` returns that of
        a namespace, and who set it; `limits` are those of all together.
        """
        held = {name: usage.get(name, Usage(expired_entries=0)) for name in names}
        counted = {name: counts.get(name, Counts()) for name in held}
        return cls(
            generated_at=window.end,
            backend=status,
            window=window,
            totals=NamespaceStats.total(held.values(), counted.values(), limits),
            namespaces={
                name: NamespaceStats.of(held[name], counted[name], *policy(name)) for name in held
            },
            unknown=unknown,
        )


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """What a cleanup removed from each namespace, or would have removed.

    `finished` is False if the deadline came with work left.
    """

    expired: Mapping[str, Removed]
    evicted: Mapping[str, Removed]
    finished: bool

    def removed(self) -> Removed:
        """Return the sum."""
        return Removed.total((*self.expired.values(), *self.evicted.values()))
