"""Options and arguments that several commands share."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from cachectl._cli.output import Format
from cachectl.errors import UsageError

if TYPE_CHECKING:
    from cachectl._engine.namespace import Namespace as Found

Namespace = Annotated[str, typer.Argument(metavar="NS", help="The namespace.")]
Namespaces = Annotated[
    list[str] | None, typer.Argument(metavar="[NS]...", help="Namespaces; all if none is named.")
]
_FORMAT: Final[Any] = typer.Option("--format", "-f", help="How to print.")
Documents = Literal[Format.TABLE, Format.JSON, Format.JSONL]
Rows = Literal[Format.TABLE, Format.JSON, Format.JSONL, Format.CSV]
DocumentFormat = Annotated[Documents, _FORMAT]
RowFormat = Annotated[Rows, _FORMAT]
OutputFormat = Annotated[Format, _FORMAT]


def _finite(seconds: float | None) -> float | None:
    """Return seconds that can be waited for. Raises `UsageError`."""
    if seconds is not None and not isfinite(seconds):
        raise UsageError(f"not a number of seconds: {seconds}")
    return seconds


_DAY: Final = 86_400
Interval = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", min=0.1, max=_DAY, callback=_finite,
        help="How often to, with --watch; 2 if nothing else is said.",
    ),
]  # fmt: skip
Timeout = Annotated[
    float,
    typer.Option(
        "-t", "--timeout", metavar="SECONDS", min=0.1, max=_DAY, callback=_finite,
        help="Give up then.",
    ),
]  # fmt: skip
FailUnder = Annotated[
    list[str] | None,
    typer.Option(
        metavar="hit-rate=80%", help="Exit with 8 if a figure is lower; several by commas."
    ),
]
FailOver = Annotated[
    list[str] | None,
    typer.Option(metavar="full=95%,errors=0", help="The same if one is higher."),
]
Textfile = Annotated[
    str | None,
    typer.Option("--to", metavar="FILE", help="Replace FILE by the metrics (--format prometheus)."),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="A label of all metrics, such as cache=voice."),
]
Each = Annotated[bool, typer.Option("--each", help="Every namespace by itself, not the total.")]
MinLookups = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="A hit rate of fewer lookups is not judged."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Show what would go; remove nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Features = Annotated[
    str | None, typer.Option(metavar="JSON|-", help="Make the key of these features, or stdin's.")
]
Extra = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE|JSON", help="With --features: what else is in the key."),
]


def key_of(
    namespace: "Found", key: str | None, features: str | None, extra: Sequence[str] | None
) -> str:
    """Return the key that was given, or that of the features, as it is stored. Raises `UsageError`."""
    plain = key is not None and key != "-" and features is None and not extra
    if plain and namespace.policy.keys == "plain":
        return str(key)
    from cachectl._cli.naming import named_key  # most keys are just typed

    return named_key(namespace, key, features, extra or [])
