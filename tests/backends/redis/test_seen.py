"""Which keys a listing has seen."""

from cachectl._backends.redis.seen import Seen


def test_each_key_is_new_once():
    seen, keys = Seen(), [b"%d" % number for number in range(20_000)]
    assert all(seen.adds(key) for key in keys)
    assert not any(seen.adds(key) for key in keys)
    assert all(key in seen for key in keys)
    assert not any(b"x%d" % number in seen for number in range(20_000))


def test_a_key_whose_hash_is_zero_is_one_as_well():
    """Zero marks what is free."""
    assert hash(b"") == 0
    seen = Seen()
    assert b"" not in seen
    assert seen.adds(b"")
    assert not seen.adds(b"")
