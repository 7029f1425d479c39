"""What is handed over, where a namespace refuses it."""

import pytest

from cachectl.errors import BackendError
from tests.support.openers import Opener


@pytest.mark.parametrize("opener", ["redis"], indirect=True)
def test_a_namespace_that_refuses_uses_does_not_stop_the_others_nor_their_figures(
    opener: Opener, redis_server
):
    cache = opener(strict=False)
    for name in ("a", "b"):
        cache.namespace(name).set("k", 1)
        cache.flush()
    with redis_server.client() as client:
        client.delete("cachectl:{a}:lru")
        client.set("cachectl:{a}:lru", "not a sorted set")
    for name in ("a", "b"):
        assert cache.namespace(name).get("k") == 1
    with pytest.raises(BackendError):
        cache.flush()
    assert cache.stats("b").namespaces["b"].hits == 1
    assert cache.stats("a").namespaces["a"].hits == 1
