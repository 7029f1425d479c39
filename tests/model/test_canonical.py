"""Numbers of numpy that no key can be made of, and those that look like them."""

import numpy as np
import pytest

from cachectl import InvalidKey
from cachectl._model.canonical import canonical

EXTENDED = (np.longdouble("0.1"), np.clongdouble(1j))


@pytest.mark.parametrize("number", EXTENDED, ids=repr)
def test_an_extended_number_has_no_key(number):
    """Numpy keeps it with bytes that mean nothing."""
    for value in (number, {"a": [number]}, np.array([number]), np.array(number)):
        with pytest.raises(InvalidKey, match="no key can be made of numpy"):
            canonical(value)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64], ids=str)
def test_numbers_of_other_sizes_have_the_key_of_their_value(kind):
    assert canonical(kind(0.5)) == canonical(0.5)
    assert canonical(np.array([kind(0.5)])) == canonical(np.array([0.5], kind))
