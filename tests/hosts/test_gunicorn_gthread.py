"""gunicorn with threads: workers that are recycled under requests, replaced and terminated."""

import signal

import pytest

from tests.support.processes import wait_until


def test_all_lookups_are_counted_and_descriptors_stay(machine):
    command = "gunicorn -k gthread -w 2 --threads 4 -b 127.0.0.1:PORT tests.hosts.application:wsgi"
    with machine.serving(command) as site:
        warm = site.ask_all(range(100)) and machine.descriptors()
        site.ask_all(range(500))
        machine.assert_flat(warm)

    assert machine.counted() == machine.noted() > 600


@pytest.mark.parametrize("preload", ["", "--preload"])
def test_all_lookups_of_workers_that_were_replaced_are_counted(machine, preload):
    command = f"gunicorn -k gthread -w 2 --threads 4 {preload} --max-requests 60"
    command += " -b 127.0.0.1:PORT tests.hosts.application:wsgi"
    with machine.serving(command) as site:
        site.ask_all(range(200))
        before = set(machine.processes()) - {site.process.pid}
        site.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not before & set(machine.processes()))
        site.ask_all(range(100))

    assert machine.counted() == machine.noted() > 300
