"""The README is true: its examples are run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from cachectl._cli.app import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


class Example(NamedTuple):
    """A command, and what the README says it prints."""

    command: str
    expected: str


def console_examples() -> list[Example]:
    """Return all examples in the order of the page."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append(Example(command, expected))
    return found


def pattern(expected: str) -> str:
    """Return a regular expression: `...` is some text, on a line of its own some lines.

    Between columns there is as much space as the widest cell asks for, perhaps a time.
    """
    lines = [
        r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in expected.splitlines()
    ]
    return re.sub(r"(?:\\ ){2,}", " {2,}", "".join(lines))


@pytest.fixture
def environment(tmp_path):
    """A user who has installed cachectl, and has an empty home and nothing else."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}


def test_console_examples_print_what_the_readme_says(environment, tmp_path):
    """Each console example, run in turn in one empty home, prints what stands below it."""
    for example in console_examples():
        if example.command.startswith("cat "):
            name = example.command.removeprefix("cat ")
            (tmp_path / name).write_text(example.expected)
            continue
        command = re.sub("^cachectl", f"{sys.executable} -m cachectl", example.command)
        ended = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60,
        )  # fmt: skip
        printed = (
            ended.stdout if ended.stdout.endswith("\n") or not ended.stdout else f"{ended.stdout}\n"
        )
        if ended.returncode:
            printed += f"[exit {ended.returncode}]\n"

        assert re.fullmatch(pattern(example.expected), printed), f"$ {example.command}\n{printed}"


def test_python_example_runs(environment, tmp_path):
    """The example of the library runs as it stands."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, env=environment, text=True,
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_command_is_in_the_readme():
    """Each command has an example that is run."""
    shown = {example.command.split()[1] for example in console_examples()}

    assert set(COMMANDS) <= shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_fresh(shell, environment):
    """The completion scripts are those that the tool generates; `make completions` renews them."""
    ended = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'cachectl'; import cachectl._cli.main as m; m.main()"],
        env={**environment, "_CACHECTL_COMPLETE": f"source_{shell}"},
        text=True, capture_output=True, check=False, timeout=60,
    )  # fmt: skip

    assert (ROOT / "completions" / f"cachectl.{shell}").read_text() == ended.stdout


def test_versions_agree():
    """The version of the package is in the changelog, or the changelog is ahead of it."""
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert version is not None
    assert f"## [{version[1]}]" in changelog or "## [Unreleased]" in changelog
