"""Walks over all keys of the server, for what no index names any more. Others' keys are passed over.

Who walks has lost something: in the ordinary course of things nobody does.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Final

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.keyspace import Keyspace
from cachectl._backends.redis.shapes import anything, array, number, strings
from cachectl._backends.redis.transport.resp import Misread, Reply
from cachectl._model.batches import batches

_PAGE: Final = 1000
"""Keys that the server looks at in one step."""


async def walk(client: Client, pattern: str) -> AsyncIterator[list[bytes]]:
    """Yield the keys that match, some at a time; one that is there throughout comes at least once."""
    cursor = b"0"
    for _ in client.steps():
        cursor, keys = await client.command(_page, "SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE)
        if keys:
            yield keys
        if cursor == b"0":
            return


async def namespaces(client: Client, keys: Keyspace) -> set[str]:
    """Return the namespaces that hold anything that is served, though nothing lists them."""
    found: set[str] = set()
    async for page in walk(client, keys.generation("*")):
        found.update(name for key in page if (name := keys.namespace_of(key)))
    return found


async def remove_leftovers(client: Client, keys: Keyspace, names: list[str]) -> None:
    """Remove the values that an index left behind when it was lost, of these namespaces."""
    flags = [("EXISTS", keys.lost(name)) for name in names]
    lost = [
        name
        for name, is_lost in zip(names, await client.pipeline(number, flags), strict=True)
        if is_lost
    ]
    if not lost:
        return
    await client.pipeline(anything, [("UNLINK", keys.lost(name)) for name in lost])
    try:
        await _remove(client, keys, set(lost))
    except BaseException:
        await client.pipeline(anything, [("SET", keys.lost(name), 1) for name in lost])
        raise


async def _remove(client: Client, keys: Keyspace, lost: set[str]) -> None:
    async for page in walk(client, keys.value("*")):
        values: defaultdict[str, list[bytes]] = defaultdict(list)
        for key in page:
            values[keys.namespace_of(key)].append(key)
        calls = [
            (keys.base(name), batch)
            for name in lost & values.keys()
            for batch in batches(values[name])
        ]
        await client.run_all(anything, "remove_leftovers", calls)


def _page(reply: Reply) -> tuple[bytes, list[bytes]]:
    found = array(reply)
    if len(found) != 2 or type(found[0]) is not bytes:
        raise Misread("no page of keys")
    return found[0], strings(found[1])
