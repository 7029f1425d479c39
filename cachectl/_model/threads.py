"""Whether a thread has ended, whoever started it."""

import threading
import weakref
from typing import Final


class _Life:
    """Something that lives as long as the thread whose local it is."""


_local: Final = threading.local()


def this_thread() -> "weakref.ref[_Life]":
    """Return a reference that is dead once the calling thread has ended, also where `threading`
    does not know it: one of `_thread.start_new_thread`, or of an extension in C.
    """
    try:
        life: _Life = _local.life
    except AttributeError:
        life = _local.life = _Life()
    return weakref.ref(life)
