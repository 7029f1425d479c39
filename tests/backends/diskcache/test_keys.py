"""Names of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl._backends.diskcache.keys import PickledKey, keys_of, name_of

NAMES = {
    "plain": "plain",
    7: "7",
    "7": "'7'",
    "007": "007",
    1.0: "1.0",
    "1e3": "1e3",
    b"a": "b'a'",
    "b'a'": "\"b'a'\"",
    "'a'": "\"'a'\"",
    "": "''",
    PickledKey("", 3): "pickled:3",
    PickledKey("001", 3): "pickled:001/3",
    "pickled:3": "'pickled:3'",
    "9" * 30: "9" * 30,
}


@pytest.mark.parametrize(("key", "name"), NAMES.items())
def test_a_key_is_written_as_python_writes_it_and_text_as_it_is(key, name):
    assert name_of(key) == name


keys = st.one_of(
    st.text(), st.binary(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False),
    st.builds(PickledKey, st.sampled_from(["", "000", "012"]), st.integers(0, 10**18 - 1)),
    st.from_regex(r"\A(b?['\"].*['\"]|pickled:.*|-?\d+(\.\d+)?)\Z"),
)  # fmt: skip


@given(keys)
def test_the_name_of_a_key_leads_back_to_it(key):
    found = next(keys_of(name_of(key)))
    assert (found, type(found)) == (key, type(key))


@given(st.text())
def test_any_name_can_be_asked_for(name):
    assert list(keys_of(name))[-1] == name
