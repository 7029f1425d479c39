"""The types are as users meet them: what is right passes, what is wrong is refused."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
REFUSED = re.compile(r"# refused: ([a-z-]+)$")


def mypy() -> str:
    """Return what mypy says of both files: one process at a time, for its cache is that of `make lint`."""
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty"),
            *("--show-error-codes", "--hide-error-context"),
            *(str(HERE / "api.py"), str(HERE / "refused.py")),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode in {0, 1}, ended.stderr
    return ended.stdout


def errors(said: str, file: str) -> dict[int, set[str]]:
    """Return the codes of the errors in a file, by line."""
    found: dict[int, set[str]] = {}
    for line, code in re.findall(rf"{file}:(\d+): error: .*\[([a-z-]+)\]$", said, re.MULTILINE):
        found.setdefault(int(line), set()).add(code)
    return found


def test_what_is_right_passes_and_what_is_wrong_is_refused():
    lines = (HERE / "refused.py").read_text().splitlines()
    expected = {
        number: {marked[1]}
        for number, line in enumerate(lines, 1)
        if (marked := REFUSED.search(line))
    }
    said = mypy()
    assert errors(said, r"api\.py") == {}, said
    assert errors(said, r"refused\.py") == expected
