"""Objects that are named in text, imported when they are first used."""

from importlib import import_module
from typing import Any

from cachectl._model.importing import importing


def load_target(target: str) -> Any:
    """Return the object at `"package.module:attribute"`, importing the module."""
    module, _, attributes = target.partition(":")
    with importing:
        found: Any = import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found
