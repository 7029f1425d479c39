"""What a cache is made of, whichever engine drives it: a backend, and what is known of namespaces."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from cachectl._backends.capabilities import (
    SupportsCompaction,
    SupportsForgetting,
    SupportsLook,
    SupportsManyUses,
    SupportsPolicies,
    SupportsPublishing,
    SupportsRecovery,
    SupportsReset,
    SupportsRevocation,
    SupportsSparing,
)
from cachectl._backends.protocols import Backend
from cachectl._config import Settings, policy_fields
from cachectl._engine import forking
from cachectl._engine.compose import check_policy, settle
from cachectl._engine.counting import Counting
from cachectl._engine.disabled import CLOSED_MESSAGE
from cachectl._engine.policies import Policies
from cachectl._engine.state import NamespaceState
from cachectl._metrics.recorder import Recorder, log
from cachectl._model.coroutines import run
from cachectl._model.deadline import call_began, one_call
from cachectl._model.importing import importing
from cachectl._model.policy import ALL, Limits, Policy, check_namespace
from cachectl._model.records import CleanupRule
from cachectl._model.units import Duration
from cachectl.errors import (
    BackendBusy,
    BackendError,
    BackendRefused,
    BackendUnavailable,
    UsageError,
)

if TYPE_CHECKING:  # imported where they are used: a lookup needs none of them
    from cachectl._engine.cleanup import Cleanup
    from cachectl._engine.figures import Figures
    from cachectl._engine.overall import OverallLimits
    from cachectl._engine.publishing import Publishing
    from cachectl._metrics.reports import Status

_HOLDING: Final = 0.5
"""Seconds that one flush spends on limits that are exceeded; the next goes on."""


class Core:
    """Everything of a cache but its operations. `Cache` says what its methods do.

    It knows nothing of the object that applications hold: once that is gone it can be closed.
    """

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        clock: Callable[[], float],
        *,
        strict: bool,
        follows: bool = False,
    ) -> None:
        self.backend = backend
        self.settings = settings
        self.clock = clock
        self.strict = strict
        self.policies: Policies = Policies(backend, settings, strict=strict, follows=follows)
        self._policies_there = backend if isinstance(backend, SupportsPolicies) else None
        self._states: dict[str, NamespaceState] = {}
        publishing = None if strict else self._make_publishing()
        self.counting: Counting = Counting(
            backend, self._flush, self._tick, self.close, clock, publishing, strict=strict
        )
        self._look_at_log()
        if isinstance(backend, SupportsSparing):
            backend.note_spared(lambda name: self._recorder(name).record_spared())
        self._is_closed = False
        forking.register(self.counting)

    @property
    def names(self) -> list[str]:
        """The namespaces that are in use."""
        return sorted(self._states)

    def state(self, name: str, policy: Mapping[str, object]) -> NamespaceState:
        """Return a namespace, which follows what `policy` says from now on."""
        name = check_namespace(name)
        found = self._states.get(name)
        if found is None:  # of those that threads make at once, all get the first
            found = self._states.setdefault(name, self._make_state(name))
        if policy:
            fields = policy_fields(policy)
            found.use(check_policy(self.backend, name, replace(found.policy, **fields)))
            self.policies.set_in_code(name, fields)
        return found

    @property
    def figures(self) -> "Figures":
        """What there is to say of the cache now, of what is there now."""
        self.require_open()
        self.look()
        return self._figures()

    def _figures(self) -> "Figures":
        with importing:
            from cachectl._engine.figures import Figures

        return Figures(
            self.backend,
            self.counting,
            self.policies,
            self.clock,
            self._sourced_policy,
            self.settings.namespaces,
            self.names,
        )

    def _state_seen(self) -> "Status":
        return self._figures().status_seen()

    def _make_publishing(self) -> "Publishing":
        with importing:
            from cachectl._engine.publishing import Publishing

        return Publishing(self.backend, self._state_seen)

    def policy(self, name: str) -> Policy:
        if self._policies_there is not None:
            return self._policies_there.policy(name)
        found = self._states.get(name)
        return self.policies.of(name) if found is None else found.policy

    def policy_from(self, name: str) -> str:
        return self.policies.source(name) if self._policies_there is None else "others"

    def _sourced_policy(self, name: str) -> tuple[Policy, str]:
        return self.policy(name), self.policy_from(name)

    def require_writable(self) -> None:
        if self.backend.refusal:
            raise BackendRefused(self.backend.refusal)

    def plan_cleanup(
        self,
        older_than: Duration | None,
        max_entries: int | None,
        max_bytes: int | str | None,
        deadline: Duration | None,
    ) -> "Cleanup":
        from cachectl._engine.cleanup import Cleanup, CleanupOptions

        self.require_open()
        options = CleanupOptions.checked(older_than, max_entries, max_bytes, deadline)
        with one_call(call_began()):
            self._flush_if_possible()
            self.policies.read()
        return Cleanup(
            self.backend,
            options,
            lambda name: self.policy(name).limits,
            self._recorder,
            self.clock,
            self._overall(),
        )

    def refuse_loads(self, name: str) -> None:
        flights = self.state(name, {}).flights
        flights.invalidate(None)
        try:
            if isinstance(self.backend, SupportsRevocation):
                self.backend.revoke_leases(name)
        finally:
            flights.invalidate(None)

    def forget(self, name: str) -> bool:
        self.require_open()
        name = check_namespace(name)
        if not isinstance(self.backend, SupportsForgetting):
            reason = "a namespace is known as long as its application runs"
            raise BackendRefused(f"the backend {self.backend.name} forgets nothing: {reason}")
        with one_call(call_began()):
            self._flush_if_possible()
        return self.backend.forget(name, self.clock())

    def reset_counts(self, name: str) -> None:
        self.require_open()
        name = check_namespace(name)
        if not isinstance(self.backend, SupportsReset):
            raise BackendRefused(
                f"the counters of the backend {self.backend.name} cannot begin anew"
            )
        with one_call(call_began()):
            self._flush_if_possible()
            self.backend.reset(name, self.clock())

    def flush(self) -> None:
        """Write counts and uses. Raises `BackendError`; nothing is lost then."""
        with one_call(call_began()):
            self._tick(all_uses=True)

    def _tick(self, *, all_uses: bool) -> None:
        """Flush, and hold limits: what writes left above those of their namespaces, and those over all."""
        self._flush(all_uses=all_uses)
        ends_at = monotonic() + _HOLDING
        exceeding = [each for each in list(self._states.values()) if each.recorder.may_exceed]
        for state in exceeding:
            self._hold(state, ends_at)
        overall = self._overall() if self._is_written(ALL) else None
        if overall is not None:
            overall.hold(ends_at)
        if exceeding or overall is not None:
            self.counting.buffer.flush()  # what that evicted

    def _hold(self, state: NamespaceState, ends_at: float) -> None:
        """Evict in steps what exceeds the limits of a namespace."""
        with importing:
            from cachectl._engine.cleanup import clean

        recorder, rule = state.recorder, CleanupRule(self.clock(), None, state.policy.limits)
        recorder.may_exceed = held = False
        try:
            held = clean(self.backend.store_for_threads(state.name), rule, recorder, ends_at)
        finally:
            recorder.may_exceed |= not held

    def _overall(self) -> "OverallLimits | None":
        limits = self.policies.limits()
        if limits == Limits() or self.backend.refusal:
            return None
        with importing:
            from cachectl._engine.overall import OverallLimits

        return OverallLimits(self.backend, limits, self._recorder, self.clock)

    def _flush(self, *, all_uses: bool = False) -> None:
        """Write counts, and all uses or those that others need to know by now."""
        self._look_at_log()
        self.look()
        if isinstance(self.backend, SupportsRecovery) and self.backend.recover():
            self.counting.troubles.end("failover")
            self.policies.store_again()
        self.counting.flush(partial(self._write_uses, all_uses=all_uses))
        self.policies.store(self._is_written)
        if isinstance(self.backend, SupportsPublishing):
            self.backend.publish(self.clock())

    def look(self) -> None:
        """Notice whether what is open is still there, and tell of what became of it."""
        news = self.backend.look() if isinstance(self.backend, SupportsLook) else ()
        for each in news:
            log.warning(each)
        if news:
            self.policies.store_again()
            for state in list(self._states.values()):
                state.recorder.record_lost()

    def _flush_if_possible(self) -> None:
        """Write counts and uses, also those that processes left, before something is done that needs none
        of it: where nothing can be written, they wait. A strict cache raises `BackendUnavailable`.
        """
        try:
            self._flush(all_uses=True)
        except BackendError as error:
            if self.strict and isinstance(error, BackendUnavailable):
                raise
            log.debug("not all counts and uses are written yet: %s", str(error))
        else:
            self.counting.collect()

    def _is_written(self, name: str) -> bool:
        """Return whether this process has written to a namespace, or to any."""
        state = self._states.get(name)
        known = list(self._states.values()) if name == ALL else [state] if state else []
        return any(each.recorder.has_written for each in known)

    def _look_at_log(self) -> None:
        """Write lookups to the log if DEBUG is on: asked now and then, for it is a tenth of a hit."""
        self.counting.listeners.write_log(on=log.isEnabledFor(logging.DEBUG))

    def _write_uses(self, *, all_uses: bool) -> bool:
        """Write the uses of each namespace; one that refuses them does not stop the others. Return whether
        all are written that were noted.
        """
        backend = self.backend
        if isinstance(backend, SupportsManyUses) and backend.write_uses(list(self._states)):
            return True
        refused: Exception | None = None
        wrote_all = True
        for name, state in list(self._states.items()):
            try:
                store = self.backend.store_for_threads(name)
                if all_uses:
                    run(store.flush())
                else:
                    limits = state.policy.limits
                    is_limited = partial(self.policies.is_limited, name, limits)
                    wrote_all &= run(store.hand_over(self.clock(), is_limited))
            except (BackendBusy, BackendUnavailable):
                raise  # so would they be
            except Exception as error:  # noqa: BLE001 - raised below
                refused = error
        if refused is not None:
            raise refused
        return wrote_all

    def compact(self) -> None:
        if isinstance(self.backend, SupportsCompaction):
            self.backend.compact()

    @property
    def is_open(self) -> bool:
        return not self._is_closed

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        for state in list(self._states.values()):
            state.close()
        try:
            with one_call(call_began()):
                self._release()
        except BackendError as error:
            if self.strict:
                raise
            # As text, as wherever errors are logged: who keeps the record would keep, by the
            # traceback of the error, all that is closed here.
            log.warning("closed without writing the last counts: %s", str(error))
        finally:
            forking.opened.discard(self.counting)  # until then a fork must know of it

    def _release(self) -> None:
        self.counting.flusher.stop()
        try:
            self._tick(all_uses=True)
        finally:
            self.look()
            self.counting.close()
            self.backend.close()

    def require_open(self) -> None:
        if self._is_closed:
            raise UsageError(CLOSED_MESSAGE)

    def _make_state(self, name: str) -> NamespaceState:
        self.require_open()
        if self.strict:
            settle(self.backend)
        else:
            with importing:
                from cachectl._engine.preparation import prepare

            prepare(self.backend.modules)
        self.backend.store_for_threads(name)  # or it says why there is no such namespace
        self.counting.start()
        policy = check_policy(self.backend, name, self.policies.for_use(name))
        return NamespaceState(
            self._recorder(name),
            policy,
            self.clock,
            self.backend.place,
            live=self.backend.live,
            strict=self.strict,
        )

    def _recorder(self, name: str) -> Recorder:
        return self.counting.recorder(name, counting=self.policies.of(name).metrics)
