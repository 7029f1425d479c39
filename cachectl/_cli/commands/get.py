"""`cachectl get`."""

import sys
from typing import Annotated, Any

import typer

from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable, printable_lines
from cachectl._cli.session import session
from cachectl._engine.cache import Cache
from cachectl._model import values
from cachectl._model.entry import MISSING
from cachectl.errors import UsageError


def get(
    context: typer.Context,
    namespace: options.Namespace,
    key: Annotated[
        str | None, typer.Argument(metavar="[KEY|-]", help="The key; - reads it from stdin.")
    ] = None,
    features: options.Features = None,
    extra: options.Extra = None,
    form: options.DocumentFormat = Format.TABLE,
) -> None:
    """Print a value: as it is into a pipe or file, readable on a terminal. Counts as a lookup.

    Exits with 3 if the key is not there or has expired. See also: inspect, which counts nothing.

    cachectl get ai 3f2a… | jq .summary

    cachectl get ai --features '{"tempo": 120.0, "key": "C"}' --extra model=genre-2
    """
    out.use(form)
    with session(context).cache() as cache:
        found = cache.namespace(namespace)
        name = options.key_of(found, key, features, extra)
        value = found.get(name)
        if value is MISSING:
            raise _missing(cache, namespace, name)
        if form in (Format.JSON, Format.JSONL):
            out.document("get", {"namespace": namespace, "key": name, **values.describe(value)})
        else:
            _print(value)


def _missing(cache: Cache, namespace: str, key: str) -> Stop:
    from cachectl._admin.reach import OUT_OF_REACH, in_memory  # a hit needs none

    reason = f"; {OUT_OF_REACH}" if in_memory(cache) else ""
    return Stop(Exit.NOT_FOUND, f"{namespace} has no {printable(key)}{reason}")


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
