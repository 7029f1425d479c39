"""Values that are alike are not all weighed, and what they weigh together is true."""

import pytest

from cachectl._engine.weights import Weights


class Scales:
    """Weighs values, which are what they weigh, and counts how often."""

    def __init__(self) -> None:
        self.weights = Weights()
        self.weighed = 0

    def measure(self, value: object) -> int:
        self.weighed += 1
        assert isinstance(value, int)
        return value

    def error(self, values: list[int], size: int = 1000) -> float:
        """Return by which share the sum of what it says is wrong."""
        said = sum(self.weights.weigh(value, size, self.measure) for value in values)
        return said / sum(values) - 1


def test_of_values_that_are_alike_few_are_weighed():
    scales = Scales()
    assert abs(scales.error([5000 + number % 200 for number in range(10_000)])) < 0.02
    assert scales.weighed < 1000


@pytest.mark.parametrize("period", [2, 3, 8, 16, 100])
def test_values_that_are_not_alike_are_weighed(period: int):
    scales = Scales()
    values = [9000 if number % period == 0 else 1500 for number in range(10_000)]
    assert abs(scales.error(values)) < 0.05


def test_what_changes_is_noticed():
    scales = Scales()
    assert abs(scales.error([5000] * 1000)) < 0.01
    assert abs(scales.error([1200] * 10_000)) < 0.05


def test_values_of_other_sizes_do_not_tell_what_these_weigh():
    scales = Scales()
    scales.error([100] * 100, size=50)
    assert scales.error([90_000] * 10, size=10_000) == 0
