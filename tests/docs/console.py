"""Examples of the console in our pages: commands, and what stands below them."""

import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path
from typing import NamedTuple

COLUMNS = 80
_STYLE = re.compile(rb"\x1b\[[0-9;]*m")


class Example(NamedTuple):
    """A command, and what the page says it prints."""

    command: str
    expected: str


def console_examples(page: str) -> list[Example]:
    """Return all examples in the order of the page."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append(Example(command, expected))
    return found


def environment(home: Path) -> dict[str, str]:
    """Return that of a user who has installed cachectl, and has an empty home and nothing else."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}


def run_in_turn(page: str, home: Path, *, on_terminal: bool = False) -> None:
    """Run each example of a page, in turn in one home: it prints what stands below it."""
    for example in console_examples(page):
        if example.command.startswith("cat "):
            (home / example.command.removeprefix("cat ")).write_text(example.expected)
            continue
        command = re.sub(
            r"(^|[|;] )cachectl ", rf"\1{sys.executable} -m cachectl ", example.command
        )
        printed, code = (_on_terminal if on_terminal else _piped)(command, home)
        if code:
            printed += f"[exit {code}]\n"
        assert re.fullmatch(_pattern(example.expected), printed), f"$ {example.command}\n{printed}"


def _pattern(expected: str) -> str:
    """Return a regular expression: `...` is some text, on a line of its own some lines.

    Between columns there is as much space as the widest cell asks for, perhaps a time.
    """
    lines = [
        r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in expected.splitlines()
    ]
    return re.sub(r"(?:\\ ){2,}", " {2,}", "".join(lines))


def _piped(command: str, home: Path) -> tuple[str, int]:
    ended = subprocess.run(
        command, shell=True, cwd=home, env=environment(home), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60,
    )  # fmt: skip
    text = ended.stdout
    return (text if text.endswith("\n") or not text else f"{text}\n"), ended.returncode


def _on_terminal(command: str, home: Path) -> tuple[str, int]:
    """Return what is read on a terminal, without its styles."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, COLUMNS))
    process = subprocess.Popen(
        command, shell=True, cwd=home, env={**environment(home), "TERM": "xterm"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # nobody has it open any more
        pass
    finally:
        os.close(ours)
    lines = _STYLE.sub(b"", shown).decode().splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines), process.wait(60)
