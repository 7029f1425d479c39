"""What an application may need later is imported with its first namespace: see `importing`.

The command line, which has one thread, imports what a command needs when it needs it.
"""

from importlib import import_module
from typing import Final

from cachectl._model.importing import importing

_MODULES: Final = (
    "binascii",
    "decimal",
    "hashlib",
    "msgspec.json",
    "cachectl._backends.counter_database",
    "cachectl._backends.eviction.lrfu",
    "cachectl._engine.cleanup",
    "cachectl._engine.decorator.decorate",
    "cachectl._engine.decorator.known",
    "cachectl._engine.decorator.labels",
    "cachectl._engine.loaders",
    "cachectl._engine.loading",
    "cachectl._engine.singleflight.threads",
    "cachectl._metrics.applications",
    "cachectl._metrics.reports",
    "cachectl._model.codecs.json",
    "cachectl._model.codecs.raw",
    "cachectl._model.codecs.strict_json",
    "cachectl._model.codecs.text",
)


def prepare(modules: tuple[str, ...]) -> None:
    """Import all that threads may need, and what their backend names beside it."""
    with importing:
        for name in (*_MODULES, *modules):
            import_module(name)
