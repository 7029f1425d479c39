"""JSON: whichever library does the work, the same is written, read and refused."""

import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cachectl import UnsupportedValue
from cachectl._model.codecs import json as json_codec
from cachectl._model.codecs.json import JsonCodec
from cachectl.testing.contract.values import json_values

DOCUMENT = (
    b'{"a":[1,-2.5e-09,null,true],"\\u00e9":"\\ud800x","b":{"c":"\\"\\n","d":18446744073709551616}}'
)


class Established(JsonCodec):
    """A codec that has seen more than a few documents."""

    def __init__(self) -> None:
        self._documents = json_codec._FEW


@pytest.fixture(params=[JsonCodec, Established], ids=["few documents", "many documents"])
def codec(request) -> JsonCodec:
    return request.param()


def decode(payload: bytes) -> object:
    return Established().decode(memoryview(payload))


@settings(max_examples=500)
@given(json_values)
@example([2**63, -(2**63) - 1, 2**64, 10**400, -0.0, 5e-324, 1.7976931348623157e308, 1e16, 1e22])
@example([1e-4, 9.999999999999999e-05, 1e15, 9999999999999998.0, -1e16, 0.1, 123.0, None, True])
@example(["\ud800", "\udc00x", "\ud83d\ude00", "\x00\x1f\x7f\u2028", {"\udfff": "\ud800"}, "\x7f"])
def test_many_documents_are_written_and_read_as_the_first_is(value):
    first, later = JsonCodec(), Established()
    payload = later.encode(value)
    assert payload == first.encode(value)
    assert repr(later.decode(memoryview(payload))) == repr(first.decode(memoryview(payload)))


@settings(max_examples=500)
@given(st.floats())
def test_every_float_is_written_as_the_first_is_or_refused(number):
    if math.isfinite(number):
        assert Established().encode([number]) == JsonCodec().encode([number])
        return
    for codec in (Established(), JsonCodec()):
        with pytest.raises(UnsupportedValue):
            codec.encode([number])


@settings(max_examples=1000)
@given(st.data())
def test_whatever_ascii_python_refuses_is_refused(data):
    changed = bytearray(DOCUMENT)
    for at in data.draw(st.lists(st.integers(0, len(changed) - 1), max_size=3)):
        changed[at : at + 1] = data.draw(
            st.sampled_from([b"", b"0", b'"', b"\\", b"e", b"]", b"}"])
        )
    payload = bytes(changed)
    try:
        expected = json.loads(payload)
    except ValueError:
        with pytest.raises(ValueError):
            decode(payload)
    else:
        assert repr(decode(payload)) == repr(expected)


@pytest.mark.parametrize("payload", [b" 1", b"1 ", b"\t[]", b"{}\n", b'"a" "b"', b"1,"])
def test_nothing_may_stand_before_or_behind_a_document(codec, payload):
    with pytest.raises(ValueError):
        codec.decode(memoryview(payload))


@pytest.mark.parametrize(
    "value",
    [(1,), {1: 2}, {"a": {None: 1}}, b"x", [object], {"a": [math.nan]}, math.inf, [set()]],
    ids=repr,
)
def test_what_would_not_come_back_equal_is_refused(codec, value):
    with pytest.raises(UnsupportedValue):
        codec.encode(value)


def test_a_subclass_is_not_what_comes_back_and_is_refused(codec):
    kinds = (type("Text", (str,), {}), type("Number", (int,), {}), type("Table", (dict,), {}))
    for kind in kinds:
        with pytest.raises(UnsupportedValue):
            codec.encode([kind()])


def test_a_codec_uses_the_faster_library_after_a_few_documents():
    codec = JsonCodec()
    for _ in range(json_codec._FEW):
        codec.encode([1])
    assert json_codec._msgspec.cache_info().currsize <= 1
    before = json_codec._msgspec.cache_info()
    codec.encode([1])
    after = json_codec._msgspec.cache_info()
    assert after.hits + after.misses == before.hits + before.misses + 1
