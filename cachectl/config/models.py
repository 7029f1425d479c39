"""The settings: every table with its keys and defaults.

To add a setting, add a field: the file, the environment, the flags, the messages and the test
of the example follow from it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo

from cachectl.config.fields import (
    Backend,
    Boolean,
    Digits,
    Directory,
    Entries,
    Name,
    Places,
    Seconds,
    Size,
    Ttl,
    Url,
)
from cachectl.config.messages import Keys
from cachectl.errors import ConfigError
from cachectl.policy import Policy

_BUILT_IN: Final = Policy()


class Table(BaseModel):
    """A table of the configuration: immutable, without unknown keys, silent about its input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class FileSettings(Table):
    directory: Directory


class RedisSettings(Table):
    url: Url = SecretStr("redis://localhost:6379/0")
    prefix: Name = "cachectl"
    connect_timeout: Seconds = 0.5
    timeout: Seconds = 1.0


class MemorySettings(Table):
    """What processes of one user show each other.

    A process publishes its counters under `name`; with `observe` it reports those of the
    others instead, as the command line does.
    """

    name: Name = "default"
    publish: Boolean = True
    observe: Boolean = False


class NamespaceSettings(Table):
    """What a namespace says itself; what it leaves unset comes from `defaults`."""

    ttl: Ttl = _BUILT_IN.ttl
    max_entries: Entries = _BUILT_IN.max_entries
    max_bytes: Size = _BUILT_IN.max_bytes
    key_decimals: Digits = _BUILT_IN.key_decimals
    enabled: Boolean = _BUILT_IN.enabled
    metrics: Boolean = _BUILT_IN.metrics

    def chosen(self) -> dict[str, Any]:
        """Return the values that were set, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Settings(Table):
    """The whole configuration. Made by `load`; its `repr` shows no secret."""

    backend: Backend = "file"
    enabled: Boolean = True
    metrics: Boolean = True
    file: FileSettings
    redis: RedisSettings = RedisSettings()
    memory: MemorySettings = MemorySettings()
    defaults: NamespaceSettings = NamespaceSettings()
    namespaces: Annotated[Mapping[Name, NamespaceSettings], AfterValidator(MappingProxyType)] = (
        Field(default_factory=lambda: MappingProxyType({}))
    )
    _source: Path | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any) -> None:
        if isinstance(context, Places):
            self._source = context.source

    @property
    def source(self) -> Path | None:
        """The file that was read; None if there was none."""
        return self._source

    def policy(self, name: str) -> Policy:
        """Return the policy of a namespace, whether or not it was configured."""
        own = self.namespaces.get(name, NamespaceSettings())
        chosen = self.defaults.chosen() | own.chosen()
        chosen["enabled"] = self.enabled and chosen.get("enabled", True)
        chosen["metrics"] = self.metrics and chosen.get("metrics", True)
        return Policy(**chosen)

    def backend_options(self) -> dict[str, object]:
        """Return the keyword arguments for the factory of `backend`; they hold secrets."""
        options = dict(getattr(self, self.backend))
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in options.items()
        }


def policy_fields(given: Mapping[str, object]) -> dict[str, Any]:
    """Return settings of a namespace as fields of `Policy`. Raises `ConfigError`."""
    problems = []
    try:
        written = {name: "none" if value is None else value for name, value in given.items()}
        return NamespaceSettings.model_validate(written).chosen()
    except ValidationError as error:
        problems = [f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors()]
    raise ConfigError(f"not a setting of a namespace: {'; '.join(problems)}")


_NAMESPACES: Final = "namespaces"


def table(keys: Keys) -> type[Table] | None:
    """Return the model of the table at `keys`; None if there is no such table."""
    if not keys:
        return Settings
    if keys[0] == _NAMESPACES:
        return NamespaceSettings if len(keys) == 2 else None
    field = Settings.model_fields.get(keys[0]) if len(keys) == 1 else None
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, Table) else None


def is_table(keys: Keys) -> bool:
    return keys == (_NAMESPACES,) or table(keys) is not None


def setting(keys: Keys) -> FieldInfo | None:
    """Return the field at `keys` that has a value; None if it is unknown, or a table."""
    model = table(keys[:-1])
    return None if model is None or is_table(keys) else model.model_fields.get(keys[-1])


def all_settings(namespace: str) -> Iterator[Keys]:
    """Yield every setting there is, those of namespaces as those of `namespace`."""
    for name in Settings.model_fields:
        place = (name, namespace) if name == _NAMESPACES else (name,)
        model = table(place)
        if model is None:
            yield place
        else:
            yield from ((*place, key) for key in model.model_fields)
