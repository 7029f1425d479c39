"""A Redis that refuses, hangs, is full or wants a password: which error, how soon, no secrets."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from threading import Thread

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.url import masked, parse
from cachectl._model.policy import Limits
from cachectl.errors import BackendRefused, BackendUnavailable, ConfigError
from tests.backends.redis.blocking import blocking
from tests.backends.redis.items import FREE, item
from tests.support.servers import free_port, redis_server

SECRET = "hunter2"


@contextmanager
def fails(error, match, within=1.6):
    """The body fails so, in time, and tells nobody the password."""
    started = time.monotonic()
    with pytest.raises(error, match=match) as caught:
        yield
    assert time.monotonic() - started < within
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def operations(backend: RedisBackend) -> list[Callable[[], object]]:
    store = blocking(backend, "ns")
    return [
        backend.check,
        backend.usage,
        lambda: store.get("a", 0),
        lambda: store.put([item("a")], FREE, 0),
        lambda: list(store.scan()),
        store.clear,
    ]


def test_refused():
    """Nobody listens."""
    backend = RedisBackend(url=f"redis://:{SECRET}@127.0.0.1:{free_port()}/0")
    for operation in operations(backend):
        with fails(BackendUnavailable, r"redis://:\*\*\*@127.0.0.1:\d+/0 refused the connection"):
            operation()


def test_no_tls():
    """Something answers that does not speak TLS, where the URL asks for it."""

    def answer():
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"-ERR Protocol error\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        with fails(BackendUnavailable, "failed TLS"):
            RedisBackend(url=f"rediss://:{SECRET}@127.0.0.1:{port}").check()
        thread.join()


def test_no_such_socket(tmp_path):
    """A socket that is not there."""
    with fails(BackendUnavailable, "no such file"):
        RedisBackend(url=f"unix://{tmp_path}/none.sock").check()


def test_no_such_host():
    """A name that does not resolve (RFC 2606 reserves this one)."""
    with fails(BackendUnavailable, "does not resolve", within=5):
        RedisBackend(url="redis://redis.invalid").check()


@pytest.mark.parametrize(("settings", "within"), [((0.5, 1.0), 1.6), ((1.0, 2.0), 2.5)])
def test_hung(settings, within):
    """A server that is stopped, met on a new connection and on one that was in use."""
    connect, timeout = settings
    with redis_server() as server:
        used, new = (
            RedisBackend(url=server.url, connect_timeout=connect, timeout=timeout) for _ in "12"
        )
        used.check()
        os.kill(server.process.pid, signal.SIGSTOP)
        for backend in (used, new):
            with fails(BackendUnavailable, "timed out", within):
                backend.check()


def test_black_holed():
    """An address that never answers: its queue of connections is full."""
    with socket.socket() as listener, socket.socket() as one, socket.socket() as two:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        backend = RedisBackend(url=f"redis://127.0.0.1:{listener.getsockname()[1]}")
        with fails(BackendUnavailable, "timed out"):
            backend.check()


def test_passwords():
    """A wrong one, none, and one too many are told apart."""
    with redis_server("--requirepass", SECRET) as server:
        unix = f"@{server.socket}"
        with fails(BackendUnavailable, r"unix://:\*\*\*@.* rejected the password"):
            RedisBackend(url=f"unix://:{SECRET}x{unix}").check()
        with fails(BackendUnavailable, "wants a password"):
            RedisBackend(url=server.url).check()
        right = RedisBackend(url=f"unix://:%68unter2{unix}")
        right.check()
        assert SECRET not in repr(right)
        right.close()


def test_a_password_where_none_is_wanted(redis_url):
    """The default user of a server without a password takes none."""
    with fails(BackendUnavailable, "has no password, but the URL gives one"):
        RedisBackend(url=redis_url.replace("unix://", f"unix://:{SECRET}@")).check()


def test_commands_that_are_not_permitted():
    """An ACL that forbids MEMORY costs the estimate only; one that forbids writing is told."""
    with redis_server() as server, server.client() as raw:
        raw.execute_command(
            "ACL", "SETUSER", "app", "on", f">{SECRET}", "~*", "+@all", "-memory", "-set"
        )
        backend = RedisBackend(url=f"unix://app:{SECRET}@{server.socket}")
        with fails(BackendRefused, "does not permit"):
            blocking(backend, "ns").put([item("a")], FREE, 0)
        raw.execute_command("ACL", "SETUSER", "app", "+set")
        blocking(backend, "ns").put([item("a")], FREE, 0)
        assert backend.usage()["ns"].memory_bytes is None
        backend.close()


@pytest.mark.parametrize("size", [10, 100_000])
def test_full(size):
    """A server that may not evict says so, and nothing is half written."""
    with redis_server("--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        backend = RedisBackend(url=server.url)
        with fails(BackendRefused, "is full: raise maxmemory"):
            blocking(backend, "ns").put([item("a", bytes(size))], Limits(5), 0)
        with server.client() as raw:
            assert raw.keys() == []
        backend.close()


def test_read_only_replica():
    """A replica serves reads and refuses writes."""
    with redis_server("--replicaof", f"127.0.0.1 {free_port()}") as server:
        backend = RedisBackend(url=server.url)
        store = blocking(backend, "ns")
        assert store.get("a", 0) is None
        assert list(store.scan()) == []
        for operation in (lambda: store.put([item("a")], FREE, 0), store.clear):
            with fails(BackendRefused, "read-only replica"):
                operation()
        backend.close()


def test_a_restarted_server_is_found_again():
    """A connection that died while it was idle is replaced without an error."""
    port = free_port()
    backend = RedisBackend(url=f"redis://127.0.0.1:{port}")
    for _ in range(3):
        with redis_server(port=port):
            blocking(backend, "ns").put([item("a")], FREE, 0)
            assert backend.usage()["ns"].entries == 1
    backend.close()


def test_a_child_process_makes_its_own_connections(redis_url):
    """After a fork, parent and child do not read each other's replies."""
    backend = RedisBackend(url=redis_url)
    store = blocking(backend, "ns")
    store.put([item(f"k{i}", b"%d" % i) for i in range(2)], FREE, 0)
    child = os.fork()
    key = "k0" if child else "k1"
    entries = [store.get(key, 0) for _ in range(300)]
    right = all(entry and entry.value == key[1:].encode() for entry in entries)
    if not child:
        os._exit(0 if right else 1)
    assert right
    assert os.waitpid(child, 0)[1] == 0
    backend.close()


def test_nothing_is_imported_or_connected_before_the_first_use():
    """Settings are checked without redis-py, and without a server."""
    code = (
        "import sys; from cachectl._backends.redis.backend import RedisBackend;"
        "RedisBackend(url='redis://127.0.0.1:1').close(); sys.exit('redis' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_logs_hold_no_secret(caplog):
    """Not even at the lowest level."""
    with caplog.at_level(logging.DEBUG), pytest.raises(BackendUnavailable):
        RedisBackend(url=f"redis://:{SECRET}@127.0.0.1:{free_port()}").check()
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost:6379/0"),
        ("redis://:hunter2@h:1/2", "redis://:***@h:1/2"),
        ("redis://me:hunter2@h", "redis://me:***@h:6379/0"),
        ("redis://hunter2@h", "redis://***@h:6379/0"),
        ("rediss://:hunter2@[::1]:7/0?ssl_ca_certs=/ca.pem", "rediss://:***@[::1]:7/0"),
        ("unix://:hunter2@/run/redis.sock?db=3", "unix://:***@/run/redis.sock?db=3"),
    ],
)
def test_urls_are_read_and_masked(url, shown):
    """What is shown has all but the secrets."""
    assert masked(url) == shown
    assert SECRET not in repr(parse(url))


def test_users_and_passwords_are_percent_decoded():
    """As RFC 3986 writes them."""
    target = parse("redis://m%40e:p%2Fw%3A%23@h:5/7")
    assert (target.username, target.password) == ("m@e", "p/w:#")
    assert (target.host, target.port, target.database) == ("h", 5, 7)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://:hunter2/x@h", "cannot be read"),
        ("redis://:12#hunter2@h", "no host"),
        ("redis://:1/hunter2@h", "no host"),
        ("redis://:p?hunter2@h", "cannot be read"),
        ("redis://h/hunter2", "database is a number"),
        ("redis://h/0?timeout=hunter2", "after the ?"),
        ("redis://h/0?hunter2", "after the ?"),
        ("redis://h:hunter2", "cannot be read"),
        ("http://:hunter2@h", "begins with redis://"),
        ("hunter2", "begins with redis://"),
        ("unix://hunter2", "absolute path"),
        ("redis+sentinel://:hunter2@h/0", "not supported yet"),
        ("redis+cluster://:hunter2@h", "not supported yet"),
    ],
)
def test_urls_that_are_refused(url, reason):
    """The reason is given, and no part of the URL that could be a secret."""
    with pytest.raises(ConfigError, match=reason.replace("?", r"\?")) as caught:
        RedisBackend(url=url)
    assert SECRET not in str(caught.value)
    assert SECRET not in masked(url)


@pytest.mark.parametrize("prefix", ["", "a b", "{a}", "x" * 65])
def test_prefixes_that_are_refused(prefix):
    """A prefix has the form of a namespace's name."""
    with pytest.raises(ConfigError, match="prefix"):
        RedisBackend(url="redis://h", prefix=prefix)
