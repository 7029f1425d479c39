"""Modules of Python that Typer imports for what our commands never ask of it: to unpack an archive, to open a
page in a browser, to install a completion. Each is loaded once something in it is used.

`importlib.util.LazyLoader` is no help: before Python 3.12 an `import` of such a module loads it.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Final

_RARELY_USED: Final = ("bz2", "lzma", "subprocess")


class _Postponed(ModuleType):
    """Stands for a module until something is looked up in it, which gives way to that module."""

    def __getattr__(self, name: str) -> object:  # of what is not here yet
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        loaded = import_module(self.__name__)
        self.__dict__.update(loaded.__dict__)
        return getattr(loaded, name)


def postpone() -> None:
    """Let these be imported without being loaded, unless they are already."""
    for name in _RARELY_USED:
        sys.modules.setdefault(name, _Postponed(name))
