"""The thread for what would block an event loop."""

from tests.support.processes import run

FORK = """
import signal
from cachectl._backends.worker import Worker

class Name(str):
    def __str__(self):  # asked for in the middle of the start of a thread
        if threading.current_thread() is first:
            begun.set()
            go_on.wait()
        return "worker"

worker, begun, go_on = Worker(Name("worker")), threading.Event(), threading.Event()
first = threading.Thread(target=worker.submit, args=[int])
first.start()
begun.wait()
child = os.fork()
if not child:
    signal.alarm(10)
    done = threading.Event()
    worker.submit(done.set)
    done.wait()
    os._exit(0)
go_on.set()
print(os.waitpid(child, 0)[1])
"""


def test_a_child_that_is_forked_while_another_thread_starts_it_has_one_of_its_own():
    assert run(FORK, {}) == 0
