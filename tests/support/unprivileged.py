"""Programs that the modes of files hold for, though root runs the tests; and places that only root can
make.
"""

import ctypes
import os
import subprocess
import sys
from functools import cache

_DROP_FROM_BOUNDING_SET = 24
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


def obey_modes() -> None:
    """Let the program that is executed next be stopped by the modes of files, also if it is root's."""
    if os.geteuid() == 0 and sys.platform == "linux":
        library = ctypes.CDLL(None)
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            library.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


@cache
def may_mount() -> bool:
    """Return whether a program can be given file systems of its own."""
    command = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
