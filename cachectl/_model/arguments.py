"""What callers pass: which values can be an argument, and how those are told that cannot.

Whoever is called checks his arguments before anything is paid, written or removed.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from reprlib import Repr
from typing import Any, Final, NoReturn, TypeVar

from cachectl.errors import UsageError

T = TypeVar("T")

_REPR: Final = Repr()
_REPR.maxlevel = 2
_REPR.maxstring = _REPR.maxother = 80
_PLAIN: Final = "plain"
_MOST: Final = 2**53
_TEXTS: Final = (str, bytes, bytearray, memoryview)


def shown(value: object) -> str:
    """Return what a value is, on one short line, whatever it is and however its `repr` fails."""
    try:
        return _REPR.repr(value)
    except Exception:  # noqa: BLE001 - such as an int of more digits than Python writes
        return f"a value of type {type(value).__name__}"


def either(choices: Iterable[str]) -> str:
    """Return choices as a sentence has them: `memory, file or redis`."""
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def check_flag(name: str, value: object) -> bool:
    """Return True or False. Raises `UsageError` for what is neither: `"no"` would be true."""
    is_numpy = type(value).__module__ == "numpy" and type(value).__name__ in {"bool", "bool_"}
    if value is None or isinstance(value, bool) or is_numpy:
        return bool(value)
    if type(value) is int and value in {0, 1}:
        return value == 1
    raise UsageError(f"{name}= is True or False, not {shown(value)}")


def check_whole(name: str, value: object, least: int) -> int:
    """Return a whole number that is not less, nor absurd. Raises `UsageError`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
        raise UsageError(f"{name}= is a whole number of at least {least}, not {shown(value)}")
    return int(value)


def check_called(name: str, value: Any, what: str) -> Any:
    """Return what can be called. Raises `UsageError`."""
    if not callable(value):
        raise UsageError(f"{name} is a function {what}, not {shown(value)}")
    return value


def listed(name: str, values: Iterable[T], what: str) -> Iterable[T]:
    """Return what can be gone through. Raises `UsageError`, also for one text: it is no list of its
    characters.
    """
    if isinstance(values, _TEXTS) or not isinstance(values, Iterable):
        raise UsageError(f"{name} is a list of {what}, not {shown(values)}")
    return values


def check_mapping(name: str, value: Mapping[str, T] | None) -> Mapping[str, T]:
    """Return a mapping, an empty one for None. Raises `UsageError` unless its keys are text."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UsageError(f"{name}= is a mapping of names to values, not {shown(value)}")
    return value


class Unshared:
    """What holds threads, locks and connections: a copy of it, in this process or in another, would be
    none that works.
    """

    def __reduce__(self) -> NoReturn:
        kind = type(self).__name__
        raise UsageError(
            f"a {kind} cannot be copied or pickled: pass it on as it is, and in another process open it"
            " there (a worker that is forked has it already)"
        )


def told(error: UsageError, where: str) -> UsageError:
    """Return the error that says as well where something was passed."""
    made = type(error)(f"{where}: {error}")
    vars(made)[_PLAIN] = plain(error)
    return made


def plain(error: UsageError) -> str:
    """Return what an error says without where something was passed, for who says that himself."""
    return str(vars(error).get(_PLAIN, error))


@contextmanager
def passed_to(where: str) -> Iterator[None]:
    """Let what is objected to in here say where it was passed."""
    try:
        yield
    except UsageError as error:
        raise told(error, where) from error.__cause__
