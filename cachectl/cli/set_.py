"""`cachectl set`."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cachectl.cli import options
from cachectl.cli.exits import Exit, Stop
from cachectl.cli.output import out
from cachectl.cli.session import session
from cachectl.cli.text import printable
from cachectl.codecs import VALUE_LIMIT
from cachectl.errors import UnsupportedValue, UsageError
from cachectl.units import format_seconds, parse_duration
from cachectl.warm.values import decode, type_of


class Type(StrEnum):
    """What a value is."""

    JSON = "json"
    TEXT = "text"
    BYTES = "bytes"
    NPY = "npy"


def set_(
    context: typer.Context,
    namespace: options.Namespace,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key.")],
    value: Annotated[
        str, typer.Argument(metavar="VALUE|-|@FILE", help="The value, from stdin, or from a file.")
    ],
    ttl: Annotated[
        str | None, typer.Option(metavar="DURATION", help="15m, 7d, none; else the namespace's.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="T", help="A tag; repeatable.")] = None,
    cost: Annotated[str, typer.Option(metavar="DOLLARS", help="What making it cost.")] = "0",
    kind: Annotated[
        Type | None,
        typer.Option("--type", help="Default: by the file's suffix, else text; for @FILE bytes."),
    ] = None,
    nx: Annotated[bool, typer.Option("--nx", help="Only if the key is not there.")] = False,
    xx: Annotated[bool, typer.Option("--xx", help="Only if the key is there.")] = False,
) -> None:
    """Store a value.

    cachectl set prompts greeting 'Hello!' --ttl 10m --tag org:42

    cachectl set images logo @logo.png
    """
    if nx and xx:
        raise UsageError("--nx and --xx exclude each other")
    content = _value(value, kind)
    with session(context).cache() as cache:
        found = cache.namespace(namespace)
        if not found.policy.enabled:
            raise Stop(Exit.REFUSED, f"{namespace} is disabled by its configuration")
        missing = xx and not found.has(key)
        stored = found.set(key, content, ttl=ttl, tags=tag or [], cost=cost, nx=nx, xx=xx)
        if not stored:
            raise _refusal(namespace, key, missing=missing, there=nx and found.has(key))
    lifetime = found.policy.ttl if ttl is None else parse_duration(ttl)
    out.detail(f"stored in {namespace}, TTL {format_seconds(lifetime)}")
    if cache.status().active_backend == "memory":
        out.note("the memory backend ends with this process, and the value with it")


def _refusal(namespace: str, key: str, *, missing: bool, there: bool) -> Stop:
    if there:
        return Stop(Exit.REFUSED, f"{namespace} has {printable(key)} already")
    if missing:
        return Stop(Exit.NOT_FOUND, f"{namespace} has no {printable(key)}")
    return Stop(Exit.REFUSED, f"the value alone is over max_bytes of {namespace}")


def _value(text: str, kind: Type | None) -> object:
    if text == "-":
        return decode(kind or Type.TEXT, _read(sys.stdin.buffer))
    if text.startswith("@"):
        path = Path(text[1:])
        try:
            with path.open("rb") as file:
                return decode(kind or type_of(path.name), _read(file))
        except OSError as error:
            raise UsageError(f"cannot read {printable(str(path))}: {error.strerror}") from None
    return decode(kind or Type.TEXT, os.fsencode(text))


def _read(file: BinaryIO) -> bytes:
    data = file.read(VALUE_LIMIT + 1)
    if len(data) > VALUE_LIMIT:
        raise UnsupportedValue(f"a value of more than {VALUE_LIMIT} bytes cannot be cached")
    return data
