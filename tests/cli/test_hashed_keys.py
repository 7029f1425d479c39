"""Namespaces whose keys are secrets: the tool stores, finds and shows their SHA-256 alone."""

import json
from hashlib import sha256

import pytest

TOKEN = "s3cr3t-token"
HASH = sha256(TOKEN.encode()).hexdigest()
OTHER = sha256(b"other").hexdigest()
STDIN = f"{TOKEN}\n".encode()


@pytest.fixture
def sessions(shared):
    """Two users under the hash of their tokens, as the policy says."""
    tool = shared.having(CACHECTL_NAMESPACES__USERS__KEYS="hashed")
    with tool.open() as cache:
        cache.namespace("users").set_many({TOKEN: "me", "other": "you"})
    return tool


def keys(tool):
    with tool.open() as cache:
        return {info.key for info in cache.namespace("users").entries()}


@pytest.mark.parametrize("typed", ["token", "stdin", "hash"])
def test_one_user(sessions, typed):
    """By the token, best from stdin, or by what a listing shows; the token is shown nowhere."""
    key, stdin = {"token": (TOKEN, b""), "stdin": ("-", STDIN), "hash": (HASH, b"")}[typed]

    assert sessions("get", "users", key, stdin=stdin).out == "me"
    shown = sessions("inspect", "users", key, "--format", "json", stdin=stdin)
    assert json.loads(shown.out)["key"] == HASH
    foretold = sessions("-v", "clear", "users", "--key", key, "--dry-run", stdin=stdin)
    assert f"  users  {HASH}" in foretold.err.splitlines()
    cleared = sessions("clear", "users", "--key", key, "--yes", stdin=stdin)
    assert cleared.err.startswith("removed 1 entry, ")
    assert keys(sessions) == {OTHER}
    gone = sessions("get", "users", key, stdin=stdin)
    assert gone.code == 3
    for ended in (shown, foretold, cleared, gone, sessions("inspect", "users")):
        assert TOKEN not in ended.out + ended.err


def test_set_stores_the_hash(sessions):
    """The same key as that of the application."""
    assert sessions("set", "users", "-", "new", stdin=STDIN).code == 0

    assert keys(sessions) == {HASH, OTHER}
    with sessions.open() as cache:
        assert cache.namespace("users").get(TOKEN) == "new"


def test_what_is_listed_can_be_cleared(sessions):
    """Globs match what is listed."""
    assert sessions("clear", "users", "--match", f"{HASH[:8]}*", "--yes").code == 0
    assert keys(sessions) == {OTHER}


LOADER = "def load(token):\n    assert token.startswith('s3cr3t')\n    return f'session of {len(token)}'\n"


@pytest.mark.parametrize("policy", ["plain", "hashed"])
def test_warm_hashes_keys(shared, policy):
    """Asked to, or because the policy says so; the loader gets the token, and it is hashed once."""
    tool = shared.having(CACHECTL_NAMESPACES__USERS__KEYS=policy)
    (tool.home / "sessions.py").write_text(LOADER)
    (tool.home / "tokens.txt").write_bytes(STDIN)
    (tool.home / "m.jsonl").write_text('{"key": "other", "value": 1}\n')
    loading = ("--loader", "sessions:load", "--keys", "tokens.txt")
    asked = ("--hash-keys",) if policy == "plain" else ()

    for options in (asked, ("--hash-keys",)):
        ended = tool("warm", "m.jsonl", *loading, "-n", "users", *options, "--format", "json")
        assert ended.code == 0
    assert json.loads(ended.out)["fresh"] == 1
    assert keys(tool) == {HASH, OTHER}
    with tool.open() as cache:
        key = HASH if policy == "plain" else TOKEN
        assert cache.namespace("users").get(key) == f"session of {len(TOKEN)}"
