"""What frees space works with the tool on a disk without bytes, and on one without inodes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.support.tool import Tool
from tests.support.mounts import small, take_all_bytes, take_all_inodes

COMMANDS = (
    ("clear", "a", "--yes"),
    ("clear", "a", "--key", "k1", "--yes"),
    ("clear", "--tag", "odd", "--yes"),
    ("clear", "a", "--match", "k1*", "--yes"),
    ("clear", "--all", "--yes"),
    ("cleanup", "--max-entries", "10", "--yes"),
)
LARGE = bytes(2 * 1024 * 1024)  # in a file of its own


@pytest.fixture(params=[take_all_bytes, take_all_inodes])
def full(tool, tmp_path, request) -> Iterator[Tool]:
    take: Callable[[Path], None] = request.param
    with small(tmp_path / "disk", "size=16m", "nr_inodes=60") as disk:
        there: Tool = tool.having(CACHECTL_BACKEND="file", CACHECTL_FILE__DIRECTORY=str(disk / "c"))
        with there.open() as cache:
            for number in range(300):
                tags = ["odd"] if number % 2 else []
                cache.namespace("a").set(f"k{number}", b"x" * 700, tags=tags)
            cache.namespace("b").set("large", LARGE)
        take(disk)
        yield there


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_frees_space_works(full, command):
    ended = full(*command)
    assert ended.code == 0, ended
    again = full("clear", "--all", "--yes")  # what was let go of for that is kept again
    assert again.code == 0, again
    assert '"entries": 0' in full("stats", "--format", "json").out


def test_what_is_refused_names_the_place_the_reason_and_what_helps(full):
    ended = full("set", "a", "new", "-", stdin=LARGE)
    assert ended.code == 6
    for part in ("disk/c", "No space left on device", "cachectl cleanup", "clear NS", "max_bytes"):
        assert part in ended.err
