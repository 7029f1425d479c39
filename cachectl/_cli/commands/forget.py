"""`cachectl forget`."""

from typing import Annotated

import typer

from cachectl._admin.forget import ForgetPlan
from cachectl._admin.reach import OUT_OF_REACH, in_memory
from cachectl._cli.asking import ask, require_terminal
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.session import session


def forget(
    context: typer.Context,
    namespaces: Annotated[list[str], typer.Argument(metavar="NS...", help="Namespaces.")],
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    form: options.OutputFormat = Format.TABLE,
) -> None:
    """Remove namespaces that hold nothing, with all that was counted of them.

    An application that uses one makes it anew. See also: clear, which removes entries.

    cachectl forget promts --dry-run
    """
    out.use(form)
    opened = session(context)
    with opened.cache(writing=True) as cache:
        if in_memory(cache):
            raise Stop(Exit.REFUSED, f"nothing was forgotten: {OUT_OF_REACH}")
        plan = ForgetPlan(cache, namespaces)
        if dry_run or not yes:
            out.note(opened.about)
            _show(plan)
        if not dry_run and not yes:
            require_terminal("nobody to ask here: say --yes")
            ask(f"Forget {', '.join(plan.namespaces)}?")
        if not dry_run:
            plan.run()
    if out.format in (Format.JSON, Format.JSONL):
        out.document("forget", {"dry_run": dry_run, "namespaces": list(plan.namespaces)})
    else:
        verb = "would forget" if dry_run else "forgot"
        out.note(f"{verb} {', '.join(plan.namespaces)}")


def _show(plan: ForgetPlan) -> None:
    """Say what counts would be lost."""
    for name, figures in plan.namespaces.items():
        out.note(f"{name}: {figures.hits:,} hits, {figures.misses:,} misses, {figures.sets:,} sets")
