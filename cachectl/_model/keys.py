"""Keys, tags and labels: which strings can be one."""

from collections.abc import Iterable, Mapping
from typing import Final

from cachectl._model.arguments import shown
from cachectl.errors import InvalidKey, UsageError

KEY_LIMIT: Final = 1024
"""Bytes of UTF-8 that a key may have."""

TAG_LIMIT: Final = 128
TAGS_LIMIT: Final = 15

LABEL_LIMIT: Final = 80
"""Characters that a label may have; of a longer text it is the beginning."""


class HashedKey(str):
    """A key that stands for another, whose SHA-256 it is: it is not hashed again."""

    __slots__ = ()


def hashed_key(key: str) -> HashedKey:
    """Return the SHA-256 of a key, 64 hex digits. Raises `InvalidKey` for what cannot be one."""
    if type(key) is HashedKey:
        return key
    from hashlib import sha256  # which loads OpenSSL

    return HashedKey(sha256(check_key(key).encode()).hexdigest())


def check_key(key: str) -> str:
    """Return `key` if it can be one: 1 to 1024 bytes of UTF-8. Raises `InvalidKey`.

    Other types of text, such as members of a `StrEnum` and `numpy.str_`, become plain text.
    """
    if type(key) is not str:
        if type(key) is HashedKey:
            return key
        if not isinstance(key, str):
            kind = type(key).__name__
            raise InvalidKey(f"a key is a string, not {kind} (hash features with key())")
        key = str.__str__(key)
    if not key or len(key) > KEY_LIMIT or (not key.isascii() and _utf8_length(key) > KEY_LIMIT):
        raise InvalidKey(f"a key has 1 to {KEY_LIMIT} bytes, this one has {_utf8_length(key)}")
    return key


def check_tag(tag: str) -> str:
    """Return `tag` as plain text if it can be one. Raises `InvalidKey`."""
    plain = str.__str__(tag) if isinstance(tag, str) else ""
    if not 0 < _utf8_length(plain) <= TAG_LIMIT or not plain.isprintable():
        raise InvalidKey(f"not a tag: {shown(tag)} (1 to {TAG_LIMIT} bytes, printable)")
    return plain


def check_tags(tags: Iterable[str] | None) -> tuple[str, ...]:
    """Return the tags sorted and without repeats; none for None. Raises `InvalidKey`."""
    if tags is None or (type(tags) is tuple and not tags):
        return ()
    if isinstance(tags, str | bytes | Mapping) or not isinstance(tags, Iterable):
        raise InvalidKey(f"tags are a list of strings, not {shown(tags)}")
    unique = tuple(sorted({check_tag(tag) for tag in tags}))
    if len(unique) > TAGS_LIMIT:
        raise InvalidKey(f"an entry has at most {TAGS_LIMIT} tags, not {len(unique)}")
    return unique


def check_label(label: str) -> str:
    """Return a text as a label: on one line, printable, its beginning if it is long. Raises
    `UsageError` for what is no text.
    """
    if not isinstance(label, str):
        raise UsageError(f"a label is text, not {shown(label)}")
    words = " ".join(str.__str__(label)[: 4 * LABEL_LIMIT].split())
    plain = "".join(sign if sign.isprintable() else "?" for sign in words)
    return plain if len(plain) <= LABEL_LIMIT else f"{plain[: LABEL_LIMIT - 1].rstrip()}…"


def _utf8_length(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise InvalidKey(f"not valid Unicode: {shown(text)}") from None
