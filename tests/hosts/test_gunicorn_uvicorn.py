"""gunicorn with uvicorn's worker, which a HUP replaces by new ones."""

import signal

from tests.support.processes import wait_until

COMMAND = (
    "gunicorn -k uvicorn.workers.UvicornWorker -w 2 -b 127.0.0.1:PORT tests.hosts.application:asgi"
)


def test_all_lookups_of_workers_that_were_replaced_are_counted(machine):
    with machine.serving(COMMAND) as site:
        warm = site.ask_all(range(100)) and machine.descriptors()
        site.ask_all(range(300))
        machine.assert_flat(warm)
        site.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not (warm.keys() - {site.process.pid}) & set(machine.processes()))
        site.ask_all(range(100))

    assert machine.counted() == machine.noted() > 500
