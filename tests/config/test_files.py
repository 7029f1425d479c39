"""Configuration files that are not used, and why."""

import os
from pathlib import Path

import pytest

from cachectl import ConfigError
from cachectl._config import load
from tests.config.messages import message
from tests.support.second_user import ALICE, MALLORY, as_user, common_place, needs_root


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


@pytest.mark.parametrize("mode", [0o666, 0o622, 0o664, 0o602])
def test_a_file_that_others_can_write_is_refused_found_or_named(file: Path, mode: int) -> None:
    file.write_text("backend = 'memory'")
    if os.geteuid() == 0:
        os.chown(file, -1, MALLORY)  # or the group may be the user's own
    file.chmod(mode)
    refused = f"{file}: refused, others can write to {file} (mode {mode:04o}): chmod go-w {file}"
    assert message() == message(file) == refused


def test_a_found_pipe_is_refused_and_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    file.chmod(0o600)
    assert message() == f"{file}: refused, it is not a regular file (name it to use it)"


def test_a_named_pipe_is_read(file: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        pipe.write("backend = 'memory'")
    assert load(f"/dev/fd/{reading}", environ={}).backend == "memory"
    os.close(reading)


@needs_root
@pytest.mark.parametrize("place", ["here", "home", "link"])
def test_a_found_file_must_belong_to_us_or_root_and_so_must_a_link_to_it(
    file: Path, place: str
) -> None:
    """Also a symbolic link: whoever sets it chooses our configuration. Who names it has chosen it."""
    path, environ = file, {"HOME": str(file.parent / "home")}
    if place == "home":
        path = file.parent / "home/.config/cachectl/config.toml"
        path.parent.mkdir(parents=True)
    if place == "link":
        (file.parent / "target.toml").write_text("backend = 'memory'")
        path.symlink_to(file.parent / "target.toml")
    else:
        path.write_text("backend = 'memory'")
    assert load(environ=environ).backend == "memory"
    os.chown(path, MALLORY, MALLORY, follow_symlinks=False)
    with pytest.raises(ConfigError) as caught:
        load(environ=environ)
    assert str(caught.value) == (
        f"{path}: refused, {path} belongs to another user (uid {MALLORY}): use what is yours,"
        " or run as that user (or name it to use it)"
    )
    assert load(path, environ={}).backend == "memory"


@needs_root
def test_a_found_file_in_a_directory_of_another_user_is_refused_until_it_is_named(
    file: Path,
) -> None:
    file.write_text("backend = 'memory'")
    os.chown(file.parent, MALLORY, MALLORY)
    assert message().startswith(f"{file}: refused, {file.parent} belongs to another user")
    assert load(file, environ={}).backend == "memory"


@needs_root
def test_a_user_is_not_configured_by_a_file_of_another_where_both_can_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with common_place() as place:
        place.chmod(0o1777)
        monkeypatch.chdir(place)

        def plant() -> None:
            (place / "cachectl.toml").write_text("backend = 'redis'\n")

        def configured() -> str:
            return load(environ={"HOME": "/nonexistent"}).backend

        assert as_user(MALLORY, plant) == "None"
        assert "belongs to another user" in as_user(ALICE, configured)
        assert as_user(MALLORY, configured) == "redis"
        monkeypatch.undo()
