"""When an entry is fresh: decided here, from the entry and the engine's clock, never by a backend."""

from cachectl._model.entry import NEVER, Entry
from cachectl._model.units import Duration, parse_duration


def expires_at(ttl: Duration | None, policy_ttl: float | None, now: float) -> float:
    """Return when what is written `now` expires (Unix seconds), by its own TTL or the policy's.

    Raises `UsageError` for what is no duration.
    """
    seconds = policy_ttl if ttl is None else parse_duration(ttl)
    return NEVER if seconds is None else now + seconds


def is_fresh(entry: Entry | None, now: float) -> bool:
    """Return whether there is an entry and it may be served. The path of a hit does this in line."""
    return entry is not None and entry.expires_at > now
