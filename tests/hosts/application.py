"""What runs in each host: lookups, of which each is noted in a file of the application's own.

A lookup is noted when it has been answered, by a byte that is appended. So a process that is killed
has counted at most one lookup for each of its threads that it has not noted, and noted none that it
has not counted.
"""

import os
import time
from http import HTTPStatus

from cachectl import Cache
from tests.hosts import KEYS

cache = Cache.open()
greetings = cache.namespace("greetings", ttl="1h")
_notes = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def note() -> None:
    """Note a lookup that has been answered."""
    os.write(_notes, b".")


def _load(name: str) -> str:
    time.sleep(0.001)  # others get their turn, and want the same
    return f"Hello, {name}!"


def look_up(number: int) -> str:
    """Return one of the greetings; each call is one lookup."""
    name = str(number % KEYS)
    greeting: str = greetings.get_or_load(name, lambda: _load(name))
    note()
    return greeting


@cache.cached("greetings", key=lambda name: name, ttl="1h")
async def _greeting(name: str) -> str:
    return f"Hello, {name}!"


def wsgi(environ, start_response):
    """Answer `/17`, and `/17?stats` after a look at all figures."""
    greeting = look_up(int(environ["PATH_INFO"].strip("/")))
    if environ["QUERY_STRING"] == "stats":
        cache.stats()
    start_response(f"{HTTPStatus.OK} OK", [("Content-Type", "text/plain")])
    return [greeting.encode()]


async def asgi(scope, receive, send):
    """Answer `/17`, without a lifespan."""
    if scope["type"] != "http":
        raise NotImplementedError
    greeting = await _greeting(str(int(scope["path"].strip("/")) % KEYS))
    note()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(greeting))]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    await send({"type": "http.response.body", "body": greeting.encode()})
