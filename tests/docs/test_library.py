"""The page for users of the library is true: each of its blocks is run, in its real host."""

import os
import re
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from cachectl import MISSING, Cache
from tests.docs.blocks import Home, blocks
from tests.support.home import ROOT, SECONDS, patiently
from tests.support.servers import free_port
from tests.support.servers import redis_server as run_redis_server

PAGE = ROOT / "docs" / "library.md"
BLOCKS = blocks(PAGE)
PLAIN = [block for block in BLOCKS if block.language == "python" and not block.title]
TITLED = {block.title: block.code for block in BLOCKS if block.title}
COMMANDS = {
    block.code.split()[1]: block.code.removeprefix("$ ").strip()
    for block in BLOCKS
    if block.language == "console"
}
NOT_RUN = {"my-app.service": "no systemd here; its mode and its variable are checked"}
REQUESTS = 20
CLOSE = re.compile(r"^    cache\.close\(\)$", re.MULTILINE)


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path)


def get(url: str) -> bytes:
    """Return what a server answers, once it is up."""
    return patiently(lambda: urlopen(url, timeout=SECONDS).read())


def test_every_block_has_a_test():
    """A block that is added is run by a test of this module, or it is said why not."""
    source = (ROOT / "tests" / "docs" / "test_library.py").read_text()
    assert [title for title in TITLED if f'"{title}"' not in source] == []
    assert set(re.findall(r"COMMANDS\[['\"](\w+)", source)) == COMMANDS.keys()
    assert {block.language for block in BLOCKS} == {"python", "console", "ini"}
    assert NOT_RUN.keys() == {block.title for block in BLOCKS if block.language == "ini"}


@pytest.mark.parametrize("block", PLAIN, ids=lambda block: f"line {block.line}")
def test_blocks_run_as_they_stand(block, home):
    """Each block without a title is a program of its own, and its assertions hold."""
    home.run(sys.executable, "-W", "error", "-c", block.code)


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize("options", ["", "--workers 2", "--reload"])
def test_fastapi_counts_all_whether_or_not_the_lifespan_closes(options, closes, home):
    code = TITLED["service.py"]
    home.write("service.py", code if closes else CLOSE.sub("    pass", code))
    port = free_port()
    with home.running(f"{COMMANDS['uvicorn']} --host 127.0.0.1 --port {port} {options}"):
        for number in range(REQUESTS):
            answer = get(f"http://127.0.0.1:{port}/hello/{number % 3}")
            assert answer == f'{{"greeting":"Hello, {number % 3}!"}}'.encode()

    assert home.lookups("greetings") == REQUESTS


def test_fastapi_under_its_test_client(home):
    """The lifespan opens and closes under the client of FastAPI's own tests, too."""
    home.write("service.py", TITLED["service.py"])
    home.run(
        sys.executable, "-c",
        "from fastapi.testclient import TestClient\n"
        "import service\n"
        "with TestClient(service.app) as client:\n"
        "    assert client.get('/hello/ada').json() == {'greeting': 'Hello, ada!'}\n",
    )  # fmt: skip

    assert home.lookups("greetings") == 1


@pytest.mark.parametrize("hook", [False, True])
@pytest.mark.parametrize("options", ["", "--worker-class gthread --threads 2", "--max-requests 4"])
def test_gunicorn_counts_all(options, hook, home):
    """With workers that end by themselves, are recycled and are terminated."""
    home.write("wsgi.py", TITLED["wsgi.py"])
    if hook:
        home.write("gunicorn.conf.py", TITLED["gunicorn.conf.py"])
    port = free_port()
    with home.running(f"{COMMANDS['gunicorn']} --bind 127.0.0.1:{port} {options}"):
        for number in range(REQUESTS):
            assert get(f"http://127.0.0.1:{port}/{number % 3}").startswith(b"Hello, ")

    assert home.lookups("greetings") == REQUESTS


def test_gunicorn_counts_all_when_its_workers_are_replaced(home):
    """On HUP, with those that have counted."""
    home.write("wsgi.py", TITLED["wsgi.py"])
    port = free_port()
    with home.running(f"{COMMANDS['gunicorn']} --bind 127.0.0.1:{port}") as server:
        for number in range(REQUESTS):
            get(f"http://127.0.0.1:{port}/{number}")
        server.send_signal(signal.SIGHUP)
        patiently(lambda: _require(home.lookups("greetings") == REQUESTS))
        get(f"http://127.0.0.1:{port}/again")

    assert home.lookups("greetings") == REQUESTS + 1


def _require(condition: bool) -> None:
    if not condition:
        raise OSError


@pytest.mark.parametrize("closes", [True, False])
def test_celery_counts_all_whether_or_not_its_processes_close(
    closes, tmp_path, redis_server, redis_url
):
    url = f"redis+socket://{redis_server.socket}"
    home = Home(tmp_path, BROKER_URL=url)
    code = TITLED["tasks.py"]
    home.write("tasks.py", code if closes else CLOSE.sub("    pass", code))
    with home.running(f"{COMMANDS['celery']} --without-gossip --without-mingle"):
        home.run(
            sys.executable, "-c",
            "from celery import group\n"
            "from tasks import greet\n"
            f"jobs = group(greet.s('ada') for _ in range({REQUESTS})).apply_async()\n"
            f"assert jobs.get(timeout=50) == ['Hello, ada!'] * {REQUESTS}\n",
        )  # fmt: skip

    assert home.lookups("greetings") == REQUESTS


def test_rq_counts_all(tmp_path, redis_url):
    home = Home(tmp_path, RQ_REDIS_URL=redis_url)
    home.write("jobs.py", TITLED["jobs.py"])
    home.run(
        sys.executable, "-c",
        "import os\n"
        "from redis import Redis\n"
        "from rq import Queue\n"
        "queue = Queue(connection=Redis.from_url(os.environ['RQ_REDIS_URL']))\n"
        "for _ in range(5): queue.enqueue('jobs.greet', 'ada')\n",
    )  # fmt: skip
    home.run(*COMMANDS["rq"].split())

    assert home.lookups("greetings") == 5
    with Cache.open(directory=home.path / ".cache" / "cachectl") as cache:
        assert cache.namespace("greetings").get("ada") == "Hello, ada!"


def test_a_pool_counts_all(home):
    home.run(sys.executable, str(home.write("pool.py", TITLED["pool.py"])))


def test_a_forked_process_counts(home):
    home.run(sys.executable, str(home.write("fork.py", TITLED["fork.py"])))


def test_the_fixture_of_pytest(tmp_path):
    """Both tests pass, and nothing is left in the home or in shared memory."""
    name = f"docs-{os.getpid()}"
    home = Home(tmp_path, CACHECTL_MEMORY__NAME=name)
    for file in ("conftest.py", "test_greetings.py"):
        home.write(file, TITLED[file])
    ended = home.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert "2 passed" in ended.stdout
    assert not Path(f"/dev/shm/cachectl-{os.getuid()}-{name}").exists()
    assert not (home.path / ".cache").exists()


@pytest.mark.filterwarnings("ignore")  # of jupyter_client: nothing of ours runs in this process
def test_a_notebook_shows_answers_and_counts_when_its_kernel_ends(home, monkeypatch):
    from jupyter_client.manager import KernelManager

    monkeypatch.setenv("HOME", str(home.path))  # the manager looks for kernels there
    kernel = KernelManager(kernel_name="python3")
    kernel.start_kernel(env=home.environment, cwd=str(home.path))
    client = kernel.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        shown: list[dict[str, Any]] = []
        reply = client.execute_interactive(
            TITLED["notebook"], timeout=SECONDS, output_hook=shown.append
        )
    finally:
        client.stop_channels()
        kernel.shutdown_kernel()

    assert reply["content"]["status"] == "ok", reply["content"]
    (result,) = [message for message in shown if message["msg_type"] == "execute_result"]
    text = result["content"]["data"]["text/plain"]
    assert text == "<Namespace 'answers': TTL 7d>"
    assert home.lookups("answers") == 1


def test_systemd_makes_a_directory_that_is_taken(tmp_path):
    """There is no systemd here: what it would make is made by hand, with the mode of the unit."""
    unit = TITLED["my-app.service"]
    (mode,) = re.findall(r"^CacheDirectoryMode=(\d+)$", unit, re.MULTILINE)
    (tmp_path / "my-app").mkdir(mode=int(mode, 8))
    environ = {"CACHECTL_FILE__DIRECTORY": str(tmp_path / "my-app")}
    assert f"Environment={next(iter(environ))}=%C/my-app" in unit
    Home(tmp_path, **environ).run(
        sys.executable,
        "-c",
        "from cachectl import Cache\nassert Cache.open().namespace('a').set('b', 1)",
    )
    (tmp_path / "open").mkdir(mode=0o755)
    with Cache.open(directory=tmp_path / "open") as cache:
        assert cache.namespace("a").set("b", 1)
        status = cache.status()
    assert (status.status, status.kind) == ("fallback_only", "place")
    assert "is open to others (mode 0755); chmod 700 it" in str(status.last_error)


def test_an_outage_loses_neither_removals_nor_counts_of_a_process_that_ends(tmp_path):
    with run_redis_server() as server:
        with Cache.open(backend="redis", url=server.url, strict=True) as cache:
            cache.namespace("users").set("42", "Ada")
        home = Home(tmp_path, CACHECTL_URL=server.url)
        home.write("outage.py", TITLED["outage.py"])
        server.process.send_signal(signal.SIGSTOP)
        try:
            printed = home.run(sys.executable, "outage.py").stdout
        finally:
            server.process.send_signal(signal.SIGCONT)

        assert "redis is away, working from memory" in printed
        assert "(1 key) is noted in /" in printed
        assert "closed without writing the last counts" in printed
        with Cache.open(backend="redis", url=server.url, strict=True) as cache:
            users = cache.namespace("users")
            figures = users.stats()
            assert (figures.hits, figures.misses) == (0, 1)
            assert users.get("42") is MISSING
