"""Labels of decorated functions: what a call was made with, for who inspects a cache."""

from datetime import date
from enum import Enum
from pathlib import PurePosixPath

import numpy as np
import pytest

from cachectl._engine.decorator.labels import label_of
from tests.support.openers import SHARED


class Kind(Enum):
    GENRE = 1


class Odd:
    def __repr__(self):
        raise RuntimeError("nobody asks for this")

    __str__ = __repr__


@pytest.mark.parametrize(
    ("arguments", "label"),
    [
        ({"kind": "genre", "tempo": 118.0, "n": 3}, "kind genre · tempo 118.0 · n 3"),
        ({"features": {"key": "C", "tempo": 120.0}, "model": None}, "key C · tempo 120.0 · model None"),
        ({"text": "x" * 100}, "text " + "x" * 39 + "…"),
        ({"rows": [1, "two", [3], 4]}, "rows 1, two, list, …"),
        ({"kind": Kind.GENRE, "day": date(2026, 12, 1), "at": PurePosixPath("/a")}, "kind GENRE · day 2026-12-01 · at /a"),
        ({"vector": np.zeros(3), "odd": Odd(), "cls": Odd, "raw": b"x"}, "vector ndarray · odd Odd · cls Odd · raw bytes"),
        ({"big": 10**5000}, "big int"),
        ({"session_id": "s", "cookies": {"a": "s"}, "bearer": "s"},
         "session_id *** · cookies *** · bearer ***"),
        ({"jwt": "s", "otp": 123456, "api_keys": ["s"]}, "jwt *** · otp *** · api_keys ***"),
        ({"max_tokens": 256, "keys": "plain"}, "max_tokens 256 · keys plain"),
        ({"token": "s3cr3t", "api_key": "k", "password": {"a": 1}}, "token *** · api_key *** · password ***"),
        ({"url": "redis://user:hunter2@host:1/0"}, "url redis://***@host:1/0"),
        ({f"a{n}": n for n in range(100)}, " · ".join(f"a{n} {n}" for n in range(12))),
        ({}, ""),
    ],
)  # fmt: skip
def test_arguments_are_told_shortly_and_secrets_not(arguments, label):
    assert label_of(arguments) == label


def labels(namespace):
    return [info.entry.label for info in namespace.entries() if info.entry]


def calls(cache, **options):
    """Call a decorated function once, as its application would."""

    @cache.cached("ai", **options)
    def analyse(features, kind="genre", user=None, *, fresh=False):
        return 1

    analyse({"tempo": 118.0}, user=42)


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_an_entry_is_labelled_with_what_the_call_was_given(opener):
    """Defaults stand last, what does not count in the key is left out."""
    cache = opener()
    calls(cache, ignore=["fresh"])
    assert labels(cache.namespace("ai")) == ["tempo 118.0 · user 42 · kind genre"]


@pytest.mark.parametrize("opener", SHARED, indirect=True)
@pytest.mark.parametrize("policy", [{"labels": False}, {"keys": "hashed"}])
def test_a_namespace_without_labels_has_none_of_functions(opener, policy):
    cache = opener()
    cache.namespace("ai", **policy)
    calls(cache)
    assert labels(cache.namespace("ai")) == [""]


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_a_key_that_an_application_makes_needs_no_label(opener):
    cache = opener()
    calls(cache, key=lambda features, **_: str(features["tempo"]))
    assert labels(cache.namespace("ai")) == [""]


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_memory_which_nobody_else_looks_into_keeps_none_of_functions(opener):
    cache = opener()
    calls(cache)
    assert labels(cache.namespace("ai")) == [""]


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_a_method_a_refresh_and_a_bypass_have_the_same_label(opener):
    cache = opener()

    class Client:
        @cache.cached("ai", ignore=["self"], bypass="again")
        def ask(self, question, again=False):
            return 1

        @classmethod
        @cache.cached("of-class", name="made")
        def made(cls, what):
            return 1

    client = Client()
    for call in (
        lambda: client.ask("why"), lambda: client.ask("why", again=True),
        lambda: client.ask.refresh("why"),
    ):  # fmt: skip
        call()
        assert labels(cache.namespace("ai")) == ["question why"]
    Client.made(3)
    assert labels(cache.namespace("of-class")) == ["cls Client · what 3"]
