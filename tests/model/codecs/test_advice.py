"""What is refused says what to do instead, without importing anything for it."""

import enum
from collections import namedtuple
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from pydantic import BaseModel

from cachectl import UnsupportedValue
from cachectl._model import codecs


class Model(BaseModel):
    name: str = "Ada"


@dataclass
class Point:
    x: float = 1.0


class Colour(enum.StrEnum):
    RED = "red"


Pair = namedtuple("Pair", "first second")  # noqa: PYI024 - what applications have

KNOWN = [
    (Model(), '.model_dump(mode="json") of it'),
    (Point(), "dataclasses.asdict(…) of it"),
    (date(2030, 1, 1), ".isoformat() of it"),
    (timedelta(1), ".total_seconds() of it"),
    (np.float64(0.5), ".item() of it"),
    (np.int32(1), ".item() of it"),
    (np.bool_(True), ".item() of it"),
    (np.datetime64("2030-01-01"), ".item() of it"),
    (Decimal(1), "str(…) of it"),
    (uuid4(), "str(…) of it"),
    (Path("a"), "str(…) of it"),
    (Colour.RED, ".value of it"),
    (Pair(1, 2), "._asdict() of it"),
    ({1}, "sorted(…) of it"),
    (bytearray(b"x"), "bytes(…) of it"),
    (object(), "convert it"),
]


@pytest.mark.parametrize(("value", "way"), KNOWN, ids=lambda value: type(value).__name__)
def test_a_refusal_says_what_to_store_instead(value, way):
    for refused in (value, {"a": [value]}):
        with pytest.raises(UnsupportedValue) as caught:
            codecs.encode(refused)
        assert way in str(caught.value)
        assert "or give the namespace a dump= and a load= that do so" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "instead"),
    [
        (Model(), Model().model_dump(mode="json")),
        (np.float64(0.5), np.float64(0.5).item()),
        (date(2030, 1, 1), date(2030, 1, 1).isoformat()),
        (Pair(1, 2), Pair(1, 2)._asdict()),
        (Colour.RED, Colour.RED.value),
    ],
    ids=repr,
)
def test_what_is_advised_can_be_stored(value, instead):
    codecs.encode(instead)
