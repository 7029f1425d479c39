"""Imports for loaders: from places that nobody else can change, and from no others."""

import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

import cachectl
from cachectl._backends.trust import exposed

_PREFIXES: Final = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
_IN_USE: Final = (*map(Path, _PREFIXES), Path(cachectl.__file__).parents[1])
"""Where this program comes from: who can change that needs no loader."""


class Untrusted(ImportError):
    """A module that others could have written."""


class TrustedFinder(MetaPathFinder):
    """Finds modules where Python does, and raises `Untrusted` for those that others can change."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        for file in _files(spec):
            reason = exposed(file)
            if reason is not None:
                raise Untrusted(reason, name=fullname, path=str(file))
        return spec


def trust_no_others() -> None:
    """Let no module that others can change be imported any more: loaders import also when they run."""
    if not any(isinstance(finder, TrustedFinder) for finder in sys.meta_path):
        sys.meta_path.insert(sys.meta_path.index(PathFinder), TrustedFinder())


def _files(spec: ModuleSpec | None) -> Iterator[Path]:
    """Yield what Python would run: the module, and what it was compiled to before."""
    for found in (spec.origin, spec.cached) if spec is not None and spec.has_location else ():
        file = Path(found or "").absolute()
        if found and not any(file.is_relative_to(place) for place in _IN_USE):
            yield file
