"""uvicorn with four workers, which a SIGTERM ends without `atexit` and without a lifespan."""

COMMAND = (
    "uvicorn --workers 4 --lifespan off --log-level warning"
    " --host 127.0.0.1 --port PORT tests.hosts.application:asgi"
)


def test_all_lookups_are_counted_and_descriptors_stay(machine):
    with machine.serving(COMMAND) as site:
        warm = site.ask_all(range(200)) and machine.descriptors()
        site.ask_all(range(600))
        machine.assert_flat(warm)

    assert machine.counted() == machine.noted() > 800
