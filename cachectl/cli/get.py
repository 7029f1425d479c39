"""`cachectl get`."""

import io
import json
import sys
from typing import Annotated, Any

import typer

from cachectl import codecs
from cachectl.cli import options
from cachectl.cli.exits import Exit, Stop
from cachectl.cli.output import Format, out
from cachectl.cli.session import session
from cachectl.cli.text import printable, printable_lines
from cachectl.entry import MISSING
from cachectl.errors import UsageError
from cachectl.namespace import Namespace


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
        out.document("get", {"namespace": namespace, "key": name, **described(value)})
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


def described(value: Any) -> dict[str, Any]:
    """Return members of a JSON document that hold the value, whatever it is."""
    if isinstance(value, bytes):
        return {"type": "bytes", "value_base64": _base64(value)}
    if isinstance(value, str):
        return {"type": "text", "value": value}
    if _is_array(value):
        return {
            "type": "npy", "dtype": str(value.dtype), "shape": list(value.shape),
            "value_base64": _base64(npy(value)),
        }  # fmt: skip
    return {"type": "json", "value": value}


def npy(array: Any) -> bytes:
    """Return the array as a `.npy` file."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _base64(data: bytes) -> str:
    from binascii import b2a_base64

    return b2a_base64(data, newline=False).decode()


def _print(value: Any) -> None:
    if sys.stdout.isatty():
        out.line(_readable(value))
    elif isinstance(value, bytes):
        out.raw(value)
    elif isinstance(value, str):
        out.raw(value.encode("utf-8", "surrogatepass"))
    elif _is_array(value):
        out.raw(npy(value))
    else:
        out.line(json.dumps(value))


def _readable(value: Any) -> str:
    if isinstance(value, str):
        return printable_lines(value)
    if isinstance(value, bytes):
        raise Stop(Exit.REFUSED, f"{len(value)} bytes are not for a terminal; redirect them")
    if _is_array(value):
        return printable_lines(f"array of {value.dtype}, shape {value.shape}\n{value}")
    return json.dumps(value, indent=2)


def _is_array(value: object) -> bool:
    return codecs.qualified_name(type(value)) == "numpy.ndarray"
