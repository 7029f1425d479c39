"""The voice agent system: what an agent asks for, and a worker that runs one.

`python -m tests.systems.voice_agents WORKERS` starts so many at once, whose callers all ring at once;
without a number it is one that searches, and lets who reads its output be the knowledge base.
"""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any

from cachectl import Cache
from tests.systems.service import answered, serve

LINES = 8
QUESTIONS = ["knee pain", "back pain", "opening hours"]
GREETING = "Hi, how can I help?"

_together: list[Barrier] = []
"""The barrier of the workers: none begins before all are there."""


class Agent:
    """An agent of an organisation. `ask` stands for Convex and Sarvam: it is called for what no
    cache knows, with the namespace and what is wanted.
    """

    def __init__(self, cache: Cache, ask: Callable[[str, str], Any], org: str = "1") -> None:
        self._cache = cache
        self._ask = ask
        self._org = org
        self._tags = [f"org:{org}"]

    def say(self, text: str) -> bytes:
        tts = self._cache.namespace("tts")
        key = tts.key(text, agent=self._org)
        return tts.get_or_load(key, lambda: self._ask("tts", text).encode(), tags=self._tags)

    def search(self, question: str) -> Any:
        rag = self._cache.namespace("rag")
        key = rag.key(question, org=self._org)
        return rag.get_or_load(key, lambda: self._ask("rag", question), tags=self._tags)

    def config(self, agent: str) -> Any:
        configs = self._cache.namespace("agent-config")
        return configs.get_or_load(agent, lambda: self._ask("agent-config", agent), tags=self._tags)

    def prompt(self, agent: str, version: int) -> Any:
        prompts = self._cache.namespace("prompts")
        key = prompts.key(agent, version=version)
        wanted = f"{agent} v{version}"
        return prompts.get_or_load(key, lambda: self._ask("prompts", wanted), tags=self._tags)


def answer(namespace: str, wanted: str) -> str:
    return f"{namespace}: {wanted}"


def ring(cache: Cache) -> list[str]:
    """Serve callers on all lines, who want the same; return what really had to be asked for."""
    asked: list[str] = []

    def ask(namespace: str, wanted: str) -> str:
        asked.append(answer(namespace, wanted))
        return asked[-1]

    agent = Agent(cache, ask)

    def call(_: int) -> None:
        assert agent.config("agent 7") == answer("agent-config", "agent 7")
        assert agent.prompt("agent 7", 3) == answer("prompts", "agent 7 v3")
        assert agent.say(GREETING) == answer("tts", GREETING).encode()
        for question in QUESTIONS:
            assert agent.search(question) == answer("rag", question)

    with ThreadPoolExecutor(LINES) as lines:
        list(lines.map(call, range(LINES)))
    return asked


def run(_: int) -> list[str]:
    """Be one of the workers: a process that opens the cache when all others do."""
    _together[0].wait(30)
    with Cache.open() as cache:
        return ring(cache)


def main() -> None:
    if len(sys.argv) > 1:
        workers, context = int(sys.argv[1]), get_context("fork")
        with context.Pool(workers, _together.append, [context.Barrier(workers)]) as pool:
            sys.stdout.write(json.dumps(pool.map(run, range(workers), chunksize=1)))
        return
    with Cache.open() as cache:
        serve(Agent(cache, lambda namespace, wanted: answered(wanted)).search)


if __name__ == "__main__":
    main()
