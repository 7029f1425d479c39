"""Sources: where the entries of a warm-up come from.

To add one, write a module with something that takes a path and a default namespace and returns
a `Source`, and register it here under the suffix of its files.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cachectl.errors import UsageError
from cachectl.policy import check_namespace
from cachectl.registry import Registry
from cachectl.warm.records import Source

STDIN: Final = "-"
_DIRECTORY: Final = "directory"

SOURCES: Final[Registry[Callable[[Path, str | None], Source]]] = Registry(
    "source",
    {
        ".jsonl": "cachectl.warm.sources.jsonl:jsonl_file",
        ".ndjson": "cachectl.warm.sources.jsonl:jsonl_file",
        ".csv": "cachectl.warm.sources.csv:CsvSource",
        ".npz": "cachectl.warm.sources.npz:NpzSource",
        STDIN: "cachectl.warm.sources.jsonl:jsonl_stdin",
        _DIRECTORY: "cachectl.warm.sources.directory:DirectorySource",
    },
)


def open_source(path: str | os.PathLike[str], namespace: str | None = None) -> Source:
    """Return the source at `path`: a manifest, an archive, a directory, or `-` for JSONL on
    standard input. `namespace` is for what does not name one itself.

    Raises `UsageError` if it is missing, of an unknown kind, or cannot be read.
    """
    path = Path(path)
    if namespace is not None:
        check_namespace(namespace)
    if str(path) != STDIN and not path.exists():
        raise UsageError(f"{path} does not exist")
    kind = STDIN if str(path) == STDIN else _DIRECTORY if path.is_dir() else path.suffix.lower()
    known = list(SOURCES)
    if kind not in known:
        raise UsageError(f"cannot warm from {path} (known: {', '.join(known)})")
    return SOURCES[kind](path, namespace)
