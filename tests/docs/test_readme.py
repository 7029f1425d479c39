"""The README is true: its examples are run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import cachectl
from cachectl._cli.app import COMMANDS
from tests.docs import console

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture
def environment(tmp_path):
    return console.environment(tmp_path)


def test_console_examples_print_what_the_readme_says(tmp_path):
    """Each console example, run in turn in one empty home, prints what stands below it."""
    console.run_in_turn(README, tmp_path)


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
    shown = {example.command.split()[1] for example in console.console_examples(README)}

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
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert f"## [{cachectl.__version__}]" in changelog or "## [Unreleased]" in changelog
