"""`cachectl inspect`."""

from typing import Annotated, Final

import typer

from cachectl._admin.filters import Filters
from cachectl._admin.sorting import Order
from cachectl._cli.commands import options
from cachectl._cli.commands.inspect_many import Wanted, show_count, show_entries, show_summaries
from cachectl._cli.commands.inspect_one import show_entry
from cachectl._cli.output import Format, out
from cachectl._cli.session import session
from cachectl._engine.cache import Cache
from cachectl._model.keys import check_tag
from cachectl._model.policy import check_namespaces, is_namespace
from cachectl.errors import UsageError

_STDIN: Final = "-"
_NO_PICTURE: Final = "--picture goes with the page of an entry: inspect NS KEY"


def inspect(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NS]... | NS KEY|-",
            help="Namespaces, all if none is named; or one, and a key or its beginning.",
        ),
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            "-F",
            metavar="FILTER",
            help="Only what is so: size>1MB, age>7d, idle>30d, ttl<5m, ttl=none, cost>0.01, uses=0,"
            " tag=T, type=json, key~'user:*', label~GLOB, expired, fresh, damaged; repeatable.",
        ),
    ] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="T", help="Only entries with this tag.")
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="ORDER", help="size, age, idle, ttl, cost or key; also size:asc."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="So many entries; 0 for all.")
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Only how many, and how much.")] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="What a namespace holds, in one look.")
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Keys alone, each ended by NUL, for xargs -0.")
    ] = False,
    picture: Annotated[
        bool, typer.Option("--picture", help="Show a picture, where the terminal can.")
    ] = False,
    features: options.Features = None,
    extra: options.Extra = None,
    form: options.RowFormat = Format.TABLE,
) -> None:
    """Show what a cache holds, or one entry in full. Counts nothing, and is no use of them.

    Entries come in the order in which a limit would remove them. With -q they are keys alone.

    cachectl inspect ai --filter 'idle>30d' --sort size --limit 20

    cachectl inspect ai 3f2a --format json

    cachectl inspect ai -F 'uses=0' -q | cachectl clear ai --key - --dry-run
    """  # fmt: skip
    out.use(form, Format.CSV)
    named = words or []
    made = features is not None or bool(extra)
    wanted = Wanted(
        Filters.parse([*(filters or []), *([] if tag is None else [f"tag={check_tag(tag)}"])]),
        None if sort is None else Order.parse(sort),
        limit,
        null=null,
    )
    lists = bool(filters or tag or sort or count or summary or null) or limit is not None
    if made and len(named) != 1:
        raise UsageError("--features goes with NS alone")
    if lists and (made or (len(named) == 2 and not all(map(is_namespace, named)))):
        raise UsageError("options of a listing go with namespaces alone, not with a key")
    if picture and (lists or form is not Format.TABLE):
        raise UsageError(_NO_PICTURE)
    if summary and count:
        raise UsageError("--summary counts as well: no --count")
    opened = session(context)
    with opened.cache() as cache:
        key = None if lists or made or len(named) != 2 else _key(cache, *named)
        if key is not None or made:
            out.use(form)
            show_entry(cache, opened, named[0], key, features, extra or [], picture=picture)
            return
        if picture:
            raise UsageError(_NO_PICTURE)
        names = check_namespaces(named)
        if summary:
            show_summaries(cache, opened, names, wanted)
        elif count or not (names or lists):
            show_count(cache, opened, names, wanted)
        else:
            show_entries(cache, opened, names, wanted)


def _key(cache: Cache, name: str, word: str) -> str | None:
    """Return the second of two words if it is a key; None if it names a namespace, and is no key."""
    if word == _STDIN or not is_namespace(word) or word not in cache.usage(word):
        return word
    return word if cache.namespace(name).has(word) else None
