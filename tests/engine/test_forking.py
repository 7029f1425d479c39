"""Forks beside threads and signal handlers that hold what a fork wants."""

import pytest

from cachectl._engine import forking
from cachectl.testing import Opener
from tests.support.processes import Fork, wait_until

SECONDS = 10


@pytest.fixture
def turns(opener: Opener):
    """All turns that there are, of a cache in use."""
    users = opener(strict=False).namespace("users")
    users.set("k", 1)
    users.get("k")
    return list(forking._turns())


def test_who_forks_holds_nothing_while_he_waits(turns):
    """A signal handler may want any turn in the midst of code that holds another: if the fork held it,
    neither would ever end.
    """
    for turn in turns:
        fork = Fork()
        with turn:
            fork.start()
            wait_until(fork.waits)
            had = [each.hold(SECONDS) and each.release() is None for each in turns]
        fork.join(SECONDS)
        assert all(had)
        assert fork.ended == 0


def test_two_forks_at_once_wait_for_each_other(turns):
    forks = [Fork() for _ in range(4)]
    for fork in forks:
        fork.start()
    for fork in forks:
        fork.join(SECONDS)
    assert [fork.ended for fork in forks] == [0] * 4
