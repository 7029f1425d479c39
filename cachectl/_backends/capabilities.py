"""What only some backends can do, beside what `protocols` asks of all: each a protocol of its own.

Who wants one asks with `isinstance`, and does without where there is none.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from cachectl._metrics.counters import Counts
from cachectl._metrics.windows import Window
from cachectl._model.policy import Policy
from cachectl._model.records import CleanupRule, CleanupStep, Usage
from cachectl._model.turn import Turn

if TYPE_CHECKING:
    from cachectl._metrics.reports import Status


@runtime_checkable
class SupportsFlush(Protocol):
    """A store that records uses in memory first."""

    def flush(self) -> None:
        """Write the uses that lookups recorded."""


@runtime_checkable
class SupportsHandOver(Protocol):
    """A store that knows which of its uses others need to know by now."""

    def hand_over(self, now: float, is_limited: Callable[[], bool]) -> bool:
        """Write those; `is_limited` says whether anything is evicted by use. Return whether nothing that
        was noted waits still.
        """


@runtime_checkable
class SupportsManyUses(Protocol):
    """A backend that writes the uses of many namespaces together."""

    def write_uses(self, namespaces: Iterable[str]) -> bool:
        """Write the uses that lookups recorded; a namespace that refuses them does not stop the others. Return
        False if nothing was done, as each is to be asked by itself. Raises `BackendError`; what may not be
        written stays noted.
        """


@runtime_checkable
class SupportsCheck(Protocol):
    """A backend that may be out of reach."""

    def check(self) -> None:
        """Reach the backend. Raises `BackendError` saying why that is not possible."""


@runtime_checkable
class SupportsLook(Protocol):
    """A backend whose place others may take away, replace or damage while it is open."""

    def look(self) -> Sequence[str]:
        """Let go of what is not there any more, and return in words what became of it since this was called
        last. It does not raise.
        """


@runtime_checkable
class SupportsJournal(Protocol):
    """A backend that processes share, and for which they may note what is still to be removed there."""

    def journal(self) -> Path | None:
        """Return the directory for that, which need not exist; None if there can be none."""


@runtime_checkable
class SupportsWatch(Protocol):
    """A backend behind an address that may come to lead elsewhere."""

    def watch(self, *, returning: bool) -> bool:
        """Look, about every two seconds, whether all is as it was; if not, begin anew with what is there
        now and return True. One that is `returning` from an outage is looked at in any case. Raises
        `BackendUnavailable` if nothing can be had there.
        """


@runtime_checkable
class SupportsPreparation(Protocol):
    """A backend in a place that may not be there yet, or cannot be used."""

    def prepare(self) -> None:
        """Make what can be written to, unless it is there. Raises `BackendError`."""


@runtime_checkable
class SupportsCompaction(Protocol):
    """A backend in which something is left behind of entries that are no more."""

    def compact(self) -> None:
        """Give it back to the system."""


@runtime_checkable
class SupportsDiscovery(Protocol):
    """A backend that may lose the names of namespaces, and finds them again."""

    def find_namespaces(self, *, remember: bool) -> Collection[str]:
        """Return all namespaces that hold anything, at whatever that costs; who asks next pays less if
        they are remembered.
        """


@runtime_checkable
class SupportsSelection(Protocol):
    """A backend that tells of some namespaces without looking at all of them."""

    def usage_of(self, names: Collection[str]) -> Mapping[str, Usage]:
        """Return what those of them hold that `usage` tells of."""

    def counts_of(self, names: Collection[str], window: "Window") -> Mapping[str, Counts]:
        """Return the counts of those of them that its `counters` tell of, within `window`."""


@runtime_checkable
class SupportsExpiredEntries(Protocol):
    """A backend that knows what has expired and is not removed yet."""

    def expired_entries(self, now: float, of: Collection[str] = ()) -> Mapping[str, int]:
        """Return how many entries of each namespace expired by `now`, at a cost that does not grow with
        the entries: if they are more than `MOST_EXPIRED`, perhaps only that many. Who asks for some
        namespaces may be told of others as well.
        """


@runtime_checkable
class SupportsPublishing(Protocol):
    """A backend that shows other processes what it holds."""

    def publish(self, now: float) -> None:
        """Show what is held now. It never raises."""


@runtime_checkable
class SupportsForgetting(Protocol):
    """A backend that knows namespaces also when they hold nothing, and no process uses them."""

    def forget(self, namespace: str, now: float) -> bool:
        """Remove what is known of a namespace, counters included, if it holds nothing; return whether
        that is so.
        """


@runtime_checkable
class SupportsReset(Protocol):
    """A backend whose counters may begin anew."""

    def reset(self, namespace: str, now: float) -> None:
        """Remove all that a namespace counted, and nothing that it holds."""


@runtime_checkable
class SupportsRecount(Protocol):
    """A backend that keeps totals, which may be damaged."""

    def recount(self) -> None:
        """Count anew what there is: it reads all entries, and nobody waits for it."""


@runtime_checkable
class SupportsFork(Protocol):
    """A backend, or a store of one, that holds what two processes must not share."""

    def turns(self) -> Iterable[Turn]:
        """Return the turns that threads take. Who forks holds all of them, in both processes; there
        must be no more once he has those that came first.
        """

    def before_fork(self) -> bool:
        """Close what must not be shared, while all turns are held. Return whether nobody uses any of
        it: otherwise all turns are free for a moment before this is called again.
        """

    def after_fork_in_child(self) -> None:
        """Forget what the threads were doing that did not come along into this process."""


@runtime_checkable
class SupportsSlots(Protocol):
    """A backend for which processes note in slots what they have not written yet."""

    def slots(self, *, create: bool) -> Path | None:
        """Return the directory of slots, which need not exist; what it is in is made if it is to
        be created. None if there can be no slots. Raises `BackendRefused`.
        """

    def note_uses(self, note: Callable[[str, str, int], None]) -> None:
        """Call `note` with namespace, key and stamp of what is used from now on: of its first use
        since uses were written.
        """

    def touch(self, namespace: str, uses: Sequence[tuple[str, int]]) -> None:
        """Write the stamps of last uses, which another process noted; none moves back."""


@runtime_checkable
class SupportsStatus(Protocol):
    """A backend that has more to say of itself than its name."""

    def status(self) -> "Status":
        """Return where entries are kept now."""


@runtime_checkable
class SupportsState(SupportsStatus, Protocol):
    """A backend that knows where entries are kept now without asking anybody."""

    def state(self) -> "Status":
        """Return what `status` returned when this was seen last, or what was seen since."""


@runtime_checkable
class SupportsRecovery(SupportsStatus, Protocol):
    """A backend that stands in for another while that is away."""

    def recover(self) -> bool:
        """Return to the other if it is back; return whether it may be another than before. Raises
        `BackendError` if it is not back.
        """


@runtime_checkable
class SupportsSparing(Protocol):
    """A backend that spares its callers errors, and says so."""

    @property
    def is_away(self) -> bool:
        """Whether something else answers now."""

    def note_spared(self, note: Callable[[str], None]) -> None:
        """Call `note` with the namespace of each lookup, and of each call that writes or removes,
        that something else answers because the backend is away.
        """


@runtime_checkable
class SupportsRevocation(Protocol):
    """A backend that can revoke leases whose keys nobody names."""

    def revoke_leases(self, namespace: str) -> None:
        """Revoke all leases of a namespace: nothing is stored of the loads that have them."""


@runtime_checkable
class SupportsDue(Protocol):
    """A backend that tells of all namespaces at once where a cleanup would find nothing."""

    def due(self, rules: Mapping[str, CleanupRule]) -> Collection[str]:
        """Return in which of these namespaces there may be anything that its rule names."""


@runtime_checkable
class SupportsTrimming(Protocol):
    """A backend in which one can say what was used least recently of all namespaces, and remove that."""

    def totals(self) -> Mapping[str, Usage]:
        """Return what `usage` does, without estimates."""

    def oldest(self, namespaces: Sequence[str], most: int) -> Mapping[str, list[tuple[float, int]]]:
        """Return last use (Unix seconds) and stored bytes of the entries of each namespace that were used
        least recently, in that order, at most so many of each.
        """

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        """Evict the entries that were used least recently, not after `used_until`, and at most so many;
        not more than `BATCH`. Leases stay good.
        """


@runtime_checkable
class SupportsPolicies(Protocol):
    """A backend whose namespaces and limits somebody else decides, not our configuration."""

    def policy(self, namespace: str) -> Policy:
        """Return what was decided. Raises `UsageError` for an unknown namespace."""


@runtime_checkable
class SupportsStoredPolicies(Protocol):
    """A backend that keeps what applications set of policies, so that others can follow it."""

    def stored_policies(self, of: Collection[str] = ()) -> Mapping[str, str]:
        """Return what was stored, by namespace, whatever became of it since. Who asks for some may be told
        of others as well.
        """

    def store_policy(self, namespace: str, text: str) -> None:
        """Keep a text, in place of another, until the namespace is forgotten."""


@runtime_checkable
class SupportsDetails(Protocol):
    """A store that knows more of an entry than all stores do."""

    def details(self, key: str) -> Mapping[str, object]:
        """Return facts by name, Unix seconds under names in `_at`; nothing for an absent key."""
