"""The policies of namespaces, and who sets them: the configuration, or an application in its code.

What an application sets is kept beside the entries, as JSON, so that the tool shows and enforces it.
"""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

from cachectl._backends.capabilities import SupportsStoredPolicies
from cachectl._backends.protocols import Backend
from cachectl._config import Settings, policy_fields
from cachectl._metrics.recorder import log
from cachectl._model.policy import ALL, Limits, Policy, is_namespace
from cachectl.errors import BackendBusy, BackendError, BackendUnavailable, ConfigError

_LONGEST: Final = 64 * 1024
"""Characters that a stored policy may have."""
_OWN: Final = "enabled"
"""What is each process's own matter, and not stored."""
_LIMITS: Final = {"max_entries", "max_bytes"}
_BETWEEN_LOOKS: Final = 60.0
"""Seconds between two looks for limits that others set."""

Fields = Mapping[str, Any]
_NONE: Final[Fields] = MappingProxyType({})


class Policies:
    """What is known of the policies of all namespaces, those that are not in use among them.

    Where the configuration says nothing of a namespace, what applications stored counts: for one that
    is in use only if this `follows` them, as the tool does.
    """

    def __init__(
        self, backend: Backend, settings: Settings, *, strict: bool, follows: bool
    ) -> None:
        self.follows = follows
        self._backend = backend
        self._settings = settings
        self._strict = strict
        self._in_code: dict[str, Fields] = {}
        self._unwritten: set[str] = set()
        self._stored: dict[str, Fields] | None = None
        self._told: set[str] = set()
        self._limited_by_others: frozenset[str] = frozenset()
        self._looked_at = float("-inf")
        for name, fields in settings.in_code.items():
            self.set_in_code(name, fields)

    def of(self, name: str) -> Policy:
        """Return the policy of a namespace as far as it is known without asking the backend."""
        return self._settings.policy(name, (self._stored or {}).get(name, _NONE))

    def for_use(self, name: str) -> Policy:
        """Return the policy with which a namespace is used, before its application says more."""
        if not self.follows:
            return self._settings.policy(name)
        if self._stored is None:
            self.read()
        return self.of(name)

    def limits(self) -> Limits:
        """Return the most that all namespaces together may hold, as far as that is known."""
        return self._settings.limits((self._stored or {}).get(ALL, _NONE))

    def is_limited(self, name: str, limits: Limits) -> bool:
        """Return whether anything may be evicted from a namespace: by this process, which has these limits
        for it, or by others that stored theirs a minute ago or earlier.
        """
        if _has_limit(limits) or _has_limit(self.limits()):
            return True
        if monotonic() - self._looked_at > _BETWEEN_LOOKS:
            self._looked_at = monotonic()
            self._limited_by_others = self._limited()
        return not self._limited_by_others.isdisjoint((name, ALL))

    def source(self, name: str) -> str:
        """Return in words who sets the policy of a namespace."""
        configured, coded = self._settings.configured(name), self._in_code.get(name, _NONE)
        stored = (self._stored or {}).get(name, _NONE)
        sources = {
            "configuration": configured - set(coded),
            "application": set(coded) or set(stored) - configured,
        }
        return ", ".join(source for source, fields in sources.items() if fields) or "defaults"

    def set_in_code(self, name: str, fields: Fields) -> None:
        """Take note of what the application sets; `store` writes it."""
        known = self._in_code.get(name, _NONE)
        lasting = {field: value for field, value in fields.items() if field != _OWN}
        if any(field not in known or known[field] != value for field, value in lasting.items()):
            self._in_code[name] = {**known, **lasting}
            self._unwritten.add(name)

    def read(self, of: Collection[str] = ()) -> None:
        """Read what applications stored, for some namespaces or for all. What is no policy is left out,
        and logged once.
        """
        if not isinstance(self._backend, SupportsStoredPolicies):
            return
        try:
            stored = self._backend.stored_policies(of)
        except (BackendBusy, BackendUnavailable):
            if self._strict:
                raise
            return
        except BackendError as error:  # who may not read that may read entries
            log.info("the policies that applications set cannot be read: %s", str(error))
            stored = {}
        named = ((name, text) for name, text in stored.items() if name == ALL or is_namespace(name))
        known = (self._stored or {}) if of else {}
        self._stored = {**known, **{name: self._parsed(name, text) for name, text in named}}

    def store_again(self) -> None:
        """Let `store` write all that this application sets: what it wrote may be gone."""
        self._unwritten.update(self._in_code)

    def store(self, is_written: Callable[[str], bool]) -> None:
        """Store what this application sets, of namespaces that it has written to, where anything else
        is stored: once, and again when it sets something else.
        """
        due = [name for name in list(self._unwritten) if is_written(name)]
        if not due or not isinstance(self._backend, SupportsStoredPolicies):
            return
        self._unwritten.difference_update(due)
        try:
            stored = self._backend.stored_policies(due)
            for name in due:
                text = _text(self._in_code[name])
                if stored.get(name) != text:
                    self._backend.store_policy(name, text)
        except (BackendBusy, BackendUnavailable):
            self._unwritten.update(due)
            raise
        except BackendError as error:
            self._tell(f"the policies that are set in code cannot be stored: {error}")

    def _limited(self) -> frozenset[str]:
        """Return for which names applications stored a limit."""
        stored: Mapping[str, str] = {}
        if isinstance(self._backend, SupportsStoredPolicies):
            with suppress(BackendError):  # whoever needs them says so
                stored = self._backend.stored_policies()
        return frozenset(
            name
            for name, text in stored.items()
            if (name == ALL or is_namespace(name))
            and not _LIMITS.isdisjoint(self._fields(name, text))
        )

    def _parsed(self, name: str, text: str) -> Fields:
        found: dict[str, Any] = {}
        for field, value in self._fields(name, text).items():
            try:
                found |= policy_fields({field: value})
            except ConfigError as error:
                self._tell(
                    f"namespace {name}: ignored of the policy that is stored for it: {error}"
                )
        if found.get("eviction") not in self._backend.evictions:
            found.pop("eviction", None)
        found.pop(_OWN, None)
        return found

    def _fields(self, name: str, text: str) -> Mapping[str, object]:
        try:
            fields = json.loads(text) if len(text) <= _LONGEST else None
        except (ValueError, RecursionError):
            fields = None
        if isinstance(fields, dict):
            return fields
        self._tell(f"namespace {name}: ignored what is stored as its policy, for it is none")
        return {}

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            log.warning(text)


def _has_limit(limits: Limits) -> bool:
    return limits.max_entries is not None or limits.max_bytes is not None


def _text(fields: Fields) -> str:
    """Return fields as they are stored; the same are the same text."""
    return json.dumps(dict(fields), sort_keys=True, default=dict)
