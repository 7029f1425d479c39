"""What `inspect` shows of one entry."""

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from cachectl._admin import entries
from cachectl._admin.keys import beginning_with
from cachectl._admin.reach import PUBLISHED, in_memory
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable
from cachectl._cli.session import Session
from cachectl._engine.cache import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.entry import Entry
from cachectl.errors import DamagedEntry, UsageError

_CANDIDATES: Final = 5


def show_entry(
    cache: Cache,
    opened: Session,
    name: str,
    key: str | None,
    features: str | None,
    extra: Sequence[str],
    *,
    picture: bool,
) -> None:
    """Show one entry in full. Ends with 3 if it is not there, is damaged or has expired."""
    if in_memory(cache):
        out.note(PUBLISHED)
    namespace = cache.namespace(name)
    found, entry = _entry(namespace, key, options.key_of(namespace, key, features, extra))
    now = time.time()
    known = entries.facts(namespace, found, entry, now)
    if out.format is Format.TABLE:
        out.context("cache", *opened.context.parts(opened.context.state(cache.status())))
        out.context(name, namespace.policy.summary)
        out.gap()
        _show_page(known, entry, now)
        if picture:
            _show_picture(entry)
    else:
        out.document("entry", entries.document(known, entry))
    if entry.expires_at <= now:
        raise Stop(Exit.NOT_FOUND)


def _entry(namespace: Namespace, typed: str | None, key: str) -> tuple[str, Entry]:
    """Return the entry under a key, or the one whose hashed key begins with what was typed."""
    entry = _peeked(namespace, key)
    if entry is None and typed is not None:
        found = list(islice(beginning_with(namespace, typed), _CANDIDATES + 1))
        if len(found) > 1:
            more = ", …" if len(found) > _CANDIDATES else ""
            shown = ", ".join(map(printable, found[:_CANDIDATES]))
            raise UsageError(f"{typed} is the beginning of several keys: {shown}{more}")
        if found:
            key, entry = found[0], _peeked(namespace, found[0])
    if entry is None:
        raise Stop(Exit.NOT_FOUND, f"{namespace.name} has no {printable(key)}")
    return key, entry


def _peeked(namespace: Namespace, key: str) -> Entry | None:
    try:
        return namespace.peek(key)
    except DamagedEntry as error:
        raise Stop(Exit.NOT_FOUND, f"{printable(key)} is damaged: {error}") from None


def _show_page(known: dict[str, Any], entry: Entry, now: float) -> None:
    from cachectl._cli.output.entry_page import page

    out.lines(page(known, entry, now, out.width, out.glyphs))


def _show_picture(entry: Entry) -> None:
    from cachectl._cli.output.pictures import drawn

    data = drawn(entry.value) if isinstance(entry.value, bytes) and out.width else None
    if data is None:
        out.note(
            "no picture that this terminal can show (kitty shows PNG; iTerm2 and WezTerm others, too)"
        )
    else:
        out.line(data)
