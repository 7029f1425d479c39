"""A value to be stored, with all that may be said about it."""

from collections.abc import Sequence
from typing import NamedTuple

from cachectl._model.units import Duration, Money


class Write(NamedTuple):
    """One value for `Namespace.set_many`: `ttl` is a duration, None for the policy's; `cost` is
    dollars, `load_us` the microseconds that making the value took; `label` is that of `Namespace.set`.
    """

    key: str
    value: object
    ttl: Duration | None = None
    tags: Sequence[str] = ()
    cost: Money = 0
    load_us: int = 0
    label: str = ""
