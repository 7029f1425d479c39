"""Hooks: what an application holds is dumped before it is stored, and loaded when it comes back."""

import asyncio
import logging
from dataclasses import asdict, dataclass
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from pydantic import BaseModel

from cachectl import MISSING, Cache, UnsupportedValue, UsageError
from cachectl.errors import DamagedEntry
from cachectl.testing import Clock
from tests.support.openers import Opener


class User(BaseModel):
    name: str
    born: date


@dataclass
class Point:
    x: float
    y: float


def png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def refuse(value: object) -> object:
    raise ValueError(f"hunter2 {value!r}")


@pytest.fixture
def cache(any_opener: Opener) -> Cache:
    return any_opener()


@pytest.fixture
def users(cache: Cache) -> Any:
    return cache.namespace(
        "users", dump=lambda user: user.model_dump(mode="json"), load=User.model_validate
    )


ADA = User(name="Ada", born=date(1815, 12, 10))


def test_what_is_stored_comes_back_as_it_was_held(users: Any):
    users.set("ada", ADA)
    users.set_many({"bob": ADA})
    assert users.get("ada") == users.get("bob") == ADA
    assert users.peek("ada").value == ADA
    loads: list[User] = []

    def load() -> User:
        loads.append(ADA)
        return ADA

    assert users.get_or_load("eve", load) == users.get_or_load("eve", load) == ADA
    assert len(loads) == 1
    assert (users.stats().errors, users.stats().hits) == (0, 3)


def test_hooks_are_for_whatever_a_codec_takes(cache: Cache):
    dates = cache.namespace("dates", dump=date.isoformat, load=date.fromisoformat)
    dates.set("k", date(2030, 1, 1))
    assert dates.get("k") == date(2030, 1, 1)
    points = cache.namespace("points", dump=asdict, load=lambda kept: Point(**kept))
    points.set("k", Point(1.0, 2.0))
    assert points.get("k") == Point(1.0, 2.0)
    images = cache.namespace("images", dump=png, load=lambda kept: Image.open(BytesIO(kept)))
    images.set("k", Image.new("RGB", (8, 4), "navy"))
    kept: Any = images.get("k")
    assert (kept.size, kept.getpixel((0, 0))) == ((8, 4), (0, 0, 128))


def test_each_caller_gets_an_object_of_his_own(users: Any):
    users.set("ada", ADA)
    users.get("ada").name = "changed"
    assert users.get("ada") == ADA


def test_others_see_what_was_dumped(any_opener: Opener, cache: Cache, users: Any):
    users.set("ada", ADA)
    if any_opener.backend != "memory":
        entry: Any = any_opener().namespace("users").peek("ada")
        assert entry.value == {"name": "Ada", "born": "1815-12-10"}


def test_hooks_are_registered_once_and_hold_until_others_are_given(cache: Cache, users: Any):
    users.set("ada", ADA)
    assert cache.namespace("users", ttl="1h").get("ada") == ADA
    assert cache.namespace("users", load=None).get("ada") == ADA.model_dump(mode="json")
    assert users.get("ada") == ADA.model_dump(mode="json")
    cache.namespace("users", dump=None, load=User.model_validate).set("bob", {"name": "Bob"})
    assert users.get("ada") == ADA
    assert users.get("bob", "invalid") == "invalid"


def test_what_cannot_be_loaded_any_more_is_a_miss_an_error_and_told_once(cache: Cache, caplog):
    caplog.set_level(logging.WARNING)
    users = cache.namespace("users", load=refuse)
    users.set("k", 1)
    assert users.get("k") is users.get("k") is MISSING
    assert users.get_or_load("k", lambda: 2) == 2
    figures = users.stats()
    assert (figures.hits, figures.misses, figures.errors) == (0, 3, 3)
    with pytest.raises(DamagedEntry):
        users.peek("k")
    (told,) = (record.getMessage() for record in caplog.records)
    assert told == "namespace users: load= raised ValueError; such entries are taken for damaged"


def test_what_cannot_be_dumped_is_refused_by_set_and_returned_by_a_load(cache: Cache, caplog):
    users = cache.namespace("users", dump=refuse)
    with pytest.raises(UnsupportedValue, match="dump= raised ValueError") as caught:
        users.set("k", 1)
    assert isinstance(caught.value.__cause__, ValueError)
    assert users.get_or_load("k", lambda: 2) == 2
    assert users.stats().errors == 1
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("given", [{"dump": "json"}, {"load": 3}, {"dump": asyncio.sleep}])
def test_what_cannot_be_a_hook_is_refused(cache: Cache, given: dict[str, Any]):
    with pytest.raises(UsageError):
        cache.namespace("users", **given)


def test_decorated_functions_go_through_the_hooks_of_their_namespace(place, clock: Clock):
    opener = Opener(place, clock)
    cache = opener()
    cache.namespace(
        "users", dump=lambda user: user.model_dump(mode="json"), load=User.model_validate
    )
    calls: list[str] = []

    @cache.cached("users")
    def user(name: str) -> User:
        calls.append(name)
        return User(name=name, born=date(1815, 12, 10))

    @cache.cached("users")
    async def later(name: str) -> User:
        return user(name)

    assert user("Ada") == user("Ada") == ADA
    assert asyncio.run(later("Ada")) == asyncio.run(later("Ada")) == ADA
    assert calls == ["Ada"]
    assert cache.namespace("users").stats().errors == 0
    opener.close()
