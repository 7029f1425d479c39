"""`cachectl cleanup`."""

from typing import Annotated

import typer

from cachectl._admin import documents
from cachectl._admin.cleanup import ChosenLimits, age_of, seconds_of
from cachectl._admin.namespaces import unknown, unknown_among
from cachectl._cli.asking import ask, require_terminal
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.session import session
from cachectl._metrics.reports import CleanupReport
from cachectl._model.policy import check_namespace
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
    form: options.OutputFormat = Format.TABLE,
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
        if dry_run and out.format is Format.TABLE:
            out.note(opened.about)
        if not dry_run and not yes:
            _ask(chosen.question(cache, names), opened.about)
        plan = cache.plan_cleanup(**chosen._asdict(), deadline=seconds)
        try:
            report = plan.dry_run(names) if dry_run else plan.run(names)
        except BaseException:
            if plan.report().removed().entries:
                _report(plan.report(), dry_run=False)
            raise
    _report(report, dry_run=dry_run)
    if not report.finished:
        raise Stop(Exit.BUSY, "the deadline came with work left")


def _ask(question: str | None, about: str) -> None:
    """Ask about a removal of more than half, if it is one."""
    if question is not None:
        out.note(about)
        require_terminal(f"this removes more than half ({question}): say --yes, or --dry-run")
        ask(f"Remove more than half: {question}?")


def _report(report: CleanupReport, *, dry_run: bool) -> None:
    removed = report.removed()
    if out.format in (Format.JSON, Format.JSONL):
        out.document("cleanup", documents.cleanup(report, dry_run=dry_run))
        return
    expired = sum(part.entries for part in report.expired.values())
    text = (
        f"{format_entries(removed.entries)}, {format_bytes(removed.bytes)}:"
        f" {expired:,} expired, {removed.entries - expired:,} over a limit"
    )
    if dry_run:
        out.note(f"would remove {text}")
    elif report.finished:
        out.detail(f"removed {text}")
    else:
        out.note(f"removed {text}")
