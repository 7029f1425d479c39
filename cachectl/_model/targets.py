"""Objects that are named in text, imported when they are first used."""

from importlib import import_module
from typing import Any


def load_target(target: str) -> Any:
    """Return the object at `"package.module:attribute"`, importing the module."""
    module, _, attributes = target.partition(":")
    found: Any = import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found
