"""`cachectl stats --reset`."""

from collections.abc import Sequence
from typing import Final

from cachectl._admin.namespaces import not_there
from cachectl._admin.overview import Asked
from cachectl._admin.reach import OUT_OF_REACH, in_memory
from cachectl._cli.asking import ask, require_terminal
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.session import Session
from cachectl._engine.cache import Cache
from cachectl._model.policy import is_namespace

_KEPT: Final = "no counter was reset"
_MOST: Final = 5
"""Namespaces that are named in a sentence."""
_SHOWN: Final = ("hits", "misses", "evicted", "expired", "saved", "time-saved")


def begin_anew(opened: Session, asked: Asked, *, dry_run: bool, yes: bool) -> None:
    """Let namespaces begin to count anew; show before what they counted, and ask, unless it is a yes
    already. Raises `Stop`.
    """
    out.use(out.format)  # a table, or a document
    with opened.cache(writing=True) as cache:
        if in_memory(cache):
            raise Stop(Exit.REFUSED, f"{_KEPT}: {OUT_OF_REACH}")
        report = cache.stats(*asked.names)
        if report.unknown:
            raise Stop(Exit.NOT_FOUND, not_there(cache, report.unknown))
        names = [name for name in report.namespaces if is_namespace(name)]  # others are damaged
        said = _said(names)
        yes = yes or not names  # nothing would be lost
        if not dry_run and not yes:
            require_terminal(f"the counts of {said}")
        if out.format is Format.TABLE and (dry_run or not yes):
            _show(cache, opened, asked)
        if not dry_run and not yes:
            ask("Begin to count anew? What was counted is lost, entries stay.", _KEPT)
        for name in names if not dry_run else ():
            cache.reset_counts(name)
    if out.format is not Format.TABLE:
        out.document("reset", {"dry_run": dry_run, "namespaces": names})
    elif not dry_run:
        out.note(f"counting begins anew in {said}")


def _said(names: Sequence[str]) -> str:
    """Return which namespaces these are, or how many."""
    if len(names) > _MOST:
        return f"{len(names):,} namespaces"
    return ", ".join(names) or "no namespace"


def _show(cache: Cache, opened: Session, asked: Asked) -> None:
    from cachectl._cli.commands.stats_shown import prepared  # with Rich

    _, show = prepared(cache, opened.context, asked._replace(columns=_SHOWN))
    show(())
