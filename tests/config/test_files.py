"""Configuration files that are not used, and why."""

import os
from pathlib import Path

import pytest

from cachectl._config import load
from cachectl._config.files import distrust
from tests.config.messages import message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a = 1\nb = \n", "expected TOML, found: Invalid value (at line 2, column 5)"),
        (b"\n\nb = 'x", 'expected TOML, found: Expected "\'" (at line 3, the end)'),
        (b"[a]\n[a]\n", "expected TOML, found: Cannot declare ('a',) twice (at line 2, column 3)"),
        (b"a = " + b"[" * 100_000, "expected TOML, found too deep a nesting"),
        (b"\xef\xbb\xbfa = 1", "expected UTF-8 without a byte order mark, found one"),
        (b"a = 1\nb = '\xff'", "expected UTF-8, found other bytes in line 2"),
        (b"#" * (1024 * 1024 + 1), "expected at most 1 MiB, found more"),
    ],
    ids=["syntax", "end", "twice", "deep", "mark", "latin-1", "large"],
)
def test_a_file_that_cannot_be_one(file: Path, content: bytes, complaint: str) -> None:
    file.write_bytes(content)
    assert message(file) == f"{file}: {complaint}"


def test_a_number_that_python_refuses_is_not_a_crash(file: Path) -> None:
    file.write_text(f"a = {'9' * 5000}")
    assert message(file).startswith(
        f"{file}: expected TOML, found: Exceeds the limit (4300 digits)"
    )


def test_a_file_of_exactly_the_limit_is_read(file: Path) -> None:
    file.write_bytes(b"#" * (1024 * 1024))
    assert load(file, environ={}).source == file


def test_a_directory_is_not_a_file(file: Path) -> None:
    """Neither a named one nor one that was found."""
    file.mkdir()
    assert message(file) == f"{file}: expected a file, found a directory"
    assert message() == f"{file}: expected a file, found a directory"


def test_a_named_file_must_exist(file: Path) -> None:
    complaint = f"{file}: expected a file, found nothing there"
    assert message(file) == complaint
    environ = {"CACHECTL_CONFIG": "cachectl.toml"}
    assert message(environ=environ) == f"environment variable CACHECTL_CONFIG: {complaint}"


def test_an_unreadable_file_says_why(file: Path) -> None:
    """A socket can be opened by nobody, not even by root."""
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("cachectl.toml")
        assert message(file) == f"{file}: cannot be read: No such device or address"


def test_a_path_that_cannot_be_looked_at_matters_only_if_named(file: Path) -> None:
    """A home that is closed to us, for instance; here a name that is too long for the system."""
    impossible = file.parent / ("x" * 300)
    assert load(environ={"HOME": str(impossible)}).source is None
    assert message(impossible) == f"{impossible}: cannot be read: File name too long"
    nul = file.parent / "a\0b"
    reason = "expected no control characters, found a NUL in it"
    assert message(nul) == f"option config: {reason}"


def test_a_found_file_that_everybody_can_write_is_refused_until_it_is_named(file: Path) -> None:
    file.write_text("backend = 'memory'")
    file.chmod(0o666)
    assert message() == f"{file}: refused, everybody can write to it (name it to use it)"
    assert load(file, environ={}).backend == "memory"


def test_a_found_pipe_is_refused_and_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    file.chmod(0o600)
    assert message() == f"{file}: refused, it is not a regular file (name it to use it)"


@pytest.mark.parametrize(
    ("link", "target", "user", "reason"),
    [
        (1000, 1000, 1000, None),
        (0, 0, 1000, None),
        (1000, 0, 1000, None),
        (1001, 1001, 1000, "it belongs to another user"),
        (1001, 1000, 1000, "it belongs to another user"),
        (1000, 1001, 1000, "it belongs to another user"),
        (1000, 1000, 0, "it belongs to another user"),
    ],
)
def test_a_found_file_must_belong_to_us_or_root(
    link: int, target: int, user: int, reason: str | None
) -> None:
    """Also a symbolic link: whoever sets it chooses our configuration."""

    def status(owner: int) -> os.stat_result:
        return os.stat_result((0o100644, 1, 1, 1, owner, owner, 1, 0, 0, 0))

    assert distrust(status(link), status(target), user) == reason
