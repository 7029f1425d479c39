"""What every codec does: what it writes it reads, and hostile payloads are refused."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachectl._model import codecs, values
from cachectl._model.codecs import CODECS, Codec, Registration
from cachectl.errors import DamagedEntry, UsageError

_OURS: Final = range(1, 128)
_THEIRS: Final = range(128, 256)


class CodecContract:
    """What every codec does. One that is tested is installed, and says these three:

    its `registration`; some `values`, all that are special among them; and `hostile` payloads,
    none of which is a value.
    """

    registration: ClassVar[Registration]
    values: ClassVar[Sequence[object]]
    hostile: ClassVar[Sequence[bytes]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the tests with each value and each payload."""
        if "value" in metafunc.fixturenames:
            metafunc.parametrize("value", self.values, ids=lambda value: repr(value)[:40])
        if "payload" in metafunc.fixturenames:
            metafunc.parametrize("payload", self.hostile)

    @property
    def codec(self) -> Codec:
        """The codec as the engine finds it, by its number."""
        return codecs.codec(self.registration.number)

    def test_a_value_comes_back_equal_and_of_the_same_type(self, value: object) -> None:
        number, payload = codecs.encode(value)
        assert number == self.registration.number
        found = codecs.decode(number, memoryview(payload))
        assert type(found) is type(value)
        assert repr(found) == repr(value)
        assert self.codec.encode(found) == payload

    def test_the_size_of_a_payload_is_known_without_it(self, value: object) -> None:
        number, payload = codecs.encode(value)
        assert codecs.measure(value) == (number, len(payload))

    def test_a_copy_is_equal_and_can_be_weighed(self, value: object) -> None:
        copy = self.codec.copy(value)
        assert type(copy) is type(value)
        assert repr(copy) == repr(value)
        assert self.codec.memory(copy) >= 0

    def test_a_file_holds_the_value(self, value: object) -> None:
        content = values.render(value)
        assert repr(values.parse(self.registration.name, content)) == repr(value)

    def test_a_json_document_says_what_the_value_is(self, value: object) -> None:
        described = json.loads(json.dumps(values.describe(value)))
        assert described.pop("type") == self.registration.name
        assert described

    def test_people_are_shown_the_value_or_told_why_not(self, value: object) -> None:
        assert values.preview(value) or not value
        with suppress(UsageError):
            assert isinstance(values.readable(value), str)

    def test_a_hostile_payload_is_refused(self, payload: bytes) -> None:
        with pytest.raises(ValueError):
            self.codec.decode(memoryview(payload))
        with pytest.raises(DamagedEntry):
            codecs.decode(self.registration.number, memoryview(payload))

    @settings(
        max_examples=200,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(data=st.data())
    def test_any_payload_is_a_value_or_refused(self, data: st.DataObject) -> None:
        encoded = [self.codec.encode(value) for value in self.values]
        payload = bytearray(data.draw(st.sampled_from(encoded) | st.binary(max_size=60)))
        for at in data.draw(st.lists(st.integers(0, max(0, len(payload) - 1)), max_size=4)):
            payload[at : at + 1] = data.draw(st.binary(max_size=2))
        try:
            found = self.codec.decode(memoryview(bytes(payload)))
        except ValueError:
            return
        self.codec.memory(found)

    def test_the_registration_has_a_number_and_types_of_its_own(self) -> None:
        mine = self.registration
        others = [each for each in (*CODECS, *codecs.plugins()) if each != mine]
        assert mine.number in (_OURS if mine in CODECS else _THEIRS)
        assert mine.number not in {each.number for each in others}
        assert mine.name not in {each.name for each in others}
        assert not {*mine.types} & {name for each in others for name in each.types}
        assert {codecs.number_for(value) for value in self.values} <= {mine.number}

    def test_the_suffix_of_a_file_names_the_type(self) -> None:
        for suffix in self.registration.suffixes:
            assert values.type_of(f"value{suffix}") == self.registration.name
