"""A loader: a function that makes the value of a key, and a file of keys."""

import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cachectl._engine.warm.files import regular_file
from cachectl._engine.warm.lines import Line, lines
from cachectl._engine.warm.records import Load, Position, Refused
from cachectl._engine.warm.trusted import Untrusted, trust_no_others
from cachectl._model.policy import check_namespace
from cachectl.errors import UsageError

Loader = Callable[[str], object]
"""Takes a key and returns its value, or an awaitable of it."""


class LoaderSource:
    """The keys of a file, one per line; blank ones are skipped."""

    def __init__(self, function: Loader, keys: str | os.PathLike[str], namespace: str) -> None:
        self.name = os.fspath(keys)
        self._path = regular_file(Path(keys))
        self.total = self._path.stat().st_size
        self._function = function
        self._namespace = check_namespace(namespace)

    def items(self) -> Iterator[Load | Refused]:
        with self._path.open("rb") as file:
            for line in lines(file):
                if not line.blank():
                    yield self._item(line, Position(self.name, line.number, line.end))

    def _item(self, line: Line, position: Position) -> Load | Refused:
        try:
            return Load(position, self._namespace, line.text(), self._function)
        except UsageError as error:
            return Refused(position, str(error))


def resolve(name: str) -> Loader:
    """Return the function that `package.module:function` names.

    Modules in the current directory can be imported for that, and none that others can change. Raises
    `UsageError`.
    """
    module, _, function = name.partition(":")
    if not module or not function:
        raise UsageError(f"not a loader: {name!r} (write package.module:function)")
    trust_no_others()
    try:
        with _current_directory_importable():
            found = pkgutil.resolve_name(name)
    except Untrusted as error:
        raise UsageError(f"the loader {name!r} is refused: {error}") from error
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"the loader {name!r} cannot be found: {error}") from error
    except Exception as error:
        reason = f"importing it raised {type(error).__name__}"
        raise UsageError(f"the loader {name!r} cannot be used: {reason}") from error
    if not callable(found):
        raise UsageError(f"the loader {name!r} is not a function but {type(found).__name__}")
    loader: Loader = found
    return loader


@contextmanager
def _current_directory_importable() -> Iterator[None]:
    sys.path.insert(0, "")
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove("")
