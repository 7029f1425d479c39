"""`cachectl clear`."""

import sys
from typing import Annotated

import typer

from cachectl._admin import documents
from cachectl._admin.clear import ClearPlan
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import shortened
from cachectl._cli.session import session
from cachectl._model.records import Removed
from cachectl._model.units import format_bytes, format_entries
from cachectl.errors import UsageError


def clear(
    context: typer.Context,
    namespaces: options.Namespaces = None,
    tag: Annotated[str | None, typer.Option(metavar="T", help="Only what has this tag.")] = None,
    match: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only keys that match: 'user:*'.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All namespaces.")] = False,
    dry_run: options.DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    form: options.OutputFormat = Format.TABLE,
) -> None:
    """Remove what you name, fresh or not, after showing it and asking.

    To remove only what has expired or is over a limit, use cleanup.

    cachectl clear enso sigil --dry-run

    cachectl clear --tag org:42 --yes
    """
    out.use(form)
    if namespaces and everything:
        raise UsageError("name namespaces or say --all, not both")
    if not namespaces and not everything and tag is None and match is None:
        raise Stop(Exit.REFUSED, "say what: namespaces, --tag, --match, or --all; see also cleanup")
    with session(context).cache(writing=not dry_run) as cache:
        plan = ClearPlan(cache, namespaces or [], tag, match)
        if dry_run:
            _report(_show(plan), dry_run=True)
            return
        if not yes:
            _ask(plan)
        _run(plan)
        if cache.status().active_backend == "memory":
            out.note("entries in the memory of other processes cannot be cleared from here")


def _show(plan: ClearPlan) -> dict[str, Removed]:
    """Say what would go, with examples, and return how much it is."""
    found = {}
    for name, examples, removed in plan.dry_run():
        for key in examples:
            out.note(f"  {name}  {shortened(key, 100)}")
        out.note(f"{name}: {format_entries(removed.entries)}, {format_bytes(removed.bytes)}")
        found[name] = removed
    return found


def _ask(plan: ClearPlan) -> None:
    total = sum(part.entries for part in _show(plan).values())
    if not sys.stdin.isatty():
        raise Stop(Exit.REFUSED, "nobody to ask here: say --yes")
    if total and not out.confirm(f"Remove {format_entries(total)}?"):
        raise Stop(Exit.REFUSED, "nothing was removed")


def _run(plan: ClearPlan) -> None:
    try:
        plan.run()
    except BaseException:
        if plan.removed:
            _report(plan.removed, dry_run=False)
        raise
    _report(plan.removed, dry_run=False)


def _report(removed: dict[str, Removed], *, dry_run: bool) -> None:
    content = documents.clear(removed, dry_run=dry_run)
    if out.format in (Format.JSON, Format.JSONL):
        out.document("clear", content)
    else:
        verb = "would remove" if dry_run else "removed"
        out.note(f"{verb} {format_entries(content['entries'])}, {format_bytes(content['bytes'])}")
