"""The commands, and the options that all of them take."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from cachectl import __version__
from cachectl._backends import BACKENDS
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.grammar import Command, Root, begin, elsewhere
from cachectl._cli.output import out
from cachectl._cli.output.text import printable
from cachectl._model.arguments import either
from cachectl._model.targets import load_target
from cachectl.errors import UsageError

COMMANDS: Final = {
    "get": "cachectl._cli.commands.get:get",
    "set": "cachectl._cli.commands.set_:set_",
    "stats": "cachectl._cli.commands.stats:stats",
    "check": "cachectl._cli.commands.check:check",
    "inspect": "cachectl._cli.commands.inspect:inspect",
    "clear": "cachectl._cli.commands.clear:clear",
    "cleanup": "cachectl._cli.commands.cleanup:cleanup",
    "forget": "cachectl._cli.commands.forget:forget",
    "warm": "cachectl._cli.commands.warm:warm",
    "config": "cachectl._cli.commands.config:config",
}
"""The commands, each imported only when it is named."""


def run(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name and return the exit code.

    Raises `Stop` for arguments that cannot be.
    """
    app = _app(_candidates(arguments))
    try:
        return app(arguments, prog_name="cachectl", standalone_mode=False) or Exit.DONE
    except typer.TyperException as error:
        message = f"{error.format_message()}{_hint(error)} (see --help)"
        raise Stop(Exit(error.exit_code), printable(message)) from None


def _app(names: Sequence[str]) -> typer.Typer:
    """Return the command line with these commands."""
    app = typer.Typer(
        name="cachectl",
        cls=Root,
        help="Look into, fill and clean a cache in memory, files or Redis.",
        invoke_without_command=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(options)
    for name in names:
        found = load_target(COMMANDS[name])
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name, cls=Command)(found)
    return app


def _hint(error: typer.TyperException) -> str:
    """Return which commands have an option that this one has not."""
    option = getattr(error, "option_name", None)
    if option is None or getattr(error, "possibilities", None):
        return ""
    group: Any = typer.main.get_command(_app(list(COMMANDS)))
    commands: Mapping[str, Any] = group.commands
    return elsewhere(option, commands)


def _candidates(arguments: Sequence[str]) -> Sequence[str]:
    """Return the commands to import: those that are named, or all for help and suggestions."""
    named = [name for name in COMMANDS if name in arguments]
    enough = named or "--version" in arguments
    return named if enough and {"-h", "--help"}.isdisjoint(arguments) else list(COMMANDS)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.line(f"cachectl {__version__}")
        raise typer.Exit


def options(
    context: typer.Context,
    config: Annotated[
        str | None, typer.Option(metavar="FILE", help="Read this configuration file.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Use {either(BACKENDS)}.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Use this Redis; prefer CACHECTL_URL for a password."),
    ] = None,
    directory: Annotated[
        str | None, typer.Option(metavar="DIR", help="Use this directory (file, diskcache).")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say less.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    begin(
        context, config=config, backend=backend, url=url, directory=directory,
        quiet=quiet, verbose=verbose,
    )  # fmt: skip
    if context.invoked_subcommand is None:
        out.note(context.get_help())
        raise UsageError("name a command")
