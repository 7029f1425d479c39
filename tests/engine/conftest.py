"""Caches on both engines, which applications can tell apart only by `await`."""

from collections.abc import Iterator

import pytest

from cachectl.testing import Clock
from cachectl.testing.contract.base import ENGINES
from tests.support.openers import WRITABLE, Opener, empty_place


@pytest.fixture(params=WRITABLE)
def place(request: pytest.FixtureRequest) -> dict[str, object]:
    """Settings of a cache where nothing is yet: on every backend, unless a test names some."""
    return empty_place(request)


@pytest.fixture(params=ENGINES)
def any_opener(
    request: pytest.FixtureRequest, place: dict[str, object], clock: Clock
) -> Iterator[Opener]:
    """Opens caches over that place, for threads and for tasks."""
    opener = Opener(place, clock, request.param)
    yield opener
    opener.close()
