"""`cachectl clear`."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import islice
from typing import Annotated, NamedTuple

import typer

from cachectl.backends import Listed, Removed, Usage
from cachectl.cache import Cache
from cachectl.cli import documents, options
from cachectl.cli.exits import Exit, Stop
from cachectl.cli.output import Format, out
from cachectl.cli.session import session
from cachectl.cli.text import shortened
from cachectl.errors import CacheError, UsageError
from cachectl.keys import check_tags
from cachectl.namespace import Namespace
from cachectl.policy import check_namespace
from cachectl.units import format_bytes, format_entries


class Target(NamedTuple):
    """What is to be cleared: entries of these namespaces with the tag, matching the glob."""

    namespaces: Sequence[str]
    tag: str | None
    match: str | None

    def entries(self, namespace: Namespace) -> Iterator[Listed]:
        """Yield what would go."""
        for listed in namespace.entries(self.tag):
            if self.match is None or fnmatchcase(listed.key, self.match):
                yield listed

    def remove(self, namespace: Namespace) -> Removed:
        """Remove it."""
        if self.match is not None:
            return namespace.delete_many(listed.key for listed in self.entries(namespace))
        if self.tag is not None:
            return namespace.invalidate(tag=self.tag)
        return namespace.clear()


def clear(
    context: typer.Context,
    namespaces: options.Namespaces = None,
    tag: Annotated[str | None, typer.Option(metavar="T", help="Only what has this tag.")] = None,
    match: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only keys that match: 'user:*'.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All namespaces.")] = False,
    dry_run: options.DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    form: options.OutputFormat = Format.TABLE,
) -> None:
    """Remove what you name, fresh or not, after showing it and asking.

    To remove only what has expired or is over a limit, use cleanup.

    cachectl clear enso sigil --dry-run

    cachectl clear --tag org:42 --yes
    """
    out.use(form)
    if namespaces and everything:
        raise UsageError("name namespaces or say --all, not both")
    if not namespaces and not everything and tag is None and match is None:
        raise Stop(Exit.REFUSED, "say what: namespaces, --tag, --match, or --all; see also cleanup")
    if tag is not None:
        check_tags([tag])
    names = [check_namespace(name) for name in namespaces or []]
    with session(context).cache() as cache:
        _require_known(names, cache)
        target = Target(names or list(cache.usage()), tag, match)
        if dry_run:
            _report(_show(cache, target), dry_run=True)
            return
        if not yes:
            _ask(cache, target)
        _report(_remove(cache, target), dry_run=False)
        if cache.status().active_backend == "memory":
            out.note("entries in the memory of other processes cannot be cleared from here")


def _require_known(names: Sequence[str], cache: Cache) -> None:
    """Refuse a list of which some hold nothing: perhaps one of them was meant as a key."""
    unknown = [name for name in names if name not in cache.usage()] if len(names) > 1 else []
    if 0 < len(unknown) < len(names):
        raise UsageError(f"no namespace {unknown[0]}; for a key say: clear NS --match KEY")


def _show(cache: Cache, target: Target) -> dict[str, Removed]:
    """Say what would go, with examples, and return how much it is."""
    found = {}
    for name in target.namespaces:
        entries = target.entries(cache.namespace(name))
        total = Removed()
        for listed in islice(entries, 5):
            out.note(f"  {name}  {shortened(listed.key, 100)}")
            total = total.plus(Removed(1, listed.size))
        for listed in entries:
            total = total.plus(Removed(1, listed.size))
        if total.entries:
            out.note(f"{name}: {format_entries(total.entries)}, {format_bytes(total.bytes)}")
            found[name] = total
    return found


def _ask(cache: Cache, target: Target) -> None:
    total = sum(part.entries for part in _show(cache, target).values())
    if not sys.stdin.isatty():
        raise Stop(Exit.REFUSED, "nobody to ask here: say --yes")
    if total and not out.confirm(f"Remove {format_entries(total)}?"):
        raise Stop(Exit.REFUSED, "nothing was removed")


def _remove(cache: Cache, target: Target) -> dict[str, Removed]:
    done: dict[str, Removed] = {}
    held = cache.usage()
    try:
        for name in target.namespaces:
            done[name] = target.remove(cache.namespace(name))
        cache.compact()
    except BaseException:
        with suppress(CacheError):
            if removed := _less(held, cache.usage()):
                _report(removed, dry_run=False)
        raise
    return done


def _less(before: Mapping[str, Usage], now: Mapping[str, Usage]) -> dict[str, Removed]:
    """Return by how much each namespace shrank."""
    changes = {
        name: Removed(held.entries - now[name].entries, held.bytes - now[name].bytes)
        for name, held in before.items()
        if name in now
    }
    return {name: change for name, change in changes.items() if change.entries > 0}


def _report(removed: dict[str, Removed], *, dry_run: bool) -> None:
    entries = sum(part.entries for part in removed.values())
    size = sum(part.bytes for part in removed.values())
    if out.format in (Format.JSON, Format.JSONL):
        content = {"dry_run": dry_run, "entries": entries, "bytes": size}
        out.document("clear", {**content, "namespaces": documents.removed(removed)})
    else:
        verb = "would remove" if dry_run else "removed"
        out.note(f"{verb} {format_entries(entries)}, {format_bytes(size)}")
