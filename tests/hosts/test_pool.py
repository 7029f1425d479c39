"""`with multiprocessing.Pool`, which ends its processes by SIGTERM."""

import sys

import pytest

LOOKUPS = 400
PROGRAM = f"""
import multiprocessing
from tests.hosts.application import look_up
if __name__ == "__main__":
    with multiprocessing.get_context("METHOD").Pool(4) as pool:
        assert len(pool.map(look_up, range({LOOKUPS}), chunksize=5)) == {LOOKUPS}
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_all_lookups_are_counted(machine, method):
    machine.run(sys.executable, "-c", PROGRAM.replace("METHOD", method))

    assert machine.counted() == machine.noted() == LOOKUPS
    machine.assert_gone()
