"""What people call the program that this process runs."""

import sys
from contextlib import suppress
from pathlib import Path

from cachectl._masking import masked


def this_program() -> str:
    """Return its name and the directory it works in, which tells apart what one server runs."""
    path = Path(sys.argv[0] if sys.argv else "")
    name = path.parent.name if path.name == "__main__.py" else path.name
    where = ""
    with suppress(OSError):  # the directory may be gone
        where = f" in {Path.cwd()}"
    return masked(f"{name if name not in ('', '-c', '-') else 'python'}{where}")
