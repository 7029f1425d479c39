"""The backend and the codec of this package do what those of cachectl do."""

from decimal import Decimal
from pathlib import Path

import pytest
from cachectl_example.backend import DictBackend
from cachectl_example.codec import REGISTRATION

from cachectl.plugins import Backend, Store, SupportsFork
from cachectl.testing import BackendContract, CodecContract


class TestDict(BackendContract):
    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"backend": "dict"}


class TestDecimal(CodecContract):
    registration = REGISTRATION
    values = tuple(map(Decimal, ("1.50", "0", "-1E+400", "NaN", "Infinity")))
    hostile = (b"", b"x", b"\xff", b"1 2", "١".encode())


def test_the_type_checker_knows_the_backend_as_one(tmp_path: Path) -> None:
    made = DictBackend(file=tmp_path / "kept.json")
    backend: Backend = made
    store: Store = made.store("users")
    assert isinstance(backend, SupportsFork)
    assert list(store.scan()) == []
