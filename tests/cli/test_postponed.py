"""Modules that are loaded once something in them is used, as code of others meets them."""

import subprocess
import sys

import pytest

BEGIN = "from cachectl._cli.postponed import postpone; import sys; postpone();"


@pytest.mark.parametrize(
    "code",
    [
        "import importlib.util; assert importlib.util.find_spec('bz2'); import bz2; bz2.BZ2File",
        "exec('from lzma import *'); assert LZMAFile",
        "import subprocess as held; held.run = 5; import subprocess; assert held.run == 5 == subprocess.run",
        "import subprocess as held; held.run; held.run = 5; import subprocess; assert subprocess.run == 5",
        "import bz2; assert bz2.__name__ == 'bz2'; assert '_compression' not in sys.modules",
    ],
    ids=["found", "everything", "set", "replaced", "imported"],
)
def test_a_postponed_module_is_to_others_what_it_would_be(code):
    """It is found, has what is set in it for all who import it, and is not loaded by an import."""
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "")
