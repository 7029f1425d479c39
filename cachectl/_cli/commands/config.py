"""`cachectl config`."""

import os
from typing import Annotated

import typer

from cachectl._admin import config as documents
from cachectl._cli.commands import options
from cachectl._cli.grammar import Command, Group
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable
from cachectl._cli.session import session
from cachectl._config import files
from cachectl._config.in_force import Configuration, in_force
from cachectl.errors import UsageError

config = typer.Typer(
    cls=Group,
    help="""Show which settings are in force, and where they are from.

    cachectl config show --origin

    cachectl config check new.toml
    """,
)


@config.command(cls=Command)
def show(
    context: typer.Context,
    origin: Annotated[
        bool,
        typer.Option("--origin", help="Say where each is from: flag, variable, file, default."),
    ] = False,
    form: options.DocumentFormat = Format.TABLE,
) -> None:
    """Show the settings in force. Of what is set and has no effect it warns.

    Secrets are masked. What an application sets in its code is said by stats and inspect, with -v.

    cachectl config show --origin
    """
    out.use(form)
    found = _in_force(context)
    if out.format is Format.JSON:
        out.document("config", documents.document(found))
    elif out.format is Format.JSONL:
        out.records("setting", documents.rows(found.settings))
    else:
        from cachectl._cli.output import config_tables

        out.context("file", str(found.source or "no configuration file"))
        out.gap()
        shown = config_tables.settings(found.settings, out.width, out.glyphs, with_origin=origin)
        out.table(shown, fold=False)
    _warn(found)


@config.command(cls=Command)
def check(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="Instead of what would be used.")
    ] = None,
    form: options.DocumentFormat = Format.TABLE,
) -> None:
    """Check a configuration, with the environment. It opens no cache.

    Exits with 2 and names every mistake if there is one.

    cachectl config check new.toml && mv new.toml /etc/cachectl.toml
    """
    out.use(form)
    found = _in_force(context, file)
    if out.format is Format.TABLE:
        if out.level >= 0:
            out.line(printable(f"{found.source or 'no configuration file'}: right"))
    else:
        out.document("config-check", documents.checked(found))
    _warn(found)


@config.command(cls=Command)
def path(context: typer.Context, form: options.DocumentFormat = Format.TABLE) -> None:
    """Show where a configuration file is looked for, and which one is used.

    cachectl config path
    """
    out.use(form)
    places = files.places(session(context).chosen.config, os.environ)
    if out.format is Format.JSON:
        out.document("config-path", {"places": list(documents.places(places))})
    elif out.format is Format.JSONL:
        out.records("config-place", documents.places(places))
    else:
        from cachectl._cli.output import config_tables

        out.table(config_tables.places(places, out.width, out.glyphs), fold=False)


def _in_force(context: typer.Context, file: str | None = None) -> Configuration:
    named, backend, url, directory = session(context).chosen
    if file is not None and named is not None:
        raise UsageError("name one file: FILE, or --config FILE")
    return in_force(file or named, backend=backend, url=url, directory=directory)


def _warn(found: Configuration) -> None:
    for unused in found.unused:
        out.note(f"! {unused}")
