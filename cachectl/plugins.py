"""What those build on who add a backend, a codec or a source of `cachectl warm`.

A plug-in is a package that names what it adds as entry points. In its `pyproject.toml`:

    [project.entry-points."cachectl.backends"]
    shelf = "my_package.shelf:ShelfBackend"

    [project.entry-points."cachectl.codecs"]
    decimal = "my_package.decimals:REGISTRATION"

    [project.entry-points."cachectl.sources"]
    ".kv" = "my_package.kv:KvSource"

A **backend** is a `BaseBackend` with `make_store`, and a `BaseStore` with `peek`, `touch`, `write`,
`remove` and `scan`. What it is to keep is `Item.data`; of that, `BaseStore.unpack` and `info` make
what `peek` and `scan` return. Its entry point names the class; the name is of lower-case letters,
digits and `_`. Its settings are a frozen dataclass derived from `Table`, the class attribute `options`: a
field `size: Whole = 3` is `size` in the table `[shelf]` of the configuration, the variable
`CACHECTL_SHELF__SIZE`, and the keyword argument `size` of the class. What is there beyond the
basics is one of the `Supports…` protocols.

A **codec** is a class that satisfies `Codec`, and its entry point a `CodecRegistration` with a number
from 128 to 255. Entries store the number: it may never change, nor mean something else.

A **source** is called with a path and a default namespace, and is a `Source`. The name of its
entry point is the suffix of its files.

`cachectl.testing` has suites that prove backends and codecs.
"""

from cachectl._backends.base import BaseBackend
from cachectl._backends.base_store import BaseStore
from cachectl._backends.capabilities import (
    SupportsCheck,
    SupportsCompaction,
    SupportsDetails,
    SupportsDue,
    SupportsExpiredEntries,
    SupportsFlush,
    SupportsForgetting,
    SupportsFork,
    SupportsJournal,
    SupportsLook,
    SupportsPolicies,
    SupportsPreparation,
    SupportsPublishing,
    SupportsRecount,
    SupportsRecovery,
    SupportsReset,
    SupportsRevocation,
    SupportsSelection,
    SupportsSlots,
    SupportsSparing,
    SupportsState,
    SupportsStatus,
    SupportsStoredPolicies,
    SupportsTrimming,
    SupportsWatch,
)
from cachectl._backends.protocols import Backend, Store
from cachectl._engine.warm.records import Features, Load, Position, Record, Refused, Source
from cachectl._metrics.counters import Batch, CounterStore, Counts
from cachectl._metrics.windows import Window
from cachectl._model.codecs import Codec
from cachectl._model.codecs import Registration as CodecRegistration
from cachectl._model.entry import Entry
from cachectl._model.envelope import pack, unpack, unpack_header
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    EntryInfo,
    Item,
    Lease,
    Planned,
    Removed,
    Usage,
    Written,
)
from cachectl._model.settings import (
    Boolean,
    Bytes,
    Directory,
    Kind,
    Name,
    Seconds,
    Table,
    Text,
    Whole,
)

__all__ = [
    "Backend",
    "BaseBackend",
    "BaseStore",
    "Batch",
    "Boolean",
    "Bytes",
    "CleanupRule",
    "CleanupStep",
    "Codec",
    "CodecRegistration",
    "Condition",
    "CounterStore",
    "Counts",
    "Directory",
    "Entry",
    "EntryInfo",
    "Features",
    "Item",
    "Kind",
    "Lease",
    "Limits",
    "Load",
    "Name",
    "Planned",
    "Position",
    "Record",
    "Refused",
    "Removed",
    "Seconds",
    "Source",
    "Store",
    "SupportsCheck",
    "SupportsCompaction",
    "SupportsDetails",
    "SupportsDue",
    "SupportsExpiredEntries",
    "SupportsFlush",
    "SupportsForgetting",
    "SupportsFork",
    "SupportsJournal",
    "SupportsLook",
    "SupportsPolicies",
    "SupportsPreparation",
    "SupportsPublishing",
    "SupportsRecount",
    "SupportsRecovery",
    "SupportsReset",
    "SupportsRevocation",
    "SupportsSelection",
    "SupportsSlots",
    "SupportsSparing",
    "SupportsState",
    "SupportsStatus",
    "SupportsStoredPolicies",
    "SupportsTrimming",
    "SupportsWatch",
    "Table",
    "Text",
    "Usage",
    "Whole",
    "Window",
    "Written",
    "pack",
    "unpack",
    "unpack_header",
]
