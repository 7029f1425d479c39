"""All that every backend has to do."""

from cachectl.testing.contract.counters import CountersContract
from cachectl.testing.contract.details import DetailsContract
from cachectl.testing.contract.entries import EntriesContract
from cachectl.testing.contract.hashed_keys import HashedKeysContract
from cachectl.testing.contract.loads import LoadsContract
from cachectl.testing.contract.misses import MissesContract
from cachectl.testing.contract.overall import OverallContract
from cachectl.testing.contract.planning import PlanningContract
from cachectl.testing.contract.removal import RemovalContract
from cachectl.testing.contract.threads import ThreadsContract
from cachectl.testing.contract.trends import TrendsContract
from cachectl.testing.contract.values import ValuesContract


class BackendContract(
    EntriesContract,
    ValuesContract,
    RemovalContract,
    PlanningContract,
    LoadsContract,
    OverallContract,
    CountersContract,
    MissesContract,
    TrendsContract,
    DetailsContract,
    ThreadsContract,
    HashedKeysContract,
):
    """What every backend does. One that is tested overrides the fixture `settings`."""
