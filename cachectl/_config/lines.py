"""On which line of a TOML file each setting is: no parser of the standard library tells."""

from collections.abc import Iterator, Mapping

from cachectl._config.messages import Keys


def lines_of(text: str) -> dict[Keys, int]:
    """Return the line, from 1 on, where each value of a right file begins. A statement is complete as
    soon as it is TOML by itself: so what looks like one within a long string is none.
    """
    found: dict[Keys, int] = {}
    table: Keys = ()
    for number, (statement, tree) in _statements(text):
        if statement.startswith("["):
            table = _path(tree)
        else:
            found.update({(*table, *keys): number for keys in _values((), tree)})
    return found


def _statements(text: str) -> Iterator[tuple[int, tuple[str, Mapping[str, object]]]]:
    import tomllib

    pending, began = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        began = began if pending else number
        pending += f"{line}\n"
        try:
            tree = tomllib.loads(pending)
        except ValueError:
            continue
        yield began, (pending.lstrip(), tree)
        pending = ""


def _path(tree: object) -> Keys:
    """Return where a lonely header leads: `[namespaces.ai]`."""
    while isinstance(tree, list):
        tree = tree[0]
    for key, below in tree.items() if isinstance(tree, Mapping) else ():
        return (key, *_path(below))
    return ()


def _values(keys: Keys, value: object) -> Iterator[Keys]:
    """Yield the places of all values, and of the tables that stand in one line."""
    if keys:
        yield keys
    for key, below in value.items() if isinstance(value, Mapping) else ():
        yield from _values((*keys, key), below)
