"""Filters of a listing: `size>1MB`, `idle>30d`, `ttl=none`, `tag=org:42`, `key~user:*`, `damaged`."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, NamedTuple

from cachectl._admin.entries import type_of
from cachectl._model.arguments import shown
from cachectl._model.codecs import names
from cachectl._model.entry import NEVER, Entry
from cachectl._model.keys import check_tag
from cachectl._model.records import EntryInfo
from cachectl._model.units import Amount, parse_duration, parse_size
from cachectl.errors import UsageError

USED_AFTER: Final = 0.02
"""Seconds after which a use is one: of 20,000 entries written at once, the last one's stamp is that late,
as each is a microsecond after the one before.
"""

Test = Callable[[EntryInfo, float], bool]
"""Whether an entry is meant, at a time in Unix seconds."""

_FORM: Final = r"\s*([a-z]+)\s*(!=|<=|>=|!~|=|<|>|~)\s*(.*?)\s*"
_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
    "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
_EXAMPLES: Final = (
    "size>1MB, age>7d, idle>30d, ttl<5m, ttl=none, cost>0.01, uses=0, tag=org:42, type=json,"
    " key~'user:*', label~'*tempo*', expired, fresh or damaged"
)


class Filters(NamedTuple):
    """What an entry has to be, all of it. `tag` is one that a namespace can be asked for. Who wants what
    is `damaged` has to read the values: only those tell.
    """

    texts: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    tag: str | None = None
    damaged: bool = False

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Filters":
        """Return filters, each a text. Raises `UsageError`, naming what can be written."""
        tests: list[Test] = []
        tag, damaged, texts = None, False, tuple(text.strip() for text in texts)
        for text in texts:
            if text == "damaged":
                damaged = True
            elif text in _WORDS:
                tests.append(_WORDS[text])
            else:
                test, wanted = _parsed(text)
                tests.append(test)
                tag = tag or wanted
        return cls(texts, tuple(tests), tag, damaged)

    def match(self, info: EntryInfo, now: float) -> bool:
        """Return whether an entry is meant, as far as can be told without its value."""
        return all(test(info, now) for test in self.tests)


def was_used(info: EntryInfo) -> bool | None:
    """Return whether an entry was used since it was written; of a damaged one that is not known."""
    if info.entry is None:
        return None
    return info.used_at > info.entry.created_at + USED_AFTER


def _parsed(text: str) -> tuple[Test, str | None]:
    """Return what a filter tests, and the tag that it asks for."""
    match = re.fullmatch(_FORM, text, re.DOTALL)  # a key may have lines
    maker = _MAKERS.get(match[1]) if match else None
    if match is None or maker is None:
        raise UsageError(f"not a filter: {shown(text)} (write {_EXAMPLES})")
    name, sign, wanted = match.groups()
    try:
        test = maker(sign, wanted)
    except UsageError as error:
        raise UsageError(f"not a filter: {shown(text)}: {error}") from None
    return test, wanted if name == "tag" and sign == "=" else None


def _compared(
    figure: Callable[[EntryInfo, float], float | None],
    parse: Callable[[str], float],
    sign: str,
    text: str,
) -> Test:
    """Return what compares a figure of an entry, where it has one."""
    compare, wanted = _signed(sign, _COMPARED), parse(text)

    def test(info: EntryInfo, now: float) -> bool:
        found = figure(info, now)
        return found is not None and compare(found, wanted)

    return test


def _of_text(find: Callable[[Entry], Iterable[str]], sign: str, text: str) -> Test:
    """Return what compares texts of an entry with one, or with a glob: that any of them, or none, is so."""
    _signed(sign, ("=", "!=", "~", "!~"))
    is_alike = fnmatchcase if "~" in sign else operator.eq

    def test(info: EntryInfo, _now: float) -> bool:
        if info.entry is None:
            return False
        return any(is_alike(found, text) for found in find(info.entry)) != sign.startswith("!")

    return test


def _key(sign: str, text: str) -> Test:
    _signed(sign, ("=", "!=", "~", "!~"))
    is_alike = fnmatchcase if "~" in sign else operator.eq
    return lambda info, _now: is_alike(info.key, text) != sign.startswith("!")


def _ttl(sign: str, text: str) -> Test:
    if text == "none":
        _signed(sign, ("=", "!="))
        return lambda info, _now: (
            info.entry is not None and (info.entry.expires_at == NEVER) == (sign == "=")
        )
    return _compared(_left, _seconds, sign, text)


def _uses(sign: str, text: str) -> Test:
    """Return what asks for no use at all, or for any: nobody counts them."""
    wanted = {("=", "0"): False, ("!=", "0"): True, (">", "0"): True}.get((sign, text))
    if wanted is None:
        raise UsageError(
            "uses are not counted: uses=0 is what was not used since it was written, uses>0 the rest"
        )
    return lambda info, _now: was_used(info) is wanted


def _type(sign: str, text: str) -> Test:
    known = (*names(), "pickle", "unknown")
    if "~" not in sign and text not in known:
        raise UsageError(f"no type {shown(text)} (known: {', '.join(known)})")
    return _of_text(lambda entry: [type_of(entry)], sign, text)


def _tag(sign: str, text: str) -> Test:
    if "~" not in sign:
        check_tag(text)
    return _of_text(lambda entry: entry.tags, sign, text)


def _signed(sign: str, signs: Any) -> Any:
    """Return what a sign stands for. Raises `UsageError` for one that says nothing here."""
    if sign not in signs:
        raise UsageError(f"write {' or '.join(signs)} there, not {sign}")
    return signs[sign] if isinstance(signs, Mapping) else sign


def _age(info: EntryInfo, now: float) -> float | None:
    return None if info.entry is None else now - info.entry.created_at


def _left(info: EntryInfo, now: float) -> float | None:
    """Return for how long an entry is still fresh; what has expired is so no more."""
    if info.entry is None or info.entry.expires_at <= now:
        return None
    return info.entry.expires_at - now


def _seconds(text: str) -> float:
    found = parse_duration(text)
    if found is None:
        raise UsageError("write a duration there: 90s, 15m, 1h30m, 7d")
    return found


def _bytes(text: str) -> float:
    found = 0 if text in {"0", "0B"} else parse_size(text)
    if found is None:
        raise UsageError("write a size there: 512, 1.5MiB, 2GB")
    return found


def _dollars(text: str) -> float:
    amount = Amount.of(text.removeprefix("$"))
    return (amount.micros * 1000 - amount.over) / 10**9


_WORDS: Final[Mapping[str, Test]] = {
    "expired": lambda info, now: info.has_expired(now),
    "fresh": lambda info, now: info.entry is not None and not info.has_expired(now),
}
_MAKERS: Final[Mapping[str, Callable[[str, str], Test]]] = {
    "size": partial(_compared, lambda info, _now: info.size, _bytes),
    "age": partial(_compared, _age, _seconds),
    "idle": partial(_compared, lambda info, now: now - info.used_at, _seconds),
    "ttl": _ttl,
    "cost": partial(
        _compared, lambda info, _now: None if info.entry is None else info.entry.dollars, _dollars
    ),
    "uses": _uses,
    "tag": _tag,
    "type": _type,
    "key": _key,
    "label": partial(_of_text, lambda entry: [entry.label]),
}
