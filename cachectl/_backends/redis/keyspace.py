"""The names of our keys. All of a namespace are in one hash slot, that of the braces."""

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.shapes import strings
from cachectl._model.policy import check_namespace, is_namespace
from cachectl.errors import ConfigError, InvalidKey


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

    def lock(self, name: str) -> str:
        return f"{self.prefix}:lock:{name}"

    async def namespaces(self, client: Client) -> list[str]:
        """Return the names of all namespaces that hold, or once held, anything."""
        members = await client.command(strings, "SMEMBERS", self.names)
        names = [name.decode(errors="replace") for name in members]
        return sorted(name for name in names if is_namespace(name))
