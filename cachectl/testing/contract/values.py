"""What every backend does with values: all codecs come back equal, and nothing else gets in."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cachectl import InvalidKey, UnsupportedValue, UsageError
from cachectl._engine.namespace import Namespace
from cachectl._model.codecs import plugins, qualified_name
from cachectl._model.write import Write
from cachectl.testing.contract.base import Contract
from cachectl.testing.lookups import found
from cachectl.testing.opener import Opener

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
arrays: st.SearchStrategy[Any] = npst.arrays(
    npst.boolean_dtypes()
    | npst.integer_dtypes()
    | npst.unsigned_integer_dtypes()
    | npst.floating_dtypes()
    | npst.complex_number_dtypes()
    | npst.unicode_string_dtypes(min_len=1, max_len=5)
    | npst.byte_string_dtypes(min_len=1, max_len=5)
    | npst.datetime64_dtypes(),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
quick: settings = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


class Point:
    """A type of an application."""


class Fields(dict[str, int]):
    """A subclass would come back as a dict."""


class ValuesContract(Contract):
    """All codecs' values come back equal, and nothing else gets in."""

    @pytest.fixture
    def users(self, opener: Opener) -> Namespace:
        return opener().namespace("users")

    @quick
    @given(json_values | st.binary() | st.text(st.characters(codec=None)))
    def test_json_text_and_bytes_come_back_equal_and_of_the_same_type(
        self, users: Namespace, value: Any
    ) -> None:
        users.set("k", value)
        kept: Any = users.get("k")
        assert kept == value
        assert type(kept) is type(value)
        assert repr(kept) == repr(value)  # 1 and True, 0.0 and -0.0 are equal, and yet not the same

    @quick
    @given(arrays)
    def test_arrays_come_back_with_dtype_and_shape_and_read_only(
        self, users: Namespace, value: Any
    ) -> None:
        users.set("k", value)
        kept: Any = users.get("k")
        assert (kept.dtype, kept.shape) == (value.dtype, value.shape)
        assert kept.tobytes() == value.tobytes()
        assert not kept.flags.writeable

    def test_tuples_and_dictionaries_of_arrays_come_back_as_they_were(
        self, users: Namespace
    ) -> None:
        pair = (np.arange(3), np.zeros((2, 2), "f4"))
        named = {"mean": np.array(0.5), "large": np.ones(300_000)}
        users.set_many({"pair": pair, "named": named})
        assert repr(users.get("pair")) == repr(pair)
        assert repr(users.get("named")) == repr(named)
        assert not found(users.get("pair"))[0].flags.writeable

    @pytest.mark.parametrize("size", [0, 1, 32_767, 65_536, 131_023, 131_024, 1_048_576, 3_000_000])
    def test_bytes_of_every_size_come_back(self, users: Namespace, size: int) -> None:
        users.set("k", b"\xff" * size)
        assert users.get("k") == b"\xff" * size

    def test_what_the_caller_does_to_a_value_afterwards_does_not_change_the_cached_one(
        self, users: Namespace
    ) -> None:
        original = {"list": [1]}
        array, large = np.arange(3), np.zeros(200_000)
        users.set("json", original)
        users.set("array", array)
        users.set("large", large)
        original["list"].append(2)
        array[0] = large[0] = 9
        assert users.get("json") == {"list": [1]}
        assert found(users.get("array")).tolist() == [0, 1, 2]
        assert not found(users.get("large")).any()

    def test_arrays_of_any_memory_layout_are_kept_by_their_elements(self, users: Namespace) -> None:
        square = np.arange(12.0).reshape(3, 4)
        users.set("k", square.T[::2])
        assert np.array_equal(found(users.get("k")), square.T[::2])

    @pytest.mark.parametrize(
        ("value", "named"),
        [
            (Point(), f"{__name__}.Point"),
            (Fields(), f"{__name__}.Fields"),
            ({1, 2}, "set"),
            ((1, 2), "tuple"),
            ((np.zeros(1), 1), "tuple"),
            ({"a": np.zeros(1), "b": 1}, "ndarray at $"),
            (bytearray(b"x"), "bytearray"),
            (datetime(2026, 1, 1, tzinfo=UTC), "datetime.datetime"),
            (Decimal(1), "decimal.Decimal"),
            (1j, "complex"),
            (np.float64(1), "numpy.float64"),
            (np.ma.masked_array([1]), "numpy.ma"),
            (lambda: None, "function"),
            ({"a": [1, (2,)]}, "tuple at $.a[…]"),
            ({"a": {1: 2}}, "key of type int at $.a"),
            ([math.nan], "NaN"),
            (math.inf, "infinity"),
            (np.array([object()]), "dtype object"),
            (np.zeros(1, [("x", "i4")]), "dtype [('x', '<i4')]"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_other_values_are_refused_with_the_name_of_their_type(
        self, users: Namespace, value: Any, named: str
    ) -> None:
        if qualified_name(type(value)) in {name for each in plugins() for name in each.types}:
            pytest.skip("a plug-in has a codec for it")
        users.set("k", "before")
        with pytest.raises(UnsupportedValue) as caught:
            users.set("k", value)
        assert str(caught.value).startswith("namespace users, set 'k': ")
        assert named in str(caught.value)
        assert users.get("k") == "before"

    def test_a_value_nested_too_deep_is_refused(self, users: Namespace) -> None:
        value: list[object] = []
        for _ in range(100):
            value = [value]
        with pytest.raises(UnsupportedValue):
            users.set("k", value)
        circular: list[object] = []
        circular.append(circular)
        with pytest.raises(UnsupportedValue):
            users.set("k", circular)

    @pytest.mark.parametrize("key", ["", "k" * 1025, "é" * 513, "\ud800", 1, None, b"k"])
    def test_what_cannot_be_a_key_is_refused_by_every_operation(
        self, users: Namespace, key: str
    ) -> None:
        operations: tuple[Callable[[], object], ...] = (
            lambda: users.get(key),
            lambda: users.set(key, 1),
            lambda: users.delete(key),
            lambda: users.peek(key),
            lambda: users.get_or_load(key, dict),
            lambda: users.delete_many(["fine", key]),
        )
        for operation in operations:
            with pytest.raises(InvalidKey):
                operation()

    @pytest.mark.parametrize(
        "options",
        [
            {"ttl": 0}, {"ttl": -1}, {"ttl": "1x"}, {"ttl": True}, {"cost": -1}, {"cost": "much"},
            {"tags": "org"}, {"tags": [""]}, {"tags": ["a\nb"]}, {"tags": ["x" * 129]}, {"tags": [1]},
            {"tags": [str(n) for n in range(16)]}, {"load_seconds": -1}, {"load_seconds": math.nan},
            {"load_seconds": math.inf}, {"load_seconds": "1s"}, {"load_seconds": True},
        ],
        ids=str,
    )  # fmt: skip
    def test_impossible_options_are_refused_and_nothing_is_stored(
        self, users: Namespace, options: dict[str, Any]
    ) -> None:
        with pytest.raises(UsageError):
            users.set("k", 1, **options)
        assert list(users.entries()) == []

    @pytest.mark.parametrize("load_us", [-1, 1.5, True, "1"])
    def test_an_impossible_load_time_among_many_is_refused(
        self, users: Namespace, load_us: Any
    ) -> None:
        with pytest.raises(UsageError):
            users.set_many([Write("k", 1, load_us=load_us)])
        assert list(users.entries()) == []
