"""The commands, and the options that stand before them."""

import logging
from typing import Annotated

import typer

from cachectl.cli import cleanup, clear, get, inspect, set_, stats, warm
from cachectl.cli.logs import log_to_stderr
from cachectl.cli.output import out
from cachectl.cli.session import Session
from cachectl.errors import UsageError

app = typer.Typer(
    name="cachectl",
    help="Look into, fill and clean a cache in memory, files or Redis.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("get")(get.get)
app.command("set")(set_.set_)
app.command("stats")(stats.stats)
app.command("inspect")(inspect.inspect)
app.command("clear")(clear.clear)
app.command("cleanup")(cleanup.cleanup)
app.command("warm")(warm.warm)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            out.line(f"cachectl {version('cachectl')}")
        except PackageNotFoundError:
            out.line("cachectl, not installed")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        str | None, typer.Option(metavar="FILE", help="Read this configuration file.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use memory, file or redis.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Use this Redis; prefer CACHECTL_URL for a password."),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say less.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    out.level = verbose - quiet
    log_to_stderr(logging.DEBUG if verbose else logging.WARNING)
    context.obj = Session(config, backend, url)
    if context.invoked_subcommand is None:
        out.note(context.get_help())
        raise UsageError("name a command")
