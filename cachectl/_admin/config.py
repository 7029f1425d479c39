"""The configuration in force, and where one is looked for, as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from cachectl._config.files import Place
from cachectl._config.in_force import Configuration, InForce


def document(configuration: Configuration) -> dict[str, Any]:
    """Return the document of `config show --format json`."""
    return {
        "file": _path(configuration.source),
        "settings": list(rows(configuration.settings)),
        "unused": configuration.unused,
    }


def rows(settings: Sequence[InForce]) -> Iterator[dict[str, Any]]:
    """Yield the settings, an object each."""
    for setting in settings:
        yield {
            "name": setting.name,
            "value": setting.value,
            "origin": {**setting.origin._asdict(), "variables": list(setting.origin.variables)},
        }


def checked(configuration: Configuration) -> dict[str, Any]:
    """Return the document of `config check --format json`, of a configuration that is right."""
    return {"file": _path(configuration.source), "unused": configuration.unused}


def places(found: Sequence[Place]) -> Iterator[dict[str, Any]]:
    """Yield where a configuration is looked for, an object each."""
    for place in found:
        yield {
            "path": _path(place.path),
            "said_by": place.said_by or None,
            "exists": place.is_there,
            "used": place.is_used,
        }


def _path(path: object) -> str | None:
    return None if path is None else str(path)
