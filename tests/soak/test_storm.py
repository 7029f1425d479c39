"""A million lookups that are given up at any moment, on a line that delays and cuts."""

import random

import pytest

from tests.backends.redis.transport.storm import storm


@pytest.mark.parametrize("cut", [0.0, 0.0005, 0.01])
def test_no_cancellation_of_a_million_hands_a_reply_to_another(redis_server, redis_url, cut):
    """The seed is in the message of a failure."""
    seed = random.SystemRandom().randrange(2**32)
    outcomes, _ = storm(redis_server, rounds=1700, given_up=0.4, seed=seed, cut=cut)
    assert set(outcomes) <= {"right", "cancelled", "unavailable"}, seed
    assert outcomes["cancelled"] > 100_000, seed
