"""The faults that `make soak` puts into a copy of the package can be put there."""

from pathlib import Path

import pytest

from tests.soak.mutations import MUTATIONS, Mutation

PACKAGE = Path(__file__).parents[2] / "cachectl"


def test_there_are_enough_of_them():
    assert len({mutation.what for mutation in MUTATIONS}) == len(MUTATIONS) >= 30


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_what_is_to_be_changed_is_there_once(mutation: Mutation):
    """Or the soak would not find out that nobody looks."""
    text = (PACKAGE / mutation.file).read_text()
    assert text.count(mutation.right) == 1
    assert mutation.wrong != mutation.right
