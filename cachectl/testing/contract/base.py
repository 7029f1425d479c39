"""What all suites of backends begin with: a clock, and caches over one empty place."""

from collections.abc import Iterator, Mapping

import pytest

from cachectl._engine.cache import Cache
from cachectl.testing.clock import Clock
from cachectl.testing.opener import Opener


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

    @pytest.fixture
    def opener(self, settings: Mapping[str, object], clock: Clock) -> Iterator[Opener]:
        """Opens caches with these settings, and closes them."""
        opener = Opener(settings, clock)
        yield opener
        opener.close()

    @pytest.fixture
    def cache(self, opener: Opener) -> Cache:
        """A cache that raises whatever happens to its backend."""
        return opener()
