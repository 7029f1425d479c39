"""Modules that are imported late, though threads may need them.

A fork while another thread is inside an import would leave the child with a lock of Python's that
nobody releases. So whoever imports late holds `importing`, and a fork waits for it.
"""

import os
import threading
from typing import Final

importing: Final = threading.RLock()
"""Held by a thread that imports, and by one that forks."""

os.register_at_fork(
    before=importing.acquire,
    after_in_parent=importing.release,
    after_in_child=importing.release,
)
