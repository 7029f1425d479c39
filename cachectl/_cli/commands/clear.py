"""`cachectl clear`."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from cachectl._admin import documents
from cachectl._admin.clear import ClearPlan
from cachectl._admin.context import Context
from cachectl._admin.namespaces import unknown
from cachectl._admin.reach import OUT_OF_REACH, in_memory
from cachectl._admin.shown import difference
from cachectl._cli.asking import ask, require_terminal
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import shortened
from cachectl._cli.session import session
from cachectl._engine.cache import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.records import Removed
from cachectl._model.units import format_bytes, format_entries
from cachectl.errors import UsageError


def clear(
    context: typer.Context,
    namespaces: Annotated[
        list[str] | None, typer.Argument(metavar="[NS]...", help="Namespaces.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="K|-", help="Only this key, or those on stdin; repeatable."),
    ] = None,
    features: options.Features = None,
    extra: options.Extra = None,
    tag: Annotated[str | None, typer.Option(metavar="T", help="Only what has this tag.")] = None,
    match: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only keys that match: 'user:*'.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All namespaces.")] = False,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    form: options.DocumentFormat = Format.TABLE,
) -> None:
    """Remove what you name, fresh or not, after showing it and asking.

    To remove only what has expired or is over a limit, use cleanup.

    cachectl clear enso sigil --dry-run

    cachectl clear --tag org:42 --yes

    cachectl clear users --key - --yes < token.txt
    """
    out.use(form)
    _check_target(namespaces or [], tag, match, everything=everything)
    keys = _keys(namespaces or [], key or [], features, extra or [], tag or match)
    opened = session(context)
    with opened.cache(
        writing=not dry_run,
        anew=everything and tag is None and match is None and yes and not dry_run,
    ) as cache:
        if in_memory(cache):
            raise Stop(Exit.REFUSED, f"nothing was removed: {OUT_OF_REACH}")
        plan = ClearPlan(cache, namespaces or [], tag, match, keys)
        for name in plan.unknown:
            out.note(unknown(name))
        if dry_run:
            shown = _preview(plan, opened.context, cache, dry_run=True)
            planned = Removed.total(shown.values())
            _report(plan, opened.context, shown, planned, dry_run=True)
        else:
            _run(plan, opened.context, None if yes else _ask(plan, opened.context, cache))


def _check_target(
    namespaces: list[str], tag: str | None, match: str | None, *, everything: bool
) -> None:
    if namespaces and everything:
        raise UsageError("name namespaces or say --all, not both")
    if not namespaces and not everything and tag is None and match is None:
        raise Stop(Exit.REFUSED, "say what: namespaces, --tag, --match, or --all; see also cleanup")


def _keys(
    namespaces: list[str],
    keys: list[str],
    features: str | None,
    extra: list[str],
    other: str | None,
) -> Callable[[Namespace], Sequence[str]] | None:
    """Return what tells the keys of the namespace; None if none is named. Raises `UsageError`."""
    if not keys and features is None and not extra:
        return None
    if len(namespaces) != 1 or other is not None:
        raise UsageError("--key and --features go with one NS, and without --tag and --match")
    from cachectl._cli.naming import named_keys

    return lambda namespace: named_keys(namespace, keys, features, extra)


def _preview(
    plan: ClearPlan, context: Context, cache: Cache, *, dry_run: bool
) -> dict[str, Removed]:
    """Show what would go, and return how much it is."""
    previews = list(plan.dry_run())
    if out.format is Format.TABLE:
        out.context("cache", *context.parts(context.state(cache.status(), is_empty=not plan.held)))
        out.context("clear", *plan.target, "dry run, nothing is removed" if dry_run else "")
        if previews:
            from cachectl._cli.output import removal_tables

            out.gap()
            out.table(
                removal_tables.cleared(previews, plan.held, out.width, out.glyphs), fold=False
            )
            out.gap()
        for name, examples, *_ in previews if out.level > 0 else ():
            out.detail("".join(f"  {name}  {shortened(key, 100)}\n" for key in examples).rstrip())
    return {preview.namespace: preview.removed for preview in previews}


def _ask(plan: ClearPlan, context: Context, cache: Cache) -> Removed:
    """Show what would go, ask if it shall, and return how much it is."""
    if not sys.stdin.isatty():
        found = Removed.total(each.removed for each in plan.dry_run())
        require_terminal(f"{format_entries(found.entries)}, {plan.target[0]}")
    total = Removed.total(_preview(plan, context, cache, dry_run=False).values())
    if total.entries:
        ask(f"Remove {total.entries:,} of {format_entries(plan.held)} from {context.where}?")
    return total


def _run(plan: ClearPlan, context: Context, shown: Removed | None) -> None:
    try:
        plan.run()
    except BaseException:
        if plan.removed:
            _report(plan, context, plan.removed, shown)
        raise
    _report(
        plan, context, plan.removed, shown, difference(shown, Removed.total(plan.removed.values()))
    )


def _report(
    plan: ClearPlan,
    context: Context,
    removed: dict[str, Removed],
    planned: Removed | None,
    differs: str = "",
    *,
    dry_run: bool = False,
) -> None:
    """Say what is gone, and if all was done, by how much that differs from what was shown."""
    if out.format is Format.JSON:
        out.document("clear", documents.clear(removed, planned, dry_run=dry_run))
        return
    if out.format is Format.JSONL:
        out.records("cleared", documents.cleared(removed, dry_run=dry_run))
        return
    total = Removed.total(removed.values())
    if not total.entries and not plan.held:
        out.note(f"nothing is cached in {context.where}")
        return
    verb = "would remove" if dry_run else "removed"
    out.note(f"{verb} {format_entries(total.entries)}, {format_bytes(total.bytes)}{differs}")
