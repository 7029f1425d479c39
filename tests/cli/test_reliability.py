"""The table of docs/reliability.md is true, row by row."""

import re
import time
from collections.abc import Collection
from contextlib import ExitStack, contextmanager

import pytest

from cachectl import MISSING, Cache
from cachectl._config import load
from tests.cli.support.conditions import ON_FILES, ON_REDIS, Ground
from tests.cli.support.tool import Ended
from tests.support.home import ROOT

COMMANDS = {
    "get": ("get", "users", "k"),
    "inspect": ("inspect", "users"),
    "stats": ("stats",),
    "dry run": ("clear", "users", "--dry-run"),
    "set": ("set", "users", "new", "value"),
    "delete": ("clear", "users", "--key", "k", "--yes"),
    "cleanup": ("cleanup", "--max-entries", "1", "--yes"),
    "clear": ("clear", "--all", "--yes"),
}
READS = 4
"""So many of them change nothing."""
WELL = {f"{found}, True, {status}" for found in ("hit", "miss") for status in ("ok", "refusing")}
"""What an application sees when all is well again; what was refused within a minute is still said."""
SETTLED = 6.0
"""Seconds in which an application notices what has become of its place, and that all is well again."""
PAGE = (ROOT / "docs/reliability.md").read_text()


def rows(heading: str) -> dict[str, list[str]]:
    """Return the cells of the table below a heading, by the first of each row."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.*)\|$", section, re.MULTILINE)[1:]
    rows = ([cell.strip() for cell in line.split("|")] for line in lines)
    return {first: cells for first, *cells in rows}


PLACES = {"Files": (ON_FILES, rows("Files")), "Redis": (ON_REDIS, rows("Redis"))}
CASES = [(kind, name) for kind, (_, table) in PLACES.items() for name in table]


def seen(cache: Cache) -> str:
    """Return what an application sees: a lookup of what was there, a write, and the status."""
    users = cache.namespace("users", ttl="1h")
    found = "hit" if users.get("k") is not MISSING else "miss"
    return f"{found}, {bool(users.set('own', 1))}, {cache.status().status}"


def settled(cache: Cache, expected: Collection[str], seconds: float = SETTLED) -> str:
    """Return what an application sees, as soon as it is what is expected, or at last."""
    end = time.monotonic() + seconds
    while (found := seen(cache)) not in expected and time.monotonic() < end:
        time.sleep(0.1)
    return found


def called(ground: Ground, expected: list[str]) -> tuple[list[str], list[Ended]]:
    """Call all commands; return their codes, each with a mark if there was a warning. Those are called
    at once that change nothing, or are refused.
    """
    calls = list(COMMANDS.values())
    are_refused = not any(code.startswith("0") for code in expected[READS:])
    waves = [calls] if are_refused else [calls[:READS], *([call] for call in calls[READS:])]
    ended = [each for wave in waves for each in ground.tool.together(wave)]
    warned = [each.code == 0 and "not counted" in each.err for each in ended]
    return [f"{each.code}{'!' * warns}" for each, warns in zip(ended, warned, strict=True)], ended


@pytest.mark.parametrize(("ground", "name"), CASES, indirect=["ground"])
@pytest.mark.usefixtures("hurried")
def test_each_row_is_what_happens(request, ground: Ground, name: str):
    conditions, table = PLACES[request.node.callspec.params["ground"]]
    application, *codes, message, _, mended = table[name]
    mend = re.match("`cachectl (.*?)`", mended)
    with ExitStack() as stack:
        ahead = {"seconds": 0}
        cache = stack.enter_context(
            Cache.of(
                load(environ=ground.tool.environment), clock=lambda: time.time() + ahead["seconds"]
            )
        )
        assert seen(cache) == "hit, True, ok"
        with contextmanager(conditions[name])(ground):
            assert settled(cache, {application}) == application
            found, ended = called(ground, codes)
            assert found == codes, ended
            for each in ended:
                assert each.code in {0, 3} or ground.place in each.err, each
            assert not message or any(message.strip('"') in each.err for each in ended), ended
            if mend:
                assert ground.tool(*mend[1].split()).code == 0
                assert settled(cache, WELL) in WELL
        ahead["seconds"] = 30 if "within 30 s" in mended else 0
        assert settled(cache, WELL) in WELL
