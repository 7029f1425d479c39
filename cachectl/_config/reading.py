"""Reading a tree of values into a table: at once if it is right, and if not, thoroughly.

Only pydantic finds everything that is wrong, but to import it takes longer than a command does:
it is called where there is something to explain.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, get_args

from cachectl._config.messages import Keys, dotted, shown
from cachectl._config.models import (
    NamespaceSettings,
    annotation,
    is_table,
    kind_of,
    settings_of,
)
from cachectl._model.settings import Name, Table
from cachectl.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T", bound=Table)

_MISSING: Final = frozenset(("missing", "missing_keyword_only_argument"))


class Problem(NamedTuple):
    """What is wrong at a place of a tree; without a reason, nothing of that name is known."""

    keys: Keys
    reason: str | None


class InvalidSettings(Exception):
    """A tree does not fit its table. Made of names and reasons, it holds no secret."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(len(problems))
        self.problems = problems


def read(table: type[T], tree: Mapping[str, object]) -> T:
    """Return the table that `tree` describes. Raises `InvalidSettings` with all problems."""
    with suppress(KeyError, TypeError, ValueError):  # unknown, left out, or wrong
        found: T = parse(table, tree)
        return found
    raise InvalidSettings(explain(table, tree))  # outside the handler, whose error may hold secrets


def parse(expected: Any, value: Any) -> Any:
    """Return what `value` means where this annotation is. Raises an error that says nothing."""
    if kind := kind_of(expected):
        return kind.parse(value)
    if not isinstance(value, dict):
        raise TypeError
    if is_table(expected):
        known = settings_of(expected)
        return expected(**{name: parse(known[name], item) for name, item in value.items()})
    name_of, table = get_args(expected)
    return {parse(name_of, name): parse(table, item) for name, item in value.items()}


def explain(table: type[Table], tree: Mapping[str, object]) -> list[Problem]:
    """Return all that is wrong with a tree, in the order of the settings."""
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(table).validate_python(tree)
    except ValidationError as error:
        return [_problem(table, detail) for detail in error.errors()]
    return []


def _problem(table: type[Table], detail: "ErrorDetails") -> Problem:
    keys = tuple(map(str, detail["loc"]))
    if detail["type"] == "unexpected_keyword_argument":
        return Problem(keys, None)
    kind = kind_of(annotation(keys, table))
    if keys[-1] == "[key]" and kind is None and detail["type"] == "value_error":
        keys, kind = keys[:-1], kind_of(Name)  # pydantic's place of a wrong name
    reason = str(detail.get("ctx", {}).get("error", ""))
    if not reason:
        expected = kind.description if kind else "a table"
        found = "one that is not shown" if kind and kind.secret else shown(detail["input"])
        if detail["type"] in _MISSING:
            found = "nothing"
        reason = f"expected {expected}, found {found}"
    return Problem(keys, reason)


def policy_fields(given: Mapping[str, object]) -> dict[str, Any]:
    """Return settings of a namespace as fields of `Policy`. Raises `ConfigError`."""
    written = {name: "none" if value is None else value for name, value in given.items()}
    try:
        return read(NamespaceSettings, written).chosen()
    except InvalidSettings as invalid:
        problems = [f"{dotted(keys)}: {reason or 'unknown'}" for keys, reason in invalid.problems]
    raise ConfigError(f"not a setting of a namespace: {'; '.join(problems)}")
