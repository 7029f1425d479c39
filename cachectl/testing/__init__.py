"""Suites that prove a backend or a codec: those that ours have to pass.

A package tests its backend like this, having been installed so that its entry points are found:

    class TestShelf(BackendContract, SharedContract):
        @pytest.fixture
        def settings(self, tmp_path):
            return {"backend": "shelf", "shelf.directory": tmp_path}

`SharedContract` is for backends that several processes share, `LrfuContract` and
`SharedLrfuContract` for those that have that eviction. Of a codec, `CodecContract` asks for its
registration, some values, and payloads that it must refuse.

Needs pytest and hypothesis: `pip install 'cachectl[testing]'`.
"""

import pytest

pytest.register_assert_rewrite("cachectl.testing.contract")  # failures show values, as elsewhere

from cachectl.testing.clock import Clock
from cachectl.testing.contract.backend import BackendContract
from cachectl.testing.contract.codec import CodecContract
from cachectl.testing.contract.eviction import LrfuContract
from cachectl.testing.contract.sharing import SharedContract, SharedLrfuContract
from cachectl.testing.lookups import found
from cachectl.testing.opener import Opener

__all__ = [
    "BackendContract",
    "Clock",
    "CodecContract",
    "LrfuContract",
    "Opener",
    "SharedContract",
    "SharedLrfuContract",
    "found",
]
