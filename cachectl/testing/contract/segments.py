"""How many keys are in each segment of an eviction by recency and frequency."""

import pytest

from cachectl._engine.cache import Cache
from cachectl.testing.contract.base import Contract
from cachectl.testing.opener import Opener


class SegmentsContract(Contract):
    """What the suites of `lrfu` ask for: those who use them override `segment_sizes`."""

    def segment_sizes(self, opener: Opener, cache: Cache, namespace: str) -> list[int]:
        """Return the keys in the window, in the main part, and the ghosts of each."""
        pytest.fail(f"{type(self).__name__} has no `segment_sizes` to say what is in {namespace}")
