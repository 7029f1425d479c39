"""What all suites of backends begin with: a clock, and caches over one empty place."""

from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from cachectl._engine.cache import Cache
from cachectl.testing.clock import Clock
from cachectl.testing.opener import Opener

ENGINES: Final = ("threads", "tasks")


class Contract:
    """Fixtures for the suites; those who use them override `settings`."""

    @pytest.fixture
    def settings(self) -> Mapping[str, object]:
        """What opens a cache where nothing is yet: `{"backend": "mine", "mine.size": 3}`."""
        pytest.fail(f"{type(self).__name__} has no fixture `settings` that says what to open")

    @pytest.fixture
    def clock(self) -> Clock:
        """The time that all caches go by."""
        return Clock()

    @pytest.fixture(params=ENGINES)
    def engine(self, request: pytest.FixtureRequest) -> str:
        """Which of the two engines is proved: `Cache` or `AsyncCache`."""
        return str(request.param)

    @pytest.fixture
    def opener(self, settings: Mapping[str, object], clock: Clock, engine: str) -> Iterator[Opener]:
        """Opens caches with these settings, and closes them."""
        opener = Opener(settings, clock, engine)
        yield opener
        opener.close()

    @pytest.fixture
    def cache(self, opener: Opener) -> Cache:
        """A cache that raises whatever happens to its backend."""
        return opener()
