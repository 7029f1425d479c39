"""Any history of a namespace, as in `tests/`, with more examples than a run of all tests has time for."""

import pytest

from cachectl.testing.contract.eviction_stateful import LrfuStatefulContract
from cachectl.testing.contract.planning import PlanningContract
from tests.backends.test_contract import InSegments
from tests.engine.test_stateful import test_a_namespace_is_a_dictionary_with_lifetimes
from tests.support.openers import WRITABLE, empty_place, having

__all__ = ["test_a_namespace_is_a_dictionary_with_lifetimes"]


class TestLrfu(InSegments, LrfuStatefulContract):
    @pytest.fixture(params=having("lrfu"))
    def settings(self, request):
        return empty_place(request)


class TestPlans(PlanningContract):
    @pytest.fixture(params=WRITABLE)
    def settings(self, request):
        return empty_place(request)
