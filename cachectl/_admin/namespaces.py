"""Namespaces by name: what is said where there is none."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cachectl._engine.cache import Cache

_SOURCES: Final = {
    "configuration": "the configuration",
    "application": "an application, set in its code",
    "configuration, application": "the configuration and an application, set in its code",
    "others": "whoever writes these entries",
}


def said(policy_from: str | None) -> str:
    """Return in words who sets a policy."""
    return _SOURCES.get(policy_from or "", "the defaults")


def unknown(name: str) -> str:
    """Return that nothing is known of a namespace, which may be a typing mistake."""
    return f"no namespace {name}: nobody has used or configured it"


def unknown_among(cache: "Cache", names: Sequence[str], held: Collection[str]) -> Sequence[str]:
    """Return those that nobody has used or configured; `held` are known to hold or have held entries."""
    missing = [name for name in names if name not in held]
    return cache.stats(*missing).unknown if missing else ()


def not_there(cache: "Cache", names: Sequence[str]) -> str:
    """Return in words that nothing is known of the first of these names, and what may be meant."""
    from cachectl._config.messages import closest

    meant = closest(names[0], cache.namespaces())
    return unknown(names[0]) if meant is None else f"no namespace {names[0]}; is it {meant}?"
