"""Faults, one at a time, that the tests must find: what a tired hand might write."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """In a file of the package `right`, which is there once, becomes `wrong`; and these tests fail."""

    what: str
    file: str
    right: str
    wrong: str
    tests: str


CONTRACT = "tests/backends/test_contract.py"

MUTATIONS = (
    Mutation(
        "an alarm ignores the namespaces that it is given", "_admin/thresholds.py",
        "if not each and not names:", "if not each:",
        "tests/cli/test_thresholds.py -k alarm",
    ),
    Mutation(
        "an alarm rings for a handful of lookups", "_admin/thresholds.py",
        "lookups(figures) < min_lookups", "lookups(figures) < 1",
        "tests/cli/test_thresholds.py -k alarm",
    ),
    Mutation(
        "the worst comes last", "_admin/thresholds.py",
        "reverse=threshold.bound is Bound.OVER", "reverse=threshold.bound is Bound.UNDER",
        "tests/cli/test_thresholds.py -k worst",
    ),
    Mutation(
        "a range warns of what is in it", "_admin/check.py",
        "<= self.end) is self.is_inside", "<= self.end) is not self.is_inside",
        "tests/cli/test_check.py -k range",
    ),
    Mutation(
        "clearing by tag clears all", "_admin/clear.py",
        "return namespace.invalidate(tag=self._tag)", "return namespace.clear()",
        "tests/cli/test_clear.py -k tag",
    ),
    Mutation(
        "what is older goes in the future", "_engine/cleanup.py",
        "now - self.older_than", "now + self.older_than",
        "tests/engine/test_cleanup.py tests/cli/test_cleanup.py",
    ),
    Mutation(
        "an entry is served in the moment in which it expires", "_engine/freshness.py",
        "entry.expires_at > now", "entry.expires_at >= now",
        f"{CONTRACT} -k 'TestBackends and memory'",
    ),
    Mutation(
        "a load is stored that was invalidated while it ran", "_engine/loading.py",
        "        if flight.is_stale:", "        if False:",
        f"tests/engine/test_singleflight.py tests/engine/test_gone_leaders.py {CONTRACT} -k 'stale or change or invalidat or load'",
    ),
    Mutation(
        "who shares a load is told as one who loads", "_engine/loading.py",
        "            lookup.shares(flight.worth)\n\n        return await", "            lookup.loads()\n\n        return await",
        "tests/engine/test_singleflight.py tests/engine/test_outcomes.py tests/engine/test_loaded_values.py",
    ),
    Mutation(
        "what a write evicts is not counted", "_metrics/recorder.py",
        "len(evicted) + dropped", "dropped",
        f"{CONTRACT} -k 'TestBackends and memory'",
    ),
    Mutation(
        "what a cleanup removes over a limit is not counted", "_metrics/recorder.py",
        "step.evicted.entries + step.dropped.evicted", "step.dropped.evicted",
        "tests/engine/test_cleanup.py tests/cli/test_cleanup.py",
    ),
    Mutation(
        "the last hit is the one of whoever is asked first", "_metrics/counters.py",
        "max(self.last_hit_us, other.last_hit_us)", "self.last_hit_us",
        f"tests/metrics {CONTRACT} -k 'last_hit or memory or write_behind'",
    ),
    Mutation(
        "fractions of a micro-dollar are added, not subtracted", "_metrics/counters.py",
        "self.saved_cost * 1000 - self.saved_over", "self.saved_cost * 1000 + self.saved_over",
        f"tests/cli/test_stats.py {CONTRACT} -k 'money or cost or dollar'",
    ),
    Mutation(
        "true is the number 1 in a key", "_model/canonical.py",
        'b"T" if value else b"F"', 'b"i1;" if value else b"i0;"',
        "tests/model/test_keys.py",
    ),
    Mutation(
        "minus zero is another number in a key", "_model/canonical.py",
        "return repr(value + 0.0)", "return repr(value)",
        "tests/model/test_keys.py",
    ),
    Mutation(
        "the order of features makes another key", "_model/canonical.py",
        "for key in sorted(forms)", "for key in forms",
        "tests/model/test_keys.py",
    ),
    Mutation(
        "secrets are stored as keys", "_model/keys.py",
        "return HashedKey(sha256(check_key(key).encode()).hexdigest())", "return HashedKey(key)",
        f"{CONTRACT} -k 'hashed and memory'",
    ),
    Mutation(
        "a limit lets one entry less live", "_model/policy.py",
        "entries > self.max_entries", "entries >= self.max_entries",
        f"{CONTRACT} -k 'TestBackends and memory'",
    ),
    Mutation(
        "an entry is not bound to its key", "_model/envelope.py",
        'namespace + "\\0" + key', 'namespace + "\\0"',
        "tests/model/test_envelope.py",
    ),
    Mutation(
        "a checksum is not looked at", "_model/envelope.py",
        "if checksum != _checksum(namespace, key, memoryview(data)",
        "if checksum is None and _checksum(namespace, key, memoryview(data)",
        "tests/model/test_envelope.py",
    ),
    Mutation(
        "a checksum of what is in two pieces is not looked at", "_model/envelope.py",
        "if checksum != _checksum(namespace, key, memoryview(head)",
        "if checksum is None and _checksum(namespace, key, memoryview(head)",
        "tests/model/test_envelope.py",
    ),
    Mutation(
        "an expired entry stands in the way of a new one in memory", "_backends/memory/store.py",
        "fresh = old is not None and old.expires_at > now", "fresh = old is not None",
        f"{CONTRACT} -k 'TestBackends and memory'",
    ),
    Mutation(
        "an invalidation by tag spares loads in memory", "_backends/memory/store.py",
        "            self._leases.revoke_tagged(tag)\n", "",
        f"{CONTRACT} -k 'TestBackends and memory and (load or remov or invalid)'",
    ),
    Mutation(
        "clearing spares loads in memory", "_backends/memory/store.py",
        "            self._leases.clear()\n            removed", "            removed",
        f"{CONTRACT} -k 'TestBackends and memory and (load or clear)'",
    ),
    Mutation(
        "what replaces an expired entry counts no expiry on files", "_backends/file/put.py",
        "expired += not fresh", "expired += 0",
        f"{CONTRACT} -k 'TestBackends and file and expire'",
    ),
    Mutation(
        "a write on files spares the leases of loads", "_backends/file/put.py",
        "not isinstance(self._condition, Lease)", "isinstance(self._condition, Lease)",
        f"{CONTRACT} -k 'TestBackends and file and load'",
    ),
    Mutation(
        "only absent keys are replaced on files", "_backends/file/put.py",
        'return fresh == (self._condition == "present")', "return not fresh",
        f"{CONTRACT} -k 'TestBackends and file'",
    ),
    Mutation(
        "the window gives way to what is worth less", "_backends/eviction/lrfu.py",
        "oldest.score > lowest.score", "oldest.score < lowest.score",
        "tests/backends/eviction/test_lrfu.py",
    ),
    Mutation(
        "each use in quick succession counts", "_backends/eviction/lrfu.py",
        "            if not rank.credited:\n", "            if True:\n",
        "tests/backends/eviction/test_lrfu.py tests/backends/redis/test_lrfu.py",
    ),
    Mutation(
        "a value is served after its generation", "_backends/redis/store.py",
        "if data[:GENERATION] == generation:", "if generation or data:",
        "tests/backends/redis/test_generations.py",
    ),
    Mutation(
        "an index that lost a part is trusted", "_backends/redis/lua/removal.lua",
        "  if removal.is_whole() then\n    return removal.save()", "  if true then\n    return removal.save()",
        "tests/backends/redis/test_generations.py",
    ),
    Mutation(
        "a write on Redis spares the leases of loads", "_backends/redis/lua/put.lua",
        "if stored > 0 and not lease and", "if stored > 0 and lease and",
        f"{CONTRACT} -k 'TestBackends and redis and load'",
    ),
    Mutation(
        "the living go for what the server has dropped", "_backends/redis/lua/removal.lua",
        "  held = held - dropped\n", "",
        "tests/backends/redis/test_generations.py",
    ),
    Mutation(
        "memory on Redis is that of the stored bytes", "_backends/redis/lua/common.lua",
        "blocks + allocated(size) - allocated(old)", "blocks + size - old",
        "tests/backends/redis/test_true_size.py",
    ),
    Mutation(
        "a batch of counts is added as often as it is sent", "_backends/redis/lua/count.lua",
        ">= tonumber(ARGV[2]) then", "> tonumber(ARGV[2]) then",
        "tests/backends/redis/test_counters.py",
    ),
    Mutation(
        "a dry run plans what an expired entry leaves as well", "_engine/cleanup.py",
        "CleanupStep(removed) if one.is_expired else CleanupStep(evicted=removed)",
        "CleanupStep(evicted=removed)",
        "tests/engine/test_cleanup.py tests/cli/test_cleanup.py tests/cli/test_dry_runs.py",
    ),
    Mutation(
        "a policy that an application stored is not followed", "_engine/policies.py",
        "return self._settings.policy(name, (self._stored or {}).get(name, _NONE))",
        "return self._settings.policy(name, _NONE)",
        "tests/engine/test_stored_policies.py",
    ),
)  # fmt: skip
