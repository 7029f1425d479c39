"""Modules that are imported late, though threads may need them.

A fork while another thread is inside an import would leave the child with a lock of Python's that
nobody releases. So whoever imports late holds `importing`, and a fork takes it as well.
"""

from typing import Final

from cachectl._model.turn import CallLock

importing: Final = CallLock("modules that are imported", 10.0)
"""Held by a thread that imports, which takes seconds where a disk has to be asked for them."""
