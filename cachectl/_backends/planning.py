"""What a cleanup would remove from a store that finds it by listing its entries."""

from collections.abc import Callable, Iterator

from cachectl._model.records import CleanupRule, EntryInfo, Planned, Removed

Scan = Callable[[], Iterator[EntryInfo]]


def planned(scan: Scan, rule: CleanupRule, spared: Scan | None = None) -> Iterator[Planned]:
    """Yield what `rule` names of the entries that `scan` lists. If what it spares exceeds its limits,
    `spared` lists that in the order in which it goes, or else `scan` does.
    """
    kept = Removed()
    for info in scan():
        if rule.spares(info):
            kept = kept.plus(Removed(1, info.size))
        else:
            yield Planned(info.key, info.size, info.has_expired(rule.now))
    for info in (spared or scan)() if rule.limits.exceeded(*kept) else ():
        if not rule.limits.exceeded(*kept):
            return
        if rule.spares(info):
            yield Planned(info.key, info.size, is_expired=False)
            kept = kept.plus(Removed(-1, -info.size))
