"""Whole processes, timed by hyperfine a few runs at a time, so that both sides alternate."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.harness.caches import directory
from benchmarks.harness.registry import Case, Contender, Sample, row
from benchmarks.harness.servers import redis_server
from benchmarks.harness.values import DOCUMENT, dump_json
from cachectl import Cache

CACHECTL: Final = str(Path(sys.executable).with_name("cachectl"))
_RUNS: Final = 3
_ROUNDS: Final = 11
_WARMED: Final = 10_000


def process(*command: str) -> Sample:
    """Return a sample of running a command to its end."""

    def sample(_seconds: float) -> float:
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            hyperfine = ["hyperfine", "-N", "--style", "none", "--warmup", "1"]
            hyperfine += ["--runs", str(_RUNS), "--export-json", file.name, shlex.join(command)]
            ended = subprocess.run(
                hyperfine, capture_output=True, text=True, check=False, env=_environment()
            )
            assert ended.returncode == 0, ended.stderr
            times: list[float] = json.load(file)["results"][0]["times"]
            return median(times)

    return sample


def _environment() -> dict[str, str]:
    """Return ours, in which modules are compiled once, as those of an installed package are."""
    unwanted = "PYTHONDONTWRITEBYTECODE"
    return {name: value for name, value in os.environ.items() if name != unwanted}


def importing(modules: str) -> Contender:
    """Return a Python that imports modules and does nothing."""
    program = f"import {modules}"
    return Contender(f"python -c '{program}'", process(sys.executable, "-c", program))


def cachectl(config: Path, *arguments: str) -> Contender:
    """Return our command with this configuration."""
    command = [CACHECTL, "--config", str(config), *arguments]
    return Contender(f"cachectl {arguments[0]}", process(*command))


def written(path: Path, backend: str, url: str = "redis://localhost") -> Path:
    """Return a configuration, written into a directory in which the cache is, too."""
    config = path / "cachectl.toml"
    config.write_text(
        f'backend = "{backend}"\n[file]\ndirectory = "cache"\n[redis]\nurl = "{url}"\n'
        '[namespaces.documents]\nttl = "1h"\nmax_entries = 2000000\n'
    )
    return config


@contextmanager
def configured(backend: str) -> Iterator[Path]:
    """Provide a configuration of a cache that holds some documents."""
    with directory() as path, redis_server() as server:
        config = written(path, backend, server.url)
        with Cache.open(config) as cache:
            for key in DOCUMENT.names():
                cache.namespace("documents").set(key, DOCUMENT.value)
        yield config


def _beside_imports(backend: str, modules: str, *arguments: str) -> Iterator[Case]:
    with configured(backend) as config:
        yield Case(
            " ".join(arguments),
            cachectl(config, *arguments),
            [importing(modules)],
            barred=True,
            rounds=_ROUNDS,
        )


_GET: Final = ("get", "documents", DOCUMENT.names()[0])


@row(
    "command-get-file",
    "charter",
    "`cachectl get` (file), whole process",
    "`python -c 'import typer, pydantic, diskcache'`",
    bar=1.3,
    aim=0.8,
)
def get_file() -> Iterator[Case]:
    yield from _beside_imports("file", "typer, pydantic, diskcache", *_GET)


@row(
    "command-get-redis",
    "charter",
    "`cachectl get` (redis), whole process",
    "`python -c 'import typer, pydantic, redis'`",
    bar=1.3,
    aim=1.0,
)
def get_redis() -> Iterator[Case]:
    yield from _beside_imports("redis", "typer, pydantic, redis", *_GET)


@row(
    "command-stats",
    "charter",
    "`cachectl stats` table (file), whole process",
    "`python -c 'import typer, pydantic, diskcache, rich.table'`",
    bar=1.3,
    aim=1.0,
)
def stats() -> Iterator[Case]:
    modules = "typer, pydantic, diskcache, rich.table"
    yield from _beside_imports("file", modules, "stats", "--format", "table")


@row("command-redis-cli", "peers", "`cachectl get` and `warm` on redis", "`redis-cli`")
def redis_cli() -> Iterator[Case]:
    with directory() as path, redis_server() as server:
        config = written(path, "redis", server.url)
        with Cache.open(config) as cache:
            cache.namespace("documents").set(_GET[2], DOCUMENT.value)
        data = dump_json(DOCUMENT.value)
        with server.client() as client:
            client.set(_GET[2], data, ex=3600)
        cli = ["redis-cli", "-s", str(server.socket)]
        native = "in C; no value is decoded or verified, nothing is counted"
        yield Case(
            "one value",
            cachectl(config, *_GET),
            [Contender("redis-cli get", process(*cli, "get", _GET[2]), native)],
            rounds=_ROUNDS,
        )
        manifest, protocol = path / "manifest.jsonl", path / "protocol"
        manifest.write_bytes(b"".join(_manifest_line(n, data) for n in range(_WARMED)))
        protocol.write_bytes(
            b"".join(set_command(b"key:%06d" % number, data) for number in range(_WARMED))
        )
        pipe = shlex.join([*cli, "--pipe"]) + f" < {shlex.quote(str(protocol))}"
        yield Case(
            f"{_WARMED:,} entries",
            cachectl(config, "warm", str(manifest), "--namespace", "documents"),
            [Contender("redis-cli --pipe", process("sh", "-c", pipe), f"{native}; ready protocol")],
            rounds=5,
        )


def _manifest_line(number: int, data: bytes) -> bytes:
    return b'{"key":"key:%06d","value":%s}\n' % (number, data)


def set_command(key: bytes, data: bytes) -> bytes:
    """Return a SET as Redis reads it."""
    words = [b"SET", key, data, b"EX", b"3600"]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
