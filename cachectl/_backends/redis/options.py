"""The settings of the Redis backend."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Final

from cachectl._model.settings import Kind, Name, Seconds, Table

_URL: Final = r"(?:redis|rediss|unix)://\S+"


def _url(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not re.fullmatch(_URL, value):
        raise ValueError
    return value


Url = Annotated[
    str, Kind(_url, "a URL that begins with redis://, rediss:// or unix://", secret=True)
]


@dataclass(frozen=True, kw_only=True)
class RedisOptions(Table):
    """Which server, and how long it may take."""

    url: Url = field(default="redis://localhost:6379/0", repr=False)  # it may hold a password
    prefix: Name = "cachectl"
    connect_timeout: Seconds = 0.5
    timeout: Seconds = 1.0
