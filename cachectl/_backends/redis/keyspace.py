"""The names of our keys. All of a namespace are in one hash slot, that of the braces."""

from collections.abc import Collection
from typing import Final

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.shapes import number, strings
from cachectl._model.policy import check_namespace, is_namespace
from cachectl.errors import ConfigError, InvalidKey

COMPLETE: Final = b""
"""What is among the names once all are known: no name of a namespace."""

POLICY: Final = "policy"
"""The suffix of the key under which is what applications set of the policy of a namespace."""


class Keyspace:
    """Keys below one prefix; it has the form of a namespace's name. Raises `ConfigError`."""

    def __init__(self, prefix: str) -> None:
        try:
            self.prefix = check_namespace(prefix)
        except InvalidKey as error:
            raise ConfigError(f"Redis prefix: {error}") from None
        self.names = f"{prefix}:namespaces"

    def base(self, namespace: str) -> str:
        """Return what all keys of the namespace begin with."""
        return f"{self.prefix}:{{{namespace}}}:"

    def value(self, namespace: str, key: str = "*") -> str:
        return f"{self.base(namespace)}e:{key}"

    def generation(self, namespace: str) -> str:
        return f"{self.base(namespace)}gen"

    def lost(self, namespace: str) -> str:
        """Return the key that says that an index was lost, and may have left values behind."""
        return f"{self.base(namespace)}lost"

    def namespace_of(self, key: bytes) -> str:
        """Return whose key it is that `base` begins; empty if it is nobody's."""
        name = key.removeprefix(f"{self.prefix}:{{".encode()).partition(b"}:")[0]
        text = name.decode(errors="replace")
        return text if is_namespace(text) else ""

    def policy(self, namespace: str) -> str:
        return self.base(namespace) + POLICY

    def lock(self, name: str) -> str:
        return f"{self.prefix}:lock:{name}"

    async def namespaces(self, client: Client, of: Collection[str] = ()) -> list[str]:
        """Return the names of all namespaces that hold, or once held, anything; or those of some."""
        if not of:
            return (await self.listed(client))[0]
        asked = [("SISMEMBER", self.names, name) for name in of]
        known = await client.pipeline(number, asked)
        return sorted(name for name, there in zip(of, known, strict=True) if there)

    async def listed(self, client: Client) -> tuple[list[str], bool]:
        """Return these names, and whether there can be no other: a list that the server drops, and
        others make anew, has not the mark of one that was completed.
        """
        members = await client.command(strings, "SMEMBERS", self.names)
        names = [name.decode(errors="replace") for name in members]
        return sorted(name for name in names if is_namespace(name)), COMPLETE in members
