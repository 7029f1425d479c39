"""Configuration: one `Settings`, from flags, environment, file and defaults."""

from cachectl._config.models import NamespaceSettings, Settings
from cachectl._config.reading import policy_fields
from cachectl._config.sources import load

__all__ = [
    "NamespaceSettings",
    "Settings",
    "load",
    "policy_fields",
]
