"""What is counted: the statements that SQLite runs."""

import re
import sqlite3
from typing import Any, Final

import pytest

_WRITES: Final = re.compile(r"(INSERT|UPDATE|DELETE)(?: OR REPLACE)?(?: INTO| FROM)? (\w+)")


class Trace(list[str]):
    """The statements that SQLite has run, on all connections."""

    @property
    def kinds(self) -> list[str]:
        """The statements, shortened to what they do; what they write to is named."""
        return [_kind(statement) for statement in self]


def _kind(statement: str) -> str:
    write = _WRITES.match(statement)
    return " ".join(write.groups()) if write else statement.split(maxsplit=1)[0]


@pytest.fixture
def trace(monkeypatch) -> Trace:
    """The statements on every connection that is opened from now on."""
    statements = Trace()
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return statements
