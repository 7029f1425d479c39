"""Modules of Python that Typer imports for what our commands never ask of it: to unpack an archive, to open a
page in a browser, to install a completion. Each is loaded once something in it is used.

`importlib.util.LazyLoader` is no help: before Python 3.12 an `import` of such a module loads it.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

_RARELY_USED: Final = ("bz2", "lzma", "subprocess")


class _Postponed(ModuleType):
    """Stands for a module until something is looked up or set in it, which gives way to that module."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__dict__["__spec__"] = ModuleSpec(name, None)  # for who asks whether it is there

    def __getattr__(self, name: str) -> object:  # of what is not here yet
        return getattr(self._loaded(), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._loaded(), name, value)
        super().__setattr__(name, value)

    def _loaded(self) -> ModuleType:
        """Return the module; what is in it is here from the first time on."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        loaded = import_module(self.__name__)
        self.__dict__.update(loaded.__dict__)
        return loaded


def postpone() -> None:
    """Let these be imported without being loaded, unless they are already."""
    for name in _RARELY_USED:
        sys.modules.setdefault(name, _Postponed(name))
