"""In which namespaces a cleanup may find anything: one statement looks at all of them, by the indexes by which
entries are removed.
"""

from collections.abc import Collection, Mapping
from typing import Final

from cachectl._backends.file.reader import Reader
from cachectl._backends.file.rows import microseconds
from cachectl._backends.file.schema import are_possible
from cachectl._model.records import CleanupRule

_OF_THIS: Final = "EXISTS(SELECT 1 FROM entries WHERE namespace_id = n.id AND {})"
_LOOK: Final = (
    "SELECT name, CAST(entries AS INTEGER), CAST(bytes AS INTEGER),"
    f" {_OF_THIS.format('due_at <= ?')} OR {_OF_THIS.format('used_at < ?')}"
    " FROM namespaces AS n WHERE name IS NOT NULL"
)
_HAS_LEASES: Final = "SELECT 1 FROM pragma_table_info('leases')"
_LEASED: Final = (
    "SELECT name FROM namespaces AS n WHERE name IS NOT NULL"
    " AND EXISTS(SELECT 1 FROM leases WHERE namespace_id = n.id)"
)
_NEVER: Final = -(2**62)


def due(reader: Reader, rules: Mapping[str, CleanupRule]) -> Collection[str]:
    """Return in which of these namespaces there may be anything that its rule names, or that loads left."""
    now = max(microseconds(rule.now) for rule in rules.values())
    idle = max(
        _NEVER if rule.idle_before is None else microseconds(rule.idle_before)
        for rule in rules.values()
    )
    found = {
        name
        for name, entries, size, is_due in reader.select(_LOOK, (now, idle))
        if name in rules
        and (
            is_due or not are_possible(entries, size) or rules[name].limits.exceeded(entries, size)
        )
    }
    if reader.select(_HAS_LEASES, ()):
        found.update(name for (name,) in reader.select(_LEASED, ()))
    return found
