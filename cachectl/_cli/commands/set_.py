"""`cachectl set`."""

import os
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cachectl._admin.reach import in_memory
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable
from cachectl._cli.session import session
from cachectl._metrics.events import Event, EventKind
from cachectl._model import values
from cachectl._model.codecs import CODECS, VALUE_LIMIT
from cachectl._model.outcome import Outcome
from cachectl._model.units import format_seconds, parse_duration
from cachectl.errors import UnsupportedValue, UsageError


def set_(
    context: typer.Context,
    namespace: options.Namespace,
    key: Annotated[
        str, typer.Argument(metavar="[KEY|-]", help="The key, or from stdin; not with --features.")
    ],
    value: Annotated[
        str | None,
        typer.Argument(metavar="VALUE|-|@FILE", help="The value, from stdin, or from a file."),
    ] = None,
    features: options.Features = None,
    extra: options.Extra = None,
    ttl: Annotated[
        str | None, typer.Option(metavar="DURATION", help="15m, 7d, none; else the namespace's.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="T", help="A tag; repeatable.")] = None,
    cost: Annotated[str, typer.Option(metavar="DOLLARS", help="What making it cost.")] = "0",
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="What inspect shows beside the key.")
    ] = "",
    kind: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar=f"[{'|'.join(codec.name for codec in CODECS)}]",
            help="Default: by the file's suffix, else text; for @FILE bytes.",
        ),
    ] = None,
    nx: Annotated[bool, typer.Option("--nx", help="Only if the key is not there.")] = False,
    xx: Annotated[bool, typer.Option("--xx", help="Only if the key is there.")] = False,
    form: options.DocumentFormat = Format.TABLE,
) -> None:
    """Store a value.

    cachectl set prompts greeting 'Hello!' --ttl 10m --tag org:42

    cachectl set images logo @logo.png
    """
    out.use(form)
    if nx and xx:
        raise UsageError("--nx and --xx exclude each other")
    typed, text = _arguments(key, value, features)
    content = _value(text, kind)
    evicted: list[Event] = []
    with session(context).cache(writing=True) as cache:
        cache.observe(lambda event: evicted.append(event) if _is_eviction(event) else None)
        found = cache.namespace(namespace)
        name = options.key_of(found, typed, features, extra)
        outcome = found.set(
            name, content, ttl=ttl, tags=tag or [], cost=cost, label=label, nx=nx, xx=xx
        )
        if not outcome:
            raise _refusal(namespace, name, outcome, nx=nx)
        ends_here = in_memory(cache)
        limits = found.policy.limits.said(namespace, cache.limits)
    if any(
        (event.namespace, event.key) == (namespace, found.stored_key(name)) for event in evicted
    ):
        reason = f"{namespace} has no {printable(name)}: {limits} removed it again at once"
        raise Stop(Exit.REFUSED, reason)
    lifetime = found.policy.ttl if ttl is None else parse_duration(ttl)
    if form is Format.TABLE:
        out.detail(f"stored in {namespace}, TTL {format_seconds(lifetime)}")
    else:
        out.document("set", {"namespace": namespace, "key": name, "ttl": lifetime})
    if ends_here:
        out.note("the memory backend ends with this process, and the value with it")


def _arguments(first: str, second: str | None, features: str | None) -> tuple[str | None, str]:
    """Return the key, unless it is made of features, and the value. Raises `UsageError`."""
    key, value = (None, first) if features is not None and second is None else (first, second)
    if value is None:
        raise UsageError("give KEY and VALUE, or VALUE and --features JSON")
    if value == "-" and "-" in (key, features):
        raise UsageError("key and value cannot both be read from stdin")
    return key, value


def _is_eviction(event: Event) -> bool:
    return event.kind is EventKind.EVICTION


def _refusal(namespace: str, key: str, outcome: Outcome, *, nx: bool) -> Stop:
    """Return how the command ends if the value is not stored."""
    if outcome is Outcome.DISABLED:
        return Stop(Exit.REFUSED, f"{namespace} is disabled by its configuration")
    if outcome is Outcome.TOO_LARGE:
        return Stop(Exit.REFUSED, f"the value alone is over max_bytes of {namespace}")
    if nx:
        return Stop(Exit.REFUSED, f"{namespace} has {printable(key)} already")
    return Stop(Exit.NOT_FOUND, f"{namespace} has no {printable(key)}")


def _value(text: str, kind: str | None) -> object:
    if text == "-":
        return values.parse(kind or "text", _read(sys.stdin.buffer))
    if text.startswith("@"):
        path = Path(text[1:])
        try:
            with path.open("rb") as file:
                return values.parse(kind or values.type_of(path.name), _read(file))
        except OSError as error:
            raise UsageError(f"cannot read {printable(str(path))}: {error.strerror}") from None
    return values.parse(kind or "text", os.fsencode(text))


def _read(file: BinaryIO) -> bytes:
    data = file.read(VALUE_LIMIT + 1)
    if len(data) > VALUE_LIMIT:
        raise UnsupportedValue(f"a value of more than {VALUE_LIMIT} bytes cannot be cached")
    return data
