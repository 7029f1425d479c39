"""The keys of the calls that a function got last, so that each is made once."""

from sys import getsizeof
from types import NoneType
from typing import Any, Final

CALLS: Final = 4096
"""Calls of one function that a generation remembers at most: some hundred bytes each."""
SIZE: Final = 2**20
"""Bytes of their arguments that a generation keeps alive at most, and a bit more."""
LARGEST: Final = 4096
"""Bytes that the arguments of one call have at most: to hash more takes its time anyway."""
_ATOMS: Final = frozenset({str, int, float, bool, bytes, NoneType})

Signature = tuple[Any, ...]


class RecentKeys:
    """Keys by what tells calls apart, in two generations: when the young one is full it becomes
    the old one, whose keys are forgotten unless they are asked for meanwhile.

    Nobody waits: each step is one of the interpreter. What a race loses is made again.
    """

    __slots__ = ("_old", "_size", "young")

    def __init__(self) -> None:
        self.young: dict[Signature, str] = {}
        self._old: dict[Signature, str] = {}
        self._size: int = 0

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def find(self, signature: Signature) -> str | None:
        """Return the key of a call, if it is remembered."""
        if signature in self.young:
            return self.young.get(signature)
        key = self._old.get(signature)
        if key is not None:
            self.add(signature, key)
        return key

    def add(self, signature: Signature, key: str) -> None:
        """Remember the key of a call, unless its arguments are large."""
        size = _size(signature)
        if size > LARGEST:
            return
        if len(self.young) >= CALLS or self._size > SIZE:
            self._old, self.young, self._size = self.young, {}, 0
        self.young[signature] = key
        self._size += size


def signature_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Signature | None:
    """Return what tells a call apart from others, types included: `1`, `1.0`, `True` and `"1"`
    differ, also within tuples. None if an argument is anything but text, bytes, a number, None,
    or a tuple of these: it could change, or be equal to what it is not.

    Plain positional arguments have a form of their own, which is made fastest: their types,
    followed by themselves. The other form begins with a tuple, so that no two calls share one.
    """
    try:
        if not kwargs and _ATOMS.issuperset(map(type, args)):
            return (*map(type, args), *args)
        return (_typed(args), *kwargs, *map(_typed, kwargs.values()))
    except (TypeError, RecursionError):
        return None


def _typed(value: Any) -> Signature:
    kind = type(value)
    if kind is tuple:
        return (tuple, *map(_typed, value))
    if kind not in _ATOMS:
        raise TypeError
    return (kind, value)


def _size(value: Any) -> int:
    """Return about how many bytes a signature keeps alive; types are alive anyway."""
    if type(value) is tuple:
        return sum(map(_size, value)) + getsizeof(value)
    return 0 if type(value) is type else getsizeof(value)
