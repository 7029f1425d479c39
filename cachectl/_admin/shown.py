"""What was shown before a removal, against what was then removed."""

from cachectl._model.records import Removed
from cachectl._model.units import format_bytes


def difference(shown: Removed | None, removed: Removed) -> str:
    """Return in words by how much what was removed differs from what was shown; nothing if it does not."""
    if shown is None or shown == removed:
        return ""
    more = removed.entries - shown.entries
    by = removed.bytes - shown.bytes
    much = f"{abs(more):,}" if more else format_bytes(abs(by))
    return f"; {much} {'more' if (more or by) > 0 else 'less'} than shown: others wrote meanwhile"
