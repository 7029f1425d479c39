"""Where the processes of a user share what is no matter for a disk: memory, or what ends with the
user's session.
"""

import os
from pathlib import Path
from typing import Final

from cachectl._backends.trust import exposed

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the directories themselves are private


def volatile(name: str) -> Path | None:
    """Return the path of a directory, which need not exist; None where nothing may be written."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for parent in (SHARED_MEMORY, Path(runtime)) if runtime else (SHARED_MEMORY,):
        usable = parent.is_absolute() and os.access(parent, os.W_OK | os.X_OK)
        if usable and exposed(parent) is None:
            return parent / f"cachectl-{os.geteuid()}-{name}"
    return None
