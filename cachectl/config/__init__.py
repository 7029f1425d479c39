"""Configuration: one `Settings`, from flags, environment, file and defaults."""

from cachectl.config.models import NamespaceSettings, Settings
from cachectl.config.reading import policy_fields
from cachectl.config.sources import load

__all__ = ["NamespaceSettings", "Settings", "load", "policy_fields"]
