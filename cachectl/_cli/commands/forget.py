"""`cachectl forget`."""

from typing import Annotated, Final

import typer

from cachectl._admin.context import Context
from cachectl._admin.forget import ForgetPlan
from cachectl._admin.reach import OUT_OF_REACH, in_memory
from cachectl._cli.asking import ask, require_terminal
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.session import session
from cachectl._engine.cache import Cache

_KEPT: Final = "nothing was forgotten"


def forget(
    context: typer.Context,
    namespaces: Annotated[list[str], typer.Argument(metavar="NS...", help="Namespaces.")],
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    form: options.DocumentFormat = Format.TABLE,
) -> None:
    """Remove namespaces that hold nothing, with all that was counted of them.

    An application that uses one makes it anew. See also: clear, which removes entries.

    cachectl forget promts --dry-run
    """
    out.use(form)
    opened = session(context)
    with opened.cache(writing=True) as cache:
        if in_memory(cache):
            raise Stop(Exit.REFUSED, f"{_KEPT}: {OUT_OF_REACH}")
        plan = ForgetPlan(cache, namespaces)
        named = ", ".join(plan.namespaces)
        if not dry_run and not yes:
            require_terminal(f"{named}, with all counts")
        if dry_run or not yes:
            _show(plan, cache, opened.context, dry_run=dry_run)
        if not dry_run and not yes:
            ask(f"Forget {named} in {opened.context.where}, with all counts?", _KEPT)
        if not dry_run:
            plan.run()
    rows = [{"namespace": name, "dry_run": dry_run} for name in plan.namespaces]
    if out.format is Format.JSON:
        out.document("forget", {"dry_run": dry_run, "namespaces": list(plan.namespaces)})
    elif out.format is Format.JSONL:
        out.records("forgotten", rows)
    else:
        out.note(f"{'would forget' if dry_run else 'forgot'} {named}")


def _show(plan: ForgetPlan, cache: Cache, context: Context, *, dry_run: bool) -> None:
    """Show which counts would be lost."""
    if out.format is not Format.TABLE:
        return
    from cachectl._cli.output import removal_tables

    out.context("cache", *context.parts(context.state(cache.status())))
    note = "dry run, nothing is forgotten" if dry_run else ""
    out.context("forget", ", ".join(plan.namespaces), note)
    out.gap()
    out.table(removal_tables.forgotten(plan.namespaces, out.width, out.glyphs), fold=False)
    out.gap()
