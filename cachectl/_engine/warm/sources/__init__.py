"""Sources: where the entries of a warm-up come from.

To add one, write a module with something that takes a path and a default namespace and returns
a `Source`, and register it here under the suffix of its files. A package of its own declares it as
an entry point in the group `cachectl.sources`, whose name is the suffix.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from cachectl._engine.warm.records import Source
from cachectl._model.arguments import shown
from cachectl._model.policy import check_namespace
from cachectl._model.targets import load_target
from cachectl.errors import UsageError

STDIN: Final = "-"
_DIRECTORY: Final = "directory"

SOURCES: Final = {
    ".jsonl": "cachectl._engine.warm.sources.jsonl:jsonl_file",
    ".ndjson": "cachectl._engine.warm.sources.jsonl:jsonl_file",
    ".csv": "cachectl._engine.warm.sources.csv:CsvSource",
    ".npz": "cachectl._engine.warm.sources.npz:NpzSource",
    STDIN: "cachectl._engine.warm.sources.jsonl:jsonl_stdin",
    _DIRECTORY: "cachectl._engine.warm.sources.directory:DirectorySource",
}
"""What comes with cachectl, by suffix."""


def open_source(path: str | os.PathLike[str], namespace: str | None = None) -> Source:
    """Return the source at `path`: a manifest, an archive, a directory, or `-` for JSONL on
    standard input. `namespace` is for what does not name one itself.

    Raises `UsageError` if it is missing, of an unknown kind, or cannot be read.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise UsageError(f"a manifest is a path, not {shown(path)}")
    path = Path(path)
    if namespace is not None:
        check_namespace(namespace)
    if str(path) != STDIN and not _exists(path):
        raise UsageError(f"{path} does not exist")
    kind = STDIN if str(path) == STDIN else _DIRECTORY if path.is_dir() else path.suffix.lower()
    target = SOURCES.get(kind) or _plugins().get(kind)
    if target is None:
        known = ", ".join([*SOURCES, *_plugins()])
        raise UsageError(f"cannot warm from {path} (known: {known})")
    opener: Callable[[Path, str | None], Source] = load_target(target)
    return opener(path, namespace)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name too long, a directory that may not be searched
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


@cache
def _plugins() -> dict[str, str]:
    from importlib.metadata import entry_points  # takes tens of milliseconds

    return {point.name: point.value for point in entry_points(group="cachectl.sources")}
