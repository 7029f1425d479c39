"""`cachectl cleanup`."""

from typing import Annotated

import typer

from cachectl._admin import documents
from cachectl._admin.cleanup import ChosenLimits, age_of, question, seconds_of
from cachectl._admin.context import Context
from cachectl._admin.namespaces import unknown, unknown_among
from cachectl._admin.reach import OUT_OF_REACH, in_memory
from cachectl._admin.shown import difference
from cachectl._cli.asking import ask, require_terminal
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.session import session
from cachectl._engine.cache import Cache
from cachectl._engine.cleanup import Cleanup
from cachectl._metrics.reports import CleanupReport
from cachectl._model.policy import check_namespace
from cachectl._model.records import Removed
from cachectl._model.units import format_bytes, format_entries, parse_size


def cleanup(
    context: typer.Context,
    namespaces: options.Namespaces = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Also what was not used for so long: 30d.")
    ] = None,
    max_bytes: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Leave at most this in each namespace.")
    ] = None,
    max_entries: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Leave at most so many in each.")
    ] = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    deadline: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Stop after so long; exit 7 if unfinished."),
    ] = None,
    form: options.DocumentFormat = Format.TABLE,
) -> None:
    """Remove only what has expired or is over a limit. For cron: silent when all is well.

    One cleanup runs at a time; a second one exits with 7. If these options would remove more than
    half of what is fresh, it asks; where nobody can be asked, it exits with 6. With --yes it does not
    count first.

    cachectl cleanup --older-than 30d --dry-run

    */15 * * * *  cachectl cleanup --deadline 10m
    """
    out.use(form)
    names = [check_namespace(name) for name in namespaces or []]
    seconds = None if deadline is None else seconds_of(deadline)
    chosen = ChosenLimits(
        older_than=None if older_than is None else age_of(older_than),
        max_entries=max_entries,
        max_bytes=None if max_bytes is None else parse_size(max_bytes),
    )
    opened = session(context)
    with opened.cache(writing=not dry_run) as cache:
        for name in unknown_among(cache, names, cache.usage(*names) if names else ()):
            out.note(unknown(name))
        plan = cache.plan_cleanup(**chosen._asdict(), deadline=seconds)
        counts = dry_run or (chosen.are_any and not yes)
        planned = plan.dry_run(names) if counts else None
        shown = None
        if planned is not None and not dry_run:
            shown = _ask(cache, planned, opened.context)
        if planned is not None and dry_run:
            _show(planned, cache, opened.context, "dry run, nothing is removed")
        report = planned if planned is not None and dry_run else _run(plan, names, planned)
    _report(report, planned, dry_run=dry_run, shown=shown)
    if not report.finished:
        raise Stop(Exit.BUSY, "the deadline came with work left")


def _show(planned: CleanupReport, cache: Cache, context: Context, note: str = "") -> None:
    """Show what would go."""
    if out.format is not Format.TABLE:
        return
    held = cache.usage()
    is_empty = not any(use.entries for use in held.values())
    out.context("cache", *context.parts(context.state(cache.status(), is_empty=is_empty)))
    out.context("cleanup", "what has expired or is over a limit", note)
    if planned.removed().entries:
        from cachectl._cli.output import removal_tables

        out.gap()
        out.table(removal_tables.cleaned(planned, held, out.width, out.glyphs), fold=False)
        out.gap()
    elif in_memory(cache):
        out.note(f"{OUT_OF_REACH}: each removes there what has expired or is over a limit")
    else:
        nothing = "nothing has expired or is over a limit"
        out.note(f"nothing is cached in {context.where}" if is_empty else nothing)


def _ask(cache: Cache, planned: CleanupReport, context: Context) -> Removed | None:
    """Ask about a removal of more than half, and return what was shown then; None if it is less."""
    half = question(cache, planned)
    if half is None:
        return None
    require_terminal(f"more than half: {half}")
    _show(planned, cache, context)
    ask(f"Remove more than half: {half}, from {context.where}?")
    return planned.removed()


def _run(plan: Cleanup, names: list[str], planned: CleanupReport | None) -> CleanupReport:
    try:
        return plan.run(names)
    except BaseException:
        if plan.report().removed().entries:
            _report(plan.report(), planned, dry_run=False)
        raise


def _report(
    report: CleanupReport,
    planned: CleanupReport | None,
    *,
    dry_run: bool,
    shown: Removed | None = None,
) -> None:
    """Say what is gone, and if all was done, by how much that differs from what was shown."""
    if out.format is Format.JSON:
        out.document("cleanup", documents.cleanup(report, planned, dry_run=dry_run))
        return
    if out.format is Format.JSONL:
        out.records("cleaned", documents.cleaned(report, dry_run=dry_run))
        return
    removed = report.removed()
    expired = sum(part.entries for part in report.expired.values())
    differs = difference(shown, removed) if report.finished else ""
    text = (
        f"{format_entries(removed.entries)}, {format_bytes(removed.bytes)}:"
        f" {expired:,} expired, {removed.entries - expired:,} over a limit{differs}"
    )
    if dry_run:
        if removed.entries:
            out.note(f"would remove {text}")
    elif report.finished and not differs:
        out.detail(f"removed {text}")
    else:
        out.note(f"removed {text}")
