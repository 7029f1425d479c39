"""A configuration is read in two ways, quickly and thoroughly, which always agree."""

from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cachectl._backends import BACKENDS
from cachectl._config.models import (
    NamespaceSettings,
    is_table,
    settings_of,
    with_backends,
)
from cachectl._config.reading import explain, parse
from cachectl._model.settings import Table

SETTINGS = with_backends(*BACKENDS)
SCALARS = st.one_of(
    st.sampled_from(
        [
            "file", "tiered", "true", " No ", "90s", "1h30m", "none", "1.5MiB", "7", "0", "lru",
            "zstd", "redis://host", "redis://a b", "my-app", "../x", "", "²", "[key]",
        ]
    ),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    st.builds(Path, st.sampled_from(["/a/b", "a\0b"])),
)  # fmt: skip
NAMES = st.sampled_from(["enso", "v1.a:b", "a b", "[key]", ""]) | st.text()
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=2)


def trees(table: type[Table]) -> st.SearchStrategy[dict[str, Any]]:
    """Return trees of which some fit the table, and many nearly do."""
    inner = {
        name: VALUES | trees(expected) if is_table(expected) else VALUES
        for name, expected in settings_of(table).items()
    }
    if table is SETTINGS:
        inner["namespaces"] = VALUES | st.dictionaries(NAMES, trees(NamespaceSettings), max_size=2)
    known = st.fixed_dictionaries({}, optional=inner)
    unknown = st.dictionaries(st.sampled_from(["source", "tll", "[key]"]), VALUES, max_size=1)
    return st.builds(lambda some, others: some | others, known, unknown | st.just({}))


@given(
    trees(SETTINGS) | trees(SETTINGS).map(lambda tree: {"file": {"directory": Path("/")}} | tree)
)
@example(
    {"file": {"directory": Path("/a")}, "namespaces": {"enso": {"ttl": "1h", "compress": "zstd"}}}
)
@example({"file": {"directory": Path("/a")}, "namespaces": {"[key]": {"ttl": "1h"}}})
@example({"file": {"directory": Path("/a")}, "redis": {"url": "redis://host"}, "defaults": {}})
@example({"file": {}})
def test_pydantic_accepts_what_the_quick_way_accepts(tree: dict[str, Any]) -> None:
    """With the same result; and where neither accepts a tree there is a reason."""
    try:
        quick = parse(SETTINGS, tree)
    except (KeyError, TypeError, ValueError):
        quick = None
    try:
        thorough = TypeAdapter(SETTINGS).validate_python(tree)
    except ValidationError:
        thorough = None

    assert quick == thorough
    assert (quick is None) == bool(explain(SETTINGS, tree))
