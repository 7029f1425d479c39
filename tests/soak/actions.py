"""What one thread or task does, one action after the other, and what it may find."""

import asyncio
import inspect
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple

from cachectl import MISSING, AsyncNamespace, Namespace, Write
from cachectl.errors import BackendBusy
from tests.soak.journal import INTERRUPTED, LOOKED_UP, REFUSED, Journal

DEADLINE = 1.0
"""Seconds after which a call gives up."""
LONGEST = DEADLINE + 1.0
"""Seconds that no call may take, but for its loader."""
SHARED = 40
"""Keys that all callers read, load, write and remove."""
OWN = 6
"""Keys of one lane, which finds there what it wrote."""
SIZES = (10, 10, 10, 1000, 40_000)
"""Bytes of values; on Redis the largest have a connection of their own."""
WEIGHTS = {
    "get": 40, "get_or_load": 20, "call": 5, "set": 15, "set_many": 3, "delete": 6, "has": 3,
    "peek": 2, "invalidate": 1, "entries": 1, "stats": 1, "clear": 0.1,
}  # fmt: skip
LOOKUPS = ("get", "get_or_load", "call")
WRITES = ("get_or_load", "set", "set_many")


class Action(NamedTuple):
    """One operation, of which everything is chosen before it begins."""

    kind: str
    keys: list[str]
    number: int
    size: int
    ttl: float
    pause: float
    patience: float
    tag: str

    @property
    def key(self) -> str:
        return self.keys[0]

    def value(self, key: str) -> dict[str, object]:
        """Return a value, which says where it belongs and when it was made."""
        return {"key": key, "number": self.number, "padding": "x" * self.size}


class Space(NamedTuple):
    """A namespace, for threads or for tasks, and a function that is decorated in it."""

    namespace: Namespace | AsyncNamespace
    function: Callable[[str], Any]


class Lane:
    """The actions of one thread or task. What it wrote under keys of its own may be gone, and is
    never older than its last write; of writes that were interrupted, any may have happened.
    """

    def __init__(self, name: str, random: Random, journal: Journal, *, shares: float = 0.5) -> None:
        self.name = name
        self._random = random
        self._journal = journal
        self._shares = shares
        self._number = 0
        self._paused = 0.0
        self._possible: defaultdict[str, set[int]] = defaultdict(set)
        self._doubtful: defaultdict[str, set[int]] = defaultdict(set)

    def draw(self) -> Action:
        """Choose the next action."""
        choose = self._random
        self._number += 1
        (kind,) = choose.choices(list(WEIGHTS), list(WEIGHTS.values()))
        return Action(
            kind,
            keys=[self._key(kind) for _ in range(3 if kind == "set_many" else 1)],
            number=self._number,
            size=choose.choice(SIZES),
            ttl=choose.choice((0.05, 3600.0, 3600.0)),
            pause=choose.uniform(0, 0.01),
            patience=choose.expovariate(1 / 0.003) if choose.random() < 0.1 else LONGEST * 10,
            tag=self.name,
        )

    def was_away(self, seconds: float) -> None:
        """Do not take this time for that of the call which is under way."""
        self._paused += seconds

    async def act(self, space: Space, action: Action) -> None:
        """Do it, and look at what comes back."""
        self._paused, started = 0.0, time.perf_counter()
        try:
            result = await self._result(space, action)
        except BackendBusy:
            self._journal.note(REFUSED)
            self._interrupted(action)
        except Exception:  # noqa: BLE001 - all of them are told
            self._journal.complain(f"{self.name}: {action.kind}: {traceback.format_exc()}")
        except BaseException:  # cancelled, or closed as nobody has it any more
            self._interrupted(action)
            raise
        else:
            self._done(action, result)
        late = self._journal.pulse.late(started)  # of which no call of ours could have been spared
        took = time.perf_counter() - started - self._paused - late
        self._journal.took(took)
        if took > LONGEST:
            self._journal.complain(f"{self.name}: {action.kind} took {took:.2f} s")

    def _key(self, kind: str) -> str:
        if kind == "call" or self._random.random() < self._shares:
            return f"shared {self._random.randrange(SHARED)}"
        return f"{self.name} {self._random.randrange(OWN)}"

    async def _result(self, space: Space, action: Action) -> Any:
        namespace = space.namespace
        calls: dict[str, Callable[[], Any]] = {
            "get": lambda: namespace.get(action.key),
            "get_or_load": lambda: namespace.get_or_load(
                action.key, self._loader(namespace, action), ttl=action.ttl, tags=[action.tag]
            ),
            "call": lambda: space.function(action.key),
            "set": lambda: namespace.set(
                action.key, action.value(action.key), ttl=action.ttl, tags=[action.tag]
            ),
            "set_many": lambda: namespace.set_many(
                Write(key, action.value(key), ttl=action.ttl, tags=[action.tag])
                for key in action.keys
            ),
            "delete": lambda: namespace.delete(action.key),
            "has": lambda: namespace.has(action.key),
            "peek": lambda: namespace.peek(action.key),
            "invalidate": lambda: namespace.invalidate(tag=action.tag),
            "entries": namespace.entries,
            "stats": namespace.stats,
            "clear": namespace.clear,
        }
        result = calls[action.kind]()
        if inspect.isawaitable(result):
            return await result
        if action.kind == "entries" and isinstance(namespace, AsyncNamespace):
            return [entry async for entry in result]
        return list(result) if action.kind == "entries" else result

    def _loader(self, namespace: Namespace | AsyncNamespace, action: Action) -> Any:
        def load() -> object:
            time.sleep(action.pause)
            self.was_away(action.pause)
            return action.value(action.key)

        async def load_in_task() -> object:
            await asyncio.sleep(action.pause)
            self.was_away(action.pause)
            return action.value(action.key)

        return load if isinstance(namespace, Namespace) else load_in_task

    def _interrupted(self, action: Action) -> None:
        if action.kind in LOOKUPS:
            self._journal.note(INTERRUPTED)
        if action.kind in WRITES:
            for key in action.keys:
                self._doubtful[key].add(action.number)

    def _done(self, action: Action, result: Any) -> None:
        if action.kind in LOOKUPS:
            self._journal.note(LOOKED_UP)
        if action.kind in LOOKUPS and result is not MISSING:
            self._check(action, result)
        if action.kind == "peek" and result is not None:
            self._check(action, result.value)
        if action.kind in ("set", "set_many"):
            outcomes = [result] if action.kind == "set" else result
            for key, outcome in zip(action.keys, outcomes, strict=True):
                self._wrote(key, action.number, stored=bool(outcome))
        if action.kind == "delete":
            self._possible.pop(action.key, None)
        if action.kind in ("invalidate", "clear"):
            self._possible.clear()  # all that a lane writes has its tag

    def _owns(self, key: str) -> bool:
        return key.startswith(f"{self.name} ")

    def _wrote(self, key: str, number: int, *, stored: bool) -> None:
        if stored:
            self._possible[key] = {number}
        else:
            self._doubtful[key].add(number)

    def _check(self, action: Action, value: Any) -> None:
        """Complain about a value of another key, and about one that was replaced or removed."""
        number = None
        with suppress(TypeError, KeyError):
            number = value["number"] if value["key"] == action.key else None
        if number is None:
            self._journal.complain(f"{self.name}: {action.key} has the value {value!r:.200}")
            return
        if not self._owns(action.key):
            return
        if action.kind == "get_or_load" and number == action.number:
            # Stored, unless that was refused: then what a refused lookup did not find is still there.
            self._possible[action.key].add(number)
        possible = self._possible[action.key] | self._doubtful[action.key]
        if number not in possible:
            self._journal.complain(
                f"{self.name}: {action.kind} of {action.key} found {number}, not of {possible}"
            )
