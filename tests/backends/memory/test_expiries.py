"""The queue of expiries: what it returns, what it keeps, and how much of it moves at once."""

import random
from collections.abc import Callable
from heapq import heappush

import pytest

from cachectl._backends.memory import expiries
from cachectl._backends.memory.expiries import Expiries
from cachectl._backends.memory.node import Node, made
from cachectl._model.entry import NEVER, Entry
from cachectl._model.records import Item

Order = Callable[[list[str]], list[str]]


class Held:
    """Entries with a queue, as the store has them."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.queue = Expiries(self.nodes.get)

    def set(self, key: str, expires_at: float) -> None:
        old = self.nodes.get(key)
        entry = Entry(None, 1, 0.0, expires_at, 0, 0, (), 100)
        self.nodes[key] = made(key, Item(key, entry, b"", 0), (), 0.0)
        self.queue.enter(self.nodes[key], old)

    def delete(self, key: str) -> None:
        self.queue.leave(self.nodes.pop(key))

    def take(self, now: float, most: int = 10**9) -> list[str]:
        keys = self.queue.take(now, most)
        for key in keys:
            self.delete(key)
        return keys


def test_what_has_expired_is_taken_whatever_happened_before():
    chance, held, now = random.Random(1), Held(), 0.0
    for _ in range(20_000):
        key = str(chance.randrange(300))
        if key in held.nodes and chance.random() < 0.4:
            held.delete(key)
        else:
            held.set(key, NEVER if chance.random() < 0.1 else now + chance.choice([1, 5, 60]))
        if chance.random() < 0.1:
            now += chance.random() * 3
            due = {key for key, node in held.nodes.items() if node.expires_at <= now}
            assert set(held.take(now)) == due
    assert len(held.queue) <= 2 * 300 + 100


def test_no_more_are_taken_than_was_asked_for():
    held = Held()
    for number in range(20):
        held.set(str(number), 1.0)
    assert len(held.take(1.0, 5)) == 5
    assert len(held.take(1.0)) == 15
    assert (held.take(1.0), len(held.queue)) == ([], 0)


def test_an_entry_that_is_replaced_by_a_later_one_keeps_its_place():
    held = Held()
    for number in range(1000):
        held.set("k", 10.0 + number)
    assert len(held.queue) == 1
    assert held.take(20.0) == []
    assert held.take(1009.0) == ["k"]


def shuffled(keys: list[str]) -> list[str]:
    return random.Random(1).sample(keys, len(keys))


@pytest.mark.parametrize("order", [sorted, shuffled])
def test_a_removal_moves_the_places_of_few_others(order: Order, monkeypatch):
    held = Held()
    for number in range(20_000):
        held.set(str(number), 100.0 + number)
    moved: list[int] = []

    def counted(heap: list[tuple[float, str]], place: tuple[float, str]) -> None:
        moved[-1] += 1
        heappush(heap, place)

    monkeypatch.setattr(expiries, "heappush", counted)
    for key in order(list(held.nodes))[:19_000]:
        moved.append(0)
        held.delete(key)
    assert max(moved) <= 2048
    assert sum(moved) <= 2 * 20_000
    assert len(held.queue) <= 2 * 1000 + 100
    assert len(held.take(NEVER)) == 1000
