"""Options and arguments that several commands share."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer

from cachectl.cli.output import Format

Namespace = Annotated[str, typer.Argument(metavar="NS", help="The namespace.")]
Namespaces = Annotated[
    list[str] | None, typer.Argument(metavar="[NS]...", help="Namespaces; all if none is named.")
]
OutputFormat = Annotated[Format, typer.Option("--format", "-f", help="How to print.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would go; remove nothing.")]


def document_expected(arguments: Sequence[str]) -> bool:
    """Return whether a command line asks for JSON, be the rest of it right or wrong."""
    return (
        not {"--format=json", "-fjson"}.isdisjoint(arguments)
        or ("--format", "json") in pairwise(arguments)
        or ("-f", "json") in pairwise(arguments)
    )
