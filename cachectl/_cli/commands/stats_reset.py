"""`cachectl stats --reset`."""

from cachectl._admin.namespaces import not_there
from cachectl._admin.overview import Asked
from cachectl._admin.reach import OUT_OF_REACH, in_memory
from cachectl._cli.asking import ask, require_terminal
from cachectl._cli.commands.stats_shown import prepared
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.session import Session

_QUESTION = "Begin to count anew? What was counted is lost, entries stay."
_SHOWN = ("hits", "misses", "evicted", "expired", "saved", "time-saved")


def begin_anew(opened: Session, asked: Asked, *, ask_first: bool) -> None:
    """Let namespaces begin to count anew, after showing what they counted if that is to be asked. Raises
    `Stop`.
    """
    out.use(out.format)  # a table, or a document
    with opened.cache(writing=True) as cache:
        if in_memory(cache):
            raise Stop(Exit.REFUSED, f"no counter was reset: {OUT_OF_REACH}")
        report = cache.stats(*asked.names)
        if report.unknown:
            raise Stop(Exit.NOT_FOUND, not_there(cache, report.unknown))
        if ask_first:
            require_terminal("nobody to ask here: say --yes")
            _, show = prepared(cache, opened.context, asked._replace(columns=_SHOWN))
            show(())
            ask(_QUESTION)
        for name in report.namespaces:
            cache.reset_counts(name)
    if out.format is Format.TABLE:
        out.note(f"counting begins anew in {', '.join(report.namespaces) or 'no namespace'}")
    else:
        out.document("reset", {"namespaces": list(report.namespaces)})
