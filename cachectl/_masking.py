"""Secrets in texts: of URLs that were put where none belongs, and of what is called a password.

Whatever is told to anybody goes through here: the messages of all exceptions, logs and what the tool
says. It takes time in proportion to the text, whatever that is.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_HIDDEN: Final = "***"
_DECODED: Final = 3  # how often something may have been percent-encoded

# Patterns are compiled by `re` when they are first used; none has a repetition within another.
_NOT_TOLD: Final = (
    r"(?i)(?:pass(?:words?|wd|phrase|code)?|pwd|secrets?|token|auth(?:orization)?|bearer|credentials?"
    r"|(?:api|access|account|private|secret|session)[_-]?keys?|session[_-]?id|cookies?|jwt|otp"
    r"|sig(?:nature)?)$"
)
_BETWEEN_PARAMETERS: Final = r"([?&;])"
_SERVER: Final = r"[\w.-]+:\d"
_PORT: Final = r"[\d'\",.;:)>\]]*"


def masked(text: str) -> str:
    """Return `text` without the credentials that may be in it."""
    if not _is_suspect(text):
        return text
    return "".join(_hide(re.split(r"(\s+)", text)))


def is_secret(name: str) -> bool:
    """Return whether what is called so is a secret."""
    return re.search(_NOT_TOLD, name) is not None


def _is_suspect(text: str) -> bool:
    return "@" in text or "=" in text or "%" in text or ":/" in text


def _hide(words: Sequence[str]) -> Iterator[str]:
    last = max((at for at, word in enumerate(words) if "@" in word), default=-1)
    is_open = False  # a password with spaces has begun
    for at, word in enumerate(words):
        if not is_open:
            shown, is_open = _hide_in(word, more=at < last)
            yield shown
        elif "@" in word:
            is_open = False
            yield f"@{word.rpartition('@')[2]}"


def _hide_in(word: str, *, more: bool) -> tuple[str, bool]:
    """Return a word without secrets, and whether one goes on behind it, should there be `more`."""
    if not _is_suspect(word):
        return word, False
    plain = _decode(word)
    shown = "".join(map(_hide_parameter, re.split(_BETWEEN_PARAMETERS, plain)))
    is_open = False
    if "@" in shown:
        shown = _hide_user(shown)
    elif (start := _after_scheme(shown)) and _is_no_port(shown[start:]):
        shown, is_open = shown[:start] + _HIDDEN, more
    return (word if shown == plain else shown), is_open


def _decode(word: str) -> str:
    """Return a word without percent-encodings, in which a URL may hide."""
    for _ in range(_DECODED if "%" in word else 0):
        from urllib.parse import unquote  # few texts have any

        word = unquote(word)
    return word


def _hide_parameter(part: str) -> str:
    name, equals, value = part.partition("=")
    return f"{name}={_HIDDEN}" if equals and value and is_secret(name) else part


def _hide_user(word: str) -> str:
    """Return a word without what stands before its last `@`, if that is a user of a server."""
    before, _, after = word.rpartition("@")
    start = _after_scheme(before)
    if not start and not before.startswith(":") and not re.match(_SERVER, after):
        return word  # an address of a person, a key
    user, colon, password = before[start:].partition(":")
    if password == _HIDDEN or (not colon and user == _HIDDEN):
        return word  # somebody has hidden it already
    return f"{before[:start]}{_HIDDEN}@{after}"


def _after_scheme(word: str) -> int:
    """Return where a URL begins behind its scheme, or 0; a path has but one slash."""
    start = word.find(":/") + 1
    while 0 < start < len(word) and word[start] == "/":
        start += 1
    return start


def _is_no_port(rest: str) -> bool:
    """Return whether a URL without `@` has, where a port is, what may be the beginning of a password."""
    server = re.split(r"[/?#]", rest, maxsplit=1)[0]
    port = server.rpartition("]")[2].partition(":")[2]
    return re.fullmatch(_PORT, port) is None
