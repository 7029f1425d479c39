"""Leading a flight: what both kinds of caller do."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TypeAlias, TypeVar

from cachectl._engine.singleflight.flights import Flight, Flights, Outcome

T = TypeVar("T")
Load: TypeAlias = Callable[[Flight], Awaitable[T]]
"""What is done by the leader. What it makes must not be stored once the flight is stale."""
Share: TypeAlias = Callable[[Flight], None]
"""What is done by each who waited, once the flight has brought a value."""


async def lead(flights: Flights, flight: Flight, load: "Load[T]") -> T:
    """Return what `load` returns, having told all who wait. No reference to an exception is kept:
    it is freed, with the frames that it holds, as soon as nobody handles it any more.
    """
    started = perf_counter()
    try:
        value = await load(flight)
    except Exception as error:
        flights.land(flight, Outcome(None, error), perf_counter() - started)
        raise
    except BaseException:  # interrupted or cancelled: somebody else must load
        flights.land(flight, None)
        raise
    flights.land(flight, Outcome(value), perf_counter() - started)
    return value
