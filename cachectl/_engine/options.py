"""How what a loader returns is stored."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from cachectl._model.arguments import check_called, listed, shown
from cachectl._model.entry import MISSING, MissingType
from cachectl._model.keys import check_label, check_tags
from cachectl._model.policy import Compression, Eviction, Keys
from cachectl._model.units import Amount, Duration, Money, parse_duration
from cachectl._model.write import Write
from cachectl.errors import UsageError

Cost: TypeAlias = "Money | Callable[[Any], Money]"
"""Dollars that a value cost, or a function that tells them from the value."""

Bypass: TypeAlias = "str | Callable[..., object] | None"
"""The name of an argument, or a function of all arguments, that asks for a load."""


TO_LOAD: Final = object()
"""The default of a lookup that is followed by a load, which counts it."""


def policy_options(
    ttl: Duration | MissingType | None,
    max_entries: int | MissingType | None,
    max_bytes: int | str | MissingType | None,
    key_decimals: int | Mapping[str, int] | MissingType | None,
    enabled: bool | MissingType,
    metrics: bool | MissingType,
    eviction: Eviction | MissingType,
    compress: Compression | MissingType,
    keys: Keys | MissingType,
    labels: bool | MissingType | None,
) -> dict[str, object]:
    """Return the settings of a namespace that were given, by name."""
    return {name: value for name, value in locals().items() if value is not MISSING}


class LoadOptions(NamedTuple):
    """How what a loader returns is stored; see `Namespace.set`."""

    ttl: Duration | None = None
    tags: Sequence[str] = ()
    cost: Cost = 0
    label: str = ""

    def checked(self) -> "LoadOptions":
        """Return these options, which nobody can change any more. Raises `UsageError` before a load is
        paid for whose value could not be stored.
        """
        if self.ttl is not None:
            parse_duration(self.ttl)
        if not callable(self.cost):
            Amount.of(self.cost)
        label = check_label(self.label) if self.label else ""
        return self._replace(tags=check_tags(self.tags), label=label)

    def write(self, key: str, value: object, load_us: int) -> Write:
        """Return what to store of a load that took so many microseconds. Raises `UsageError` if its
        cost cannot be told.
        """
        try:
            cost = self.cost(value) if callable(self.cost) else self.cost
        except Exception as error:  # it may tell of the value, which is not passed on
            raise UsageError(f"cost= raised {type(error).__name__}") from error
        return Write(key, value, self.ttl, self.tags, cost, load_us, self.label)


class FunctionOptions(NamedTuple):
    """How the calls of a function are told apart, and how what it returns is stored."""

    load: LoadOptions
    key: Callable[..., str] | None = None
    name: str | None = None
    ignored: tuple[str, ...] = ()
    bypass: Bypass = None

    @classmethod
    def of(
        cls,
        load: LoadOptions,
        key: Callable[..., str] | None,
        name: str | None,
        ignore: Sequence[str],
        bypass: Bypass,
    ) -> "FunctionOptions":
        """Return these options. Raises `UsageError` for what cannot be one."""
        if key is not None:
            check_called("key=", key, "of the arguments")
        if key is not None and (name is not None or ignore):
            raise UsageError("key= makes the whole key: name= and ignore= say nothing beside it")
        ignored = tuple(listed("ignore=", ignore, "names of parameters"))
        if not all(isinstance(each, str) for each in ignored):
            raise UsageError(f"ignore= is a list of names of parameters, not {shown(ignored)}")
        named = isinstance(bypass, str) and bypass.isidentifier()
        if bypass is not None and not named and not callable(bypass):
            raise UsageError(
                f"bypass= is the name of an argument or a function, not {shown(bypass)}"
            )
        return cls(load.checked(), key, name, ignored, bypass)
