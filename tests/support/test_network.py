"""What tests put between a cache and its server."""

import gc
import signal
import socket
from contextlib import suppress

from tests.support.network import Proxy, proxied
from tests.support.servers import redis_server


def test_a_proxy_that_ends_leaves_no_connection_open():
    """Whatever the server has not read: another test would be told of what is open still."""
    with redis_server() as server:
        with proxied(Proxy(server)) as url:
            _, _, port = url.rpartition(":")
            with socket.create_connection(("127.0.0.1", int(port))) as client:
                client.sendall(b"*1\r\n$4\r\nPING\r\n")
                assert client.recv(100) == b"+PONG\r\n"
                server.process.send_signal(signal.SIGSTOP)
                client.settimeout(0.1)
                with suppress(TimeoutError):
                    client.sendall(bytes(50_000_000))
        server.process.send_signal(signal.SIGCONT)
    gc.collect()
