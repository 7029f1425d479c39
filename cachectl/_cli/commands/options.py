"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from cachectl._cli.output import Format

Namespace = Annotated[str, typer.Argument(metavar="NS", help="The namespace.")]
Namespaces = Annotated[
    list[str] | None, typer.Argument(metavar="[NS]...", help="Namespaces; all if none is named.")
]
OutputFormat = Annotated[Format, typer.Option("--format", "-f", help="How to print.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would go; remove nothing.")]
