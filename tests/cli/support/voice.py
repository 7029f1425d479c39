"""A cache that has been at work for 53 days, as its figures were read one night: what screens are made of."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cachectl._admin.findings import DAY, findings_of
from cachectl._admin.overview import Overview
from cachectl._metrics.counters import MISSED
from cachectl._metrics.details import Details, Latency, MissedKey, Trend, TrendPart
from cachectl._metrics.reports import NamespaceStats, Stats, Status
from cachectl._metrics.windows import Window

NOW: Final = 1_795_576_320.0  # 25 Nov 2026 03:12 UTC
BEGAN: Final = NOW - 53 * DAY

_NOTHING: Final = NamespaceStats(
    entries=0, max_entries=None, bytes=0, max_bytes=None, memory_bytes=0, ttl=3600, hits=0, misses=0,
    hit_rate=None, sets=0, evictions=0, expired=0, invalidated=0, errors=0, saved_cost=0,
    saved_seconds=0, last_hit_at=None, compression_ratio=None, compress_seconds=0,
    decompress_seconds=0, shared=0, policy_from="configuration", expired_entries=0, uncertainty=0,
    other=dict.fromkeys(MISSED.values(), 0),
)  # fmt: skip


def figures(
    lookups: int = 0,
    misses: int = 0,
    hit_ago: float | None = None,
    missed: Mapping[str, int] | None = None,
    **more: object,
) -> NamespaceStats:
    """Return figures of a namespace, with the rate that follows from them. What is not in `missed` was
    never stored.
    """
    why = {"absent": misses - sum((missed or {}).values()), **(missed or {})}
    return replace(
        _NOTHING,
        hits=lookups - misses,
        misses=misses,
        hit_rate=(lookups - misses) / lookups if lookups else None,
        last_hit_at=None if hit_ago is None else NOW - hit_ago,
        other={**_NOTHING.other, **{MISSED[reason]: count for reason, count in why.items()}},
        **more,  # type: ignore[arg-type]
    )


KiB, MiB, GiB = 2.0**10, 2.0**20, 2.0**30


def _held(
    entries: int, size: float, ttl: float | None, most: int | None = None, **more: object
) -> dict[str, object]:
    return {
        "entries": entries, "bytes": round(size), "memory_bytes": round(size * 1.25), "ttl": ttl,
        "max_entries": most, **more,
    }  # fmt: skip


_HELD: Final[Mapping[str, dict[str, object]]] = {
    "agent-config": _held(40, 3.02 * KiB, 60),
    "ai": _held(1_204_318, 1.42 * GiB, 21 * DAY, 2_000_000, max_bytes=round(4 * GiB)),
    "documents-of-customers": _held(60, 681 * KiB, None),
    "embeddings": _held(900, 954 * KiB, 30 * DAY, 7_500),
    "enso": _held(100, 14.3 * MiB, 30 * DAY, 100),
    "parchment": _held(37, 212 * KiB, 3600, 50),
    "prompts": _held(11, 847, 600),
    "rag": _held(420, 97 * KiB, 300, 500),
    "sessions": _held(312, 24.3 * KiB, 3600),
    "tts": _held(100, 298 * KiB, 3600, 100),
}
_ALL_TIME: Final[Mapping[str, dict[str, object]]] = {
    "agent-config": {"lookups": 106_917_001, "misses": 3_052_800, "hit_ago": 0.2, "expired": 3_052_760,
                     "sets": 3_052_800, "saved_seconds": 723_600.0},
    "ai": {"lookups": 24_224_816, "misses": 3_318_702, "hit_ago": 1, "expired": 2_047_210,
           "sets": 3_318_702, "saved_cost": 104_530.57, "saved_seconds": 151 * DAY},
    "documents-of-customers": {"sets": 60},
    "embeddings": {"lookups": 275_645, "misses": 77_441, "hit_ago": 240, "expired": 21_604,
                   "sets": 77_441, "saved_seconds": 162_000.0},
    "enso": {"lookups": 21_000, "misses": 3_780, "hit_ago": 130, "evictions": 3_311, "expired": 369,
             "sets": 3_780, "saved_cost": 688.8, "saved_seconds": 144_000.0},
    "parchment": {"lookups": 66_790, "misses": 8_683, "hit_ago": 61, "expired": 8_410,
                  "sets": 8_683, "errors": 12, "saved_seconds": 20_280.0},
    "prompts": {"lookups": 1_048_764, "misses": 83_952, "hit_ago": 0.2, "expired": 83_940,
                "sets": 83_952, "saved_seconds": 11_520.0},
    "rag": {"lookups": 2_187_452, "misses": 2_187_440, "hit_ago": 47_000, "expired": 2_187_020,
            "sets": 2_187_440, "saved_cost": 0.00003, "saved_seconds": 4.92},
    "sessions": {"lookups": 1_324_120, "misses": 125_790, "hit_ago": 0.2, "expired": 125_470,
                 "sets": 125_790, "saved_seconds": 212_400.0},
    "tts": {"lookups": 539_027, "misses": 136_910, "hit_ago": 3, "evictions": 112_406,
            "expired": 24_404, "sets": 136_910, "saved_cost": 193.02, "saved_seconds": 439_200.0},
}  # fmt: skip
_LAST_DAY: Final[Mapping[str, dict[str, object]]] = {
    "agent-config": {"lookups": 2_058_840, "misses": 57_600, "hit_ago": 0.2, "expired": 57_560,
                     "sets": 57_600, "saved_seconds": 13_980.0},
    "ai": {"lookups": 481_656, "misses": 68_750, "hit_ago": 1, "expired": 66_102, "invalidated": 404,
           "sets": 68_720, "saved_cost": 2_064.53, "saved_seconds": 258_066.25,
           "missed": {"expired": 9_412, "invalidated": 404, "bypassed": 30}},
    "documents-of-customers": {},
    "embeddings": {"lookups": 5_900, "misses": 1_521, "hit_ago": 240, "sets": 1_521,
                   "saved_seconds": 3_590.0},
    "enso": {"lookups": 400, "misses": 77, "hit_ago": 130, "evictions": 61, "expired": 16, "sets": 77,
             "saved_cost": 12.92, "saved_seconds": 2_713.0},
    "parchment": {"lookups": 1_256, "misses": 212, "hit_ago": 61, "expired": 160, "sets": 212,
                  "errors": 12, "saved_seconds": 365.0, "missed": {"damaged": 12}},
    "prompts": {"lookups": 19_788, "misses": 1_584, "hit_ago": 0.2, "expired": 1_573, "sets": 1_584,
                "saved_seconds": 218.0},
    "rag": {"lookups": 41_905, "misses": 41_904, "hit_ago": 47_000, "expired": 41_484, "sets": 41_904,
            "saved_cost": 0.000003, "saved_seconds": 0.41},
    "sessions": {"lookups": 25_000, "misses": 2_273, "hit_ago": 0.2, "expired": 1_961, "sets": 2_273,
                 "saved_seconds": 4_090.86},
    "tts": {"lookups": 12_400, "misses": 5_820, "hit_ago": 3, "evictions": 5_608, "expired": 212,
            "sets": 5_820, "saved_cost": 3.1584, "saved_seconds": 7_238.0,
            "missed": {"evicted": 5_140}},
}  # fmt: skip

_MISSED_BY_HOUR: Final = {
    "agent-config": "000000000000000000000000",
    "ai": "101110111011101110111101",
    "documents-of-customers": "........................",
    "embeddings": "212...111111111111111111",
    "enso": "..110111.111111111111...",
    "parchment": "111111111111111111111111",
    "prompts": "000000000000000000000000",
    "rag": "666666666666666666666666",
    "sessions": "000000000000000000000000",
    "tts": "111111111111112222333444",
}
"""How many sevenths of the lookups of an hour missed, and a little more; a dot is an hour without any."""
_LOOKUPS_BY_HOUR: Final = (1, 1, 1, 2, 2, 3, 5, 6, 7, 7, 7, 7, 6, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1)


def _trend(sevenths: str) -> Trend:
    parts = []
    for seventh, hundreds in zip(sevenths, _LOOKUPS_BY_HOUR, strict=True):
        lookups = 0 if seventh == "." else hundreds * 700
        misses = 0 if seventh == "." else int(seventh) * hundreds * 100 + hundreds * 30
        parts.append(TrendPart(lookups - misses, misses, 0))
    return Trend(NOW - DAY - 720, 3600, parts, BEGAN)


_NOTED: Final = Details(
    since=NOW - DAY - 720,
    latency={
        "hit": Latency(38e-6, 210e-6, 4_129),
        "miss": Latency(None, None, 0),
        "load": Latency(0.612, 2.31, 68_720),
    },
    top_misses=[
        MissedKey("9c1b04e27a51d0aa93fe77aa0e91c402bd77f1e34be08812d78e94339d5f8048", 212),
        MissedKey("Begrüßung@v12", 188),
        MissedKey("\x1b[31mred", 120),
        MissedKey("once", 1),
    ],
)


def _report(counted: Mapping[str, dict[str, object]], seconds: float | None) -> Stats:
    namespaces = {
        name: figures(**{**_HELD[name], **counts})  # type: ignore[arg-type]
        for name, counts in counted.items()
    }
    trends = {name: _trend(sevenths) for name, sevenths in _MISSED_BY_HOUR.items()}
    return Stats(
        generated_at=NOW,
        backend=Status("file", "file", "ok", 0),
        window=Window(None, None if seconds is None else NOW - seconds, NOW),
        totals=_total(namespaces),
        namespaces=namespaces,
        trends=trends,
        details={"ai": _NOTED},
        trend=trends["ai"],
    )


def _total(of: Mapping[str, NamespaceStats]) -> NamespaceStats:
    summed = (
        "entries", "bytes", "memory_bytes", "sets", "evictions", "expired", "invalidated", "errors",
        "saved_cost", "saved_seconds", "shared",
    )  # fmt: skip
    return figures(
        lookups=sum(each.hits + each.misses for each in of.values()),
        misses=sum(each.misses for each in of.values()),
        hit_ago=0.2,
        ttl=None,
        **{name: sum(getattr(each, name) for each in of.values()) for name in summed},
    )


def _share_of(
    counted: Mapping[str, dict[str, object]], part: float
) -> dict[str, dict[str, object]]:
    """Return counts that are a part of others."""
    return {
        name: {key: _part(value, part) for key, value in counts.items() if key in _COUNTED}
        for name, counts in counted.items()
    }


def _part(value: object, part: float) -> int:
    assert isinstance(value, int)
    return int(value * part)


_COUNTED: Final = frozenset(("lookups", "misses", "sets", "evictions"))

ALL_TIME: Final = _report(_ALL_TIME, None)
LAST_DAY: Final = _report(_LAST_DAY, DAY)
LAST_MINUTE: Final = _report(_share_of(_LAST_DAY, 1 / 1440), 60)


def overview(since: float | None = None) -> Overview:
    """Return what somebody sees who asks for the last day, or for all time."""
    report = ALL_TIME if since is None else LAST_DAY
    return Overview(report, ALL_TIME, LAST_DAY, since, findings_of(LAST_DAY, ALL_TIME, DAY))


def untouched() -> Overview:
    """Return what somebody sees of a cache that nobody ever used."""
    nothing = replace(_report({}, None), trend=None)
    return Overview(nothing, nothing, nothing, None, ())
