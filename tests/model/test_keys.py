"""Keys: canonical forms that are equal exactly when the features are."""

import math
from collections import OrderedDict
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl import InvalidKey
from cachectl._model.canonical import canonical, feature_key
from cachectl._model.keys import check_key, check_label, check_tags
from cachectl.errors import UsageError


class Key(StrEnum):
    K = "k"


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary()
)  # fmt: skip
features = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def identity(value: object) -> object:
    """Return something hashable that is equal exactly for features that are the same."""
    if isinstance(value, dict):
        items = frozenset((identity(key), identity(item)) for key, item in value.items())
        return ("dict", items)
    if isinstance(value, list | tuple):
        return (type(value).__name__, tuple(identity(item) for item in value))
    return (type(value).__name__, value)


@given(features, features)
def test_the_canonical_form_is_injective(one, other):
    assert (canonical(one) == canonical(other)) == (identity(one) == identity(other))


@given(st.lists(features, max_size=3), st.lists(features, max_size=3))
def test_neighbouring_features_do_not_run_into_each_other(one, other):
    joined = [b"".join(map(canonical, part)) for part in (one, other)]
    same = [identity(item) for item in one] == [identity(item) for item in other]
    assert (joined[0] == joined[1]) == same


@given(st.dictionaries(st.text(max_size=5), features, max_size=5), st.randoms())
def test_the_order_of_a_mapping_does_not_matter(mapping, chance):
    items = list(mapping.items())
    chance.shuffle(items)
    assert canonical(dict(items)) == canonical(mapping) == canonical(MappingProxyType(mapping))


@pytest.mark.parametrize(
    "different",
    [
        (1, 1.0, True, "1", b"1", [1], (1,), {1: 1}, None, 0, False, "", b"", [], (), {}),
        (["ab", "c"], ["a", "bc"], ["abc"], [["ab"], "c"]),
        ({"a": "1&b=2"}, {"a": "1", "b": "2"}),
        ({"a": None}, {}, {"a": {}}),
        (10, "i a", 0xA0, -10),
        (math.nan, math.inf, -math.inf, 0.0),
        ("é", "e\u0301"),
        ({1: "a"}, {"1": "a"}),
        (np.arange(4), np.arange(4.0), np.arange(4).reshape(2, 2), [0, 1, 2, 3]),
    ],
    ids=str,
)
def test_what_looks_alike_differs(different):
    assert len({canonical(value) for value in different}) == len(different)


def test_both_zeros_are_one_number():
    assert canonical(-0.0) == canonical(0.0)
    assert canonical([-0.04], 1) == canonical([0.0])


def test_floats_are_rounded_everywhere_or_by_field():
    song = {"tempo": 120.04, "loud": [-7.26, {"peak": 0.049}], "key": "C", "beats": 4}
    same = {"tempo": 120.01, "loud": [-7.31, {"peak": -0.02}], "key": "C", "beats": 4}
    assert canonical(song, 1) == canonical(same, 1)
    assert canonical(song, 2) != canonical(same, 2)
    assert canonical(song) != canonical(same)
    only_tempo = dict(song, tempo=120.01)
    assert canonical(song, {"tempo": 1}) == canonical(only_tempo, {"tempo": 1})
    assert canonical(song, {"loud": 1}) != canonical(only_tempo, {"loud": 1})
    nested = {"tempo": [{"exact": 1.04}]}, {"tempo": [{"exact": 1.01}]}
    assert canonical(nested[0], {"tempo": 1}) != canonical(nested[1], {"tempo": 1})
    assert canonical([1.04, (2.01,)], 1) == canonical([1.0, (2.04,)], 1)
    assert canonical(1e300, 15) == canonical(1e300)
    assert canonical(math.inf, 1) == canonical(math.inf)


@pytest.mark.parametrize(
    ("scalar", "plain"),
    [
        (np.int64(5), 5), (np.uint8(5), 5), (np.float64(0.1), 0.1), (np.float32(0.5), 0.5),
        (np.bool_(True), True), (np.str_("x"), "x"), (np.bytes_(b"x"), b"x"),
    ],
)  # fmt: skip
def test_numpy_scalars_are_the_numbers_they_hold(scalar, plain):
    assert canonical(scalar) == canonical(plain)
    assert canonical({"a": [scalar]}) == canonical({"a": [plain]})


def test_numpy_scalars_are_rounded_as_well():
    assert canonical({"tempo": np.float64(1.04)}, {"tempo": 1}) == canonical({"tempo": 1.0})


@pytest.mark.parametrize(
    "value",
    [
        object(), {1, 2}, 1j, bytearray(b"x"), range(3), np.array([object()]), np.datetime64("now"),
        {"a": [object()]}, {(1, object()): 1}, type("Text", (str,), {})("x"), len,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_without_a_canonical_form_are_refused(value):
    with pytest.raises(InvalidKey, match="no key can be made of"):
        canonical(value)


def test_features_nested_too_deep_are_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(InvalidKey, match="deep"):
        canonical(value)


def test_a_feature_key_is_a_sha256_of_features_and_extras():
    key = feature_key({"tempo": 120.04}, {"provider": "google_ai", "model": "x"}, 1)
    assert key == feature_key(OrderedDict(tempo=120.0), {"model": "x", "provider": "google_ai"}, 1)
    assert len(key) == 64
    assert int(key, 16)
    assert key != feature_key({"tempo": 120.04, "provider": "google_ai", "model": "x"}, {}, 1)
    assert key != feature_key([{"tempo": 120.04}, {"provider": "google_ai"}], {"model": "x"}, 1)


def test_feature_keys_are_for_ever():
    """Caches outlive programs: this is the key of these features in every version."""
    features = {"s": "é", "i": -255, "f": 0.1, "l": [None, True, b"\0"], "t": (1,), "m": {2: {}}}
    assert canonical(features) == (
        b"m6:s1:ff0.1;s1:ii-ff;s1:ll3:nTy1:\x00s1:mm1:i2;m0:s1:ss2:\xc3\xa9s1:tt1:i1;"
    )
    assert feature_key(features, {"x": 1}) == FROZEN


FROZEN = "cdc72764ed73f5337d9e90039fc0958d16ac8b7ab6854be5bd1d00046d2b5295"


@pytest.mark.parametrize("key", ["a", "a" * 1024, "é" * 512, "\0", " ", "\n"])
def test_strings_of_up_to_1024_bytes_are_keys(key):
    assert check_key(key) is key


@pytest.mark.parametrize("key", [Key.K, np.str_("k")], ids=repr)
def test_other_text_becomes_plain_text(key):
    plain = check_key(key)
    assert (type(plain), plain) == (str, "k")


@pytest.mark.parametrize("key", ["", "a" * 1025, "é" * 513, "\udc80", 1, b"a", None])
def test_other_things_are_no_keys(key):
    with pytest.raises(InvalidKey):
        check_key(key)


def test_tags_are_sorted_and_unique():
    assert check_tags(["b", "a", "b"]) == ("a", "b")
    assert check_tags(()) == ()
    assert check_tags(["é" * 64]) == ("é" * 64,)


@pytest.mark.parametrize(
    "tags",
    [
        "org",
        ["é" * 65],
        [""],
        ["a\0b"],
        ["a\u202eb"],
        ["\ud800"],
        [None],
        list(map(str, range(16))),
    ],
)
def test_impossible_tags_are_refused(tags):
    with pytest.raises(InvalidKey):
        check_tags(tags)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("genre · C", "genre · C"), ("", ""), (" a\n\tb ", "a b"), ("\x1b[31mred", "?[31mred"),
        ("\u202eabc\ud800\0", "?abc??"), ("x" * 80, "x" * 80), ("x" * 81, "x" * 79 + "…"),
        ("ab " * 10_000, ("ab " * 27)[:79].rstrip() + "…"), (np.str_("text"), "text"),
    ],
)  # fmt: skip
def test_a_label_is_a_line_that_can_be_printed_and_is_not_long(text, label):
    assert check_label(text) == label


@pytest.mark.parametrize("value", [1, b"bytes", ["a"]])
def test_a_label_is_text(value):
    with pytest.raises(UsageError, match="a label is text"):
        check_label(value)
