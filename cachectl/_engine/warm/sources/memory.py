"""What an application warms from without a file: values, or keys and what makes their values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized

from cachectl._engine.options import LoadOptions
from cachectl._engine.warm.records import Load, Position, Record
from cachectl._model.arguments import check_called, listed, shown
from cachectl._model.policy import check_namespace
from cachectl._model.write import Write
from cachectl.errors import UsageError


class WritesSource:
    """Values to store in a namespace."""

    name = "writes"

    def __init__(self, namespace: str, writes: Iterable[Write] | Mapping[str, object]) -> None:
        self._namespace = check_namespace(namespace)
        self._writes = listed("writes=", writes, "Write, or a mapping of keys to values")
        self.total = _total(writes)

    def items(self) -> Iterator[Record]:
        writes = self._writes
        if isinstance(writes, Mapping):
            writes = (Write(key, value) for key, value in writes.items())
        for line, write in enumerate(writes, 1):
            if not isinstance(write, Write):
                raise UsageError(f"what is written is a Write, not {shown(write)}")
            key, value, ttl, tags, cost, load_us, label = write
            position = Position(self.name, line, line)
            yield Record(position, self._namespace, key, value, 0, ttl, tags, cost, load_us, label)


class KeysSource:
    """Keys whose values a loader makes. Raises `UsageError` for options that cannot be."""

    name = "keys"

    def __init__(
        self,
        namespace: str,
        keys: Iterable[str],
        loader: Callable[[str], object],
        options: LoadOptions,
    ) -> None:
        self._namespace = check_namespace(namespace)
        self._keys = listed("keys=", keys, "keys")
        self._loader = check_called("loader=", loader, "of a key")
        self._options = options.checked()
        self.total = _total(keys)

    def items(self) -> Iterator[Load]:
        for line, key in enumerate(self._keys, 1):
            position = Position(self.name, line, line)
            yield Load(position, self._namespace, key, self._loader, self._options)


def _total(items: Iterable[object]) -> int | None:
    return len(items) if isinstance(items, Sized) else None
