"""Keys that are text of another type: the same entry, whatever is done."""

from enum import Enum, StrEnum

import numpy as np
import pytest

from cachectl import MISSING


class Color(StrEnum):
    RED = "red"


class OldColor(str, Enum):  # noqa: UP042 - whose members are formatted otherwise
    RED = "red"


@pytest.mark.parametrize("key", [Color.RED, OldColor.RED, np.str_("red")], ids=repr)
def test_a_key_is_taken_as_its_text_by_every_operation(opener, key):
    space = opener().namespace("space")

    assert space.get(key) is MISSING
    assert space.get_or_load(key, lambda: 1) == 1
    assert (space.get("red"), space.get(key), space.has(key), key in space) == (1, 1, True, True)
    assert space.set(key, 2)
    assert (space.get("red"), space.peek(key).value) == (2, 2)
    assert [type(entry.key) for entry in space.entries()] == [str]
    assert space.get_or_load(key, lambda: 3, bypass=True) == 3
    assert (space.delete(key), space.delete("red")) == (True, False)
    space.set_many({key: 4})
    assert (space.get("red"), space.delete_many([key]).entries) == (4, 1)
    figures = space.stats()
    assert (figures.hits, figures.misses, figures.errors) == (4, 3, 0)
