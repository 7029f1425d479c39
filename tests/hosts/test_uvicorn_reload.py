"""uvicorn as developers run it: a new process as soon as a file changes."""

from tests.support.processes import wait_until

COMMAND = "uvicorn --reload --lifespan off --host 127.0.0.1 --port PORT service:app"


def test_all_lookups_before_and_after_a_change_are_counted(machine):
    service = machine.write("service.py", "from tests.hosts.application import asgi as app\n")
    with machine.serving(COMMAND) as site:
        site.ask_all(range(100))
        before = set(machine.processes())

        def replaced() -> bool:
            service.touch()  # again, as uvicorn may not have seen the file before
            return not before <= set(machine.processes())

        wait_until(replaced)
        site.ask_all(range(100))

    assert machine.counted() == machine.noted() > 200
