"""`cachectl clear`."""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from cachectl._admin import documents
from cachectl._admin.clear import ClearPlan
from cachectl._admin.namespaces import unknown
from cachectl._admin.reach import OUT_OF_REACH, in_memory
from cachectl._cli.asking import ask, require_terminal
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import shortened
from cachectl._cli.session import session
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
    form: options.OutputFormat = Format.TABLE,
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
    with opened.cache(writing=not dry_run) as cache:
        if in_memory(cache):
            raise Stop(Exit.REFUSED, f"nothing was removed: {OUT_OF_REACH}")
        plan = ClearPlan(cache, namespaces or [], tag, match, keys)
        for name in plan.unknown:
            out.note(unknown(name))
        if dry_run or not yes:
            out.note(opened.about)
        if dry_run:
            _report(_show(plan), dry_run=True)
            return
        if not yes:
            _ask(plan)
        _run(plan)


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
    require_terminal("nobody to ask here: say --yes")
    if total:
        ask(f"Remove {format_entries(total)}?")


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
