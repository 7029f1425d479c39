"""Which index each statement on files walks: none reads what it does not need, at any size."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import product

import pytest

from cachectl import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.write import Write
from cachectl.testing import Clock
from tests.cost.conftest import Trace
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

BY_KEY = "USING INDEX entries_key (namespace_id=? AND key=?)"
BY_USE = "INDEX entries_used (namespace_id=?"
BY_EXPIRY = "entries_due (namespace_id=? AND due_at<?)"
BY_ID = "USING INTEGER PRIMARY KEY (rowid=?)"
BY_TAG = "USING PRIMARY KEY (namespace_id=? AND tag=?"
WALKS_A_NAMESPACE = re.compile(
    r"SEARCH (?!n |leases |lrfu_states ).*\(namespace_id=\?(?: AND (?:due_at|used_at)[<>]\?)?\)"
)
"""How SQLite says that it walks through an index from where a namespace, or its time, begins there."""


def use(cache: Cache, users: Namespace) -> None:
    users.get("1")
    cache.flush()


OPERATIONS: dict[str, tuple[Callable[[Cache, Namespace], object], list[str]]] = {
    "get": (lambda cache, users: users.get("1"), [BY_KEY]),
    "set": (lambda cache, users: users.set("new", 1), [BY_KEY, BY_USE, BY_EXPIRY, BY_ID]),
    "delete": (lambda cache, users: users.delete("1"), [BY_KEY, BY_ID]),
    "delete_many": (lambda cache, users: users.delete_many(["1", "2"]), [BY_KEY, BY_ID]),
    "invalidate": (lambda cache, users: users.invalidate(tag="t"), [BY_TAG, BY_ID]),
    "flush": (use, [BY_KEY]),
    "clear": (lambda cache, users: users.clear(), [BY_USE, BY_ID]),
    "cleanup": (lambda cache, users: cache.cleanup("users"), [BY_EXPIRY]),
    "cleanup, idle": (
        lambda cache, users: cache.cleanup("users", older_than=1),
        [BY_EXPIRY, "INDEX entries_used (namespace_id=? AND used_at<?)"],
    ),
    "cleanup, over": (lambda cache, users: cache.cleanup("users", max_entries=1), [BY_USE]),
    "cleanup of all": (
        lambda cache, users: cache.cleanup(older_than=1),
        [BY_EXPIRY, "COVERING INDEX entries_used (namespace_id=? AND used_at<?)"],
    ),
    "what has expired": (
        lambda cache, users: cache._core.backend.expired_entries(2.0),  # type: ignore[attr-defined]
        [BY_EXPIRY],
    ),
    "dry run": (lambda cache, users: cache.plan_cleanup().dry_run(["users"]), [BY_EXPIRY]),
    "dry run, idle and over": (
        lambda cache, users: cache.plan_cleanup(older_than=1, max_entries=1).dry_run(["users"]),
        [BY_EXPIRY, "INDEX entries_used (namespace_id=? AND used_at<?)", BY_USE, BY_ID],
    ),
    "list": (lambda cache, users: list(users.entries()), [BY_USE]),
    "list tag": (lambda cache, users: list(users.entries("t")), [BY_TAG, BY_ID]),
}
"""Operations, and the indexes by which they find entries."""
ONE_KEY_OR_TAG: dict[str, Callable[[Namespace], object]] = {
    "get": lambda users: users.get("1"),
    "has": lambda users: users.has("1"),
    "peek": lambda users: users.peek("1"),
    "set": lambda users: users.set("new", 1, tags=["t"]),
    "replace": lambda users: users.set("1", 2),
    "load": lambda users: users.get_or_load("loaded", int, tags=["t"]),
    "delete": lambda users: users.delete("1"),
    "delete_many": lambda users: users.delete_many(["1", "2"]),
    "invalidate": lambda users: users.invalidate(tag="t"),
    "invalidate what nobody has": lambda users: users.invalidate(tag="absent"),
    "list tag": lambda users: list(users.entries("t")),
}
ORDERED_BY_ALL = ("list tag", "lrfu")
"""Where an entry stands in the order of lrfu depends on all that is before it."""


@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_entries_are_found_by_an_index_and_never_sorted(
    opener: Opener, trace: Trace, clock: Clock, operation, eviction
):
    cache = opener()
    users = cache.namespace("users", eviction=eviction, max_entries=650)
    users.set_many(Write(f"{number}", number, tags=["t"]) for number in range(650))
    cache.flush()
    clock.advance(2)
    trace.clear()
    perform, indexes = OPERATIONS[operation]
    perform(cache, users)
    plans = plans_of(opener, trace)
    if operation.startswith("cleanup"):  # which counts all anew, in one walk
        plans = {made: steps for made, steps in plans.items() if "GROUP BY" not in made}
    of_all = {"SCAN n", "SCAN namespaces"} if operation == "cleanup of all" else set()
    may_sort = operation == "list tag"  # those that carry it, in the order of use
    for steps in plans.values():
        sorting = [step for step in steps if " SORT" in step or "TEMP B-TREE" in step]
        assert may_sort or not sorting, plans
        scans = [
            step
            for step in steps
            if step.startswith("SCAN") and "subquery" not in step and step not in of_all
        ]
        assert not scans, plans
    taken = "\n".join(step for steps in plans.values() for step in steps)
    if eviction == "lru":  # the other goes by ranks
        assert [index for index in indexes if index not in taken] == [], taken


@pytest.mark.parametrize(
    ("operation", "eviction"),
    [one for one in product(ONE_KEY_OR_TAG, ["lru", "lrfu"]) if one != ORDERED_BY_ALL],
)
def test_who_names_a_key_or_a_tag_pays_for_that_alone(
    opener: Opener, trace: Trace, operation, eviction
):
    """However many entries the namespace has: nothing walks through it."""
    cache = opener()
    users = cache.namespace("users", eviction=eviction)
    users.set_many(Write(f"{number}", number, tags=["t"]) for number in range(650))
    users.get_or_load("first", int)
    trace.clear()

    ONE_KEY_OR_TAG[operation](users)
    plans = plans_of(opener, trace)
    assert plans
    for steps in plans.values():
        walks = [step for step in steps if WALKS_A_NAMESPACE.match(step) or "SCAN" in step]
        assert not walks, plans


def plans_of(opener: Opener, trace: Trace) -> dict[str, list[str]]:
    """Return how SQLite runs each statement on the database of entries."""
    plans = {}
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection:
        for statement in trace:
            if any(name in statement for name in ("entries", "namespaces", "lrfu_", "tags")):
                plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}")
                plans[statement] = [step for *_, step in plan]
    return plans
