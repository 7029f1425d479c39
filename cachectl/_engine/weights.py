"""What values weigh in memory, without weighing each of those that are alike."""

from collections.abc import Callable
from typing import Final

_ALIKE: Final = 32
"""Values in a row that were as heavy as expected, before others are not weighed."""
_DEVIATION: Final = 0.1
_SHARE: Final = 1 / 16
"""Of those, the share that is weighed nevertheless."""
_SCALED: Final = 15
"""Bytes from which on sizes are nearly the same that differ by a sixteenth."""
_GOLDEN: Final = 0.6180339887498949
"""Its multiples, without their whole parts, are evenly distributed, and fall in with no period."""


class _Known:
    """What values of one size weigh, byte by byte."""

    __slots__ = ("alike", "per_byte")

    def __init__(self) -> None:
        self.per_byte = 0.0
        self.alike = 0

    def learn(self, per_byte: float) -> None:
        deviation = abs(per_byte - self.per_byte)
        self.alike = self.alike + 1 if deviation <= _DEVIATION * per_byte else 0
        self.per_byte += (per_byte - self.per_byte) / min(self.alike + 1, _ALIKE)


class Weights:
    """What the values of one namespace weigh.

    Those that have nearly the same size once encoded are often alike, and then one in sixteen
    tells what the others weigh. Where one is not as heavy as expected, all are weighed again.
    """

    def __init__(self) -> None:
        self._of_size: dict[int, _Known] = {}
        self._phase = 0.0

    def weigh(self, value: object, size: int, measure: Callable[[object], int]) -> int:
        """Return what a value weighs that has so many bytes once encoded."""
        scale = size.bit_length() - 4 if size > _SCALED else 0
        nearly = 16 * scale + (size >> scale)
        known = self._of_size.get(nearly)
        if known is None:
            known = self._of_size[nearly] = _Known()
        if known.alike >= _ALIKE:
            self._phase = (self._phase + _GOLDEN) % 1.0
            if self._phase > _SHARE:
                return int(known.per_byte * size)
        weight = measure(value)
        known.learn(weight / size)
        return weight
