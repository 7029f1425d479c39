"""gunicorn with greenlets, which patches a cache that `--preload` opened before."""

import pytest

COMMAND = "gunicorn -k gevent -w 2 -b 127.0.0.1:PORT tests.hosts.application:wsgi"


@pytest.mark.parametrize("preload", ["--preload", ""])
def test_all_requests_that_look_at_the_figures_are_answered(machine, preload):
    """`stats()` in each request, on a connection of its own: no worker hangs, and greenlets leave
    no descriptors.
    """
    with machine.serving(f"{COMMAND} {preload}") as site:
        warm = site.ask_all(range(100), "?stats") and machine.descriptors()
        site.ask_all(range(300), "?stats")
        machine.assert_flat(warm)

    assert machine.counted() == machine.noted() > 400
