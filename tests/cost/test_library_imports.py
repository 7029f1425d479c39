"""What using the library imports: nothing heavy before it is needed."""

import pytest

from tests.support.processes import run_afresh

HEAVY = {"numpy", "redis", "diskcache", "rich", "typer", "asyncio", "pydantic"}
USE = """
users = open_cache(strict=True).namespace("users")
users.get("k")
print(json.dumps(sorted(HEAVY & sys.modules.keys())))
"""
WRITE = """
with open_cache(strict=True) as cache:
    cache.namespace("users").set("k", {"a": 1}, tags=["t"])
    print(json.dumps(sorted(HEAVY & sys.modules.keys())))
"""


def imported(program: str, options: dict[str, object]) -> set[str]:
    """Return the heavy modules that a process has imported at its end."""
    return set(run_afresh(f"HEAVY = {HEAVY!r}\n{program}", options))


def test_importing_the_library_imports_nothing_heavy():
    assert imported("print(json.dumps(sorted(HEAVY & sys.modules.keys())))", {}) == set()


@pytest.mark.parametrize("backend", ["memory", "file"])
def test_reading_imports_nothing_heavy(backend, tmp_path):
    options = {"backend": backend, "file.directory": tmp_path / "cache", "memory.publish": False}
    assert imported(USE, options) == set()
    assert imported(WRITE, options) == set()
    assert imported(USE, options) == set()


def test_redis_imports_no_other_backend(redis_url):
    assert imported(WRITE, {"backend": "redis", "redis.url": redis_url}) <= {"redis", "asyncio"}
