"""TLS, passwords and databases: what is said first, by threads and by tasks."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl.errors import BackendUnavailable
from tests.backends.redis.items import FREE, item
from tests.backends.redis.transport.engines import both, done
from tests.support.servers import Server, free_port, redis_server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """The directory of a certificate for 127.0.0.1 that signed itself, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=cachectl", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return directory


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def secure_server(certificate: Path, port: int) -> Iterator[Server]:
    with redis_server(
        "--tls-port", str(port), "--tls-auth-clients", "optional",
        "--tls-cert-file", str(certificate / "cert.pem"),
        "--tls-key-file", str(certificate / "key.pem"),
        "--tls-ca-cert-file", str(certificate / "cert.pem"),
        "--requirepass", "secret",
    ) as server:  # fmt: skip
        yield server


@both
def test_values_of_any_size_pass_through_tls(engine, secure_server, certificate, port):
    """With what is said first: a password, and the number of a database."""

    async def write_and_read(store) -> None:
        for size in (10, 20_000, 3_000_000):
            await store.put([item("a", bytes(size))], FREE, 0)
            await store.put([item("b")], FREE, 0)
            entry = await store.fetch("a", 0)
            assert len(entry.value) == size

    url = f"rediss://:secret@127.0.0.1:{port}/3?ssl_ca_certs={certificate / 'cert.pem'}"
    with closing(RedisBackend(url=url)) as backend:
        done(engine, backend, write_and_read)
        with secure_server.client(password="secret", db=3) as raw:
            assert raw.exists("cachectl:{ns}:e:a") == 1
            raw.flushall()


@both
def test_a_certificate_that_nobody_vouches_for_is_refused(engine, secure_server, port):
    with (
        closing(RedisBackend(url=f"rediss://:secret@127.0.0.1:{port}")) as backend,
        pytest.raises(BackendUnavailable, match=r"failed TLS: .*self.signed"),
    ):
        done(engine, backend, lambda store: store.fetch("a", 0))


@both
def test_a_wrong_password_is_told(engine, secure_server):
    url = f"unix://:wrong@{secure_server.socket}"
    with (
        closing(RedisBackend(url=url)) as backend,
        pytest.raises(BackendUnavailable, match="rejected the password"),
    ):
        done(engine, backend, lambda store: store.fetch("a", 0))


@both
def test_a_name_that_does_not_resolve_is_told(engine):
    with (
        closing(RedisBackend(url="redis://redis.invalid", timeout=5)) as backend,
        pytest.raises(BackendUnavailable, match=r"resolve|timed out"),
    ):
        done(engine, backend, lambda store: store.fetch("a", 0))


@both
def test_a_name_that_resolves_is_tried_everywhere(engine):
    """`localhost` is often two addresses, of which a server listens to one."""
    port = free_port()
    with redis_server(port=port), closing(RedisBackend(url=f"redis://localhost:{port}")) as backend:
        assert done(engine, backend, lambda store: store.fetch("a", 0)) is None
