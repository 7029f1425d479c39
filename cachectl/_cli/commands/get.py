"""`cachectl get`."""

import json
import sys
from typing import Annotated, Any

import typer

from cachectl._admin import values
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable, printable_lines
from cachectl._cli.session import session
from cachectl._engine.namespace import Namespace
from cachectl._model.entry import MISSING
from cachectl.errors import UsageError


def get(
    context: typer.Context,
    namespace: options.Namespace,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="The key.")] = None,
    features: Annotated[
        str | None, typer.Option(metavar="JSON", help="Make the key of these features.")
    ] = None,
    form: options.OutputFormat = Format.TABLE,
) -> None:
    """Print a value: as it is into a pipe or file, readable on a terminal. Counts as a lookup.

    Exits with 3 if the key is not there or has expired. See also: inspect, which counts nothing.

    cachectl get ai 3f2a… | jq .summary

    cachectl get ai --features '{"tempo": 120.0, "key": "C"}'
    """
    out.use(form)
    with session(context).cache() as cache:
        found = cache.namespace(namespace)
        name = key_of(found, key, features)
        value = found.get(name)
    if value is MISSING:
        raise Stop(Exit.NOT_FOUND, f"{namespace} has no {printable(name)}")
    if form in (Format.JSON, Format.JSONL):
        out.document("get", {"namespace": namespace, "key": name, **values.describe(value)})
    else:
        _print(value)


def key_of(namespace: Namespace, key: str | None, features: str | None) -> str:
    """Return the key that was given, or that of the features. Raises `UsageError`."""
    if (key is None) == (features is None):
        raise UsageError("give either KEY or --features JSON")
    if key is not None:
        return key
    try:
        return namespace.key(json.loads(features or ""))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--features is not JSON: {error}") from None


def _print(value: Any) -> None:
    if sys.stdout.isatty():
        out.line(printable_lines(_readable(value)))
    else:
        out.raw(values.render(value))


def _readable(value: Any) -> str:
    try:
        return values.readable(value)
    except UsageError as error:
        raise Stop(Exit.REFUSED, str(error)) from None
