"""`set` and `get`."""

import io
import json

import numpy as np
import pytest

from cachectl import MISSING
from tests.cli.support.tool import Ended


def test_value_comes_back_as_it_was(shared):
    """Text, JSON and bytes go in inline, by stdin and from files, and come out to the byte."""
    (shared.home / "logo.png").write_bytes(b"\x89PNG\r\n\xff\x00")
    assert shared("set", "a", "text", "Grüße\n") == (0, b"", "")
    assert shared("set", "a", "json", '{"b": [1, null]}', "--type", "json") == (0, b"", "")
    assert shared("set", "a", "stdin", "-", "--type", "bytes", stdin=b"\x00\xff\n") == (0, b"", "")
    assert shared("set", "a", "file", "@logo.png") == (0, b"", "")

    assert shared("get", "a", "text").raw == "Grüße\n".encode()
    assert shared("get", "a", "json").raw == b'{"b": [1, null]}\n'
    assert shared("get", "a", "stdin").raw == b"\x00\xff\n"
    assert shared("get", "a", "file").raw == b"\x89PNG\r\n\xff\x00"


def test_array_comes_back_as_npy(tool):
    """An array is a `.npy` file on the way in and, byte for byte, on the way out."""
    array = np.arange(6, dtype=">f4").reshape(2, 3)
    np.save(tool.home / "vector.npy", array)
    assert tool("set", "a", "k", "@vector.npy").code == 0

    ended = tool("get", "a", "k")
    loaded = np.load(io.BytesIO(ended.raw), allow_pickle=False)

    assert loaded.dtype == array.dtype
    assert (loaded == array).all()
    document = json.loads(tool("get", "a", "k", "--format", "json").out)
    assert (document["type"], document["dtype"], document["shape"]) == ("npy", ">f4", [2, 3])


def test_several_arrays_come_back_as_npz(tool):
    """A `.npz` file on the way in, and one on the way out."""
    np.savez(tool.home / "speaker.npz", mean=np.arange(3), spread=np.ones(2))
    assert tool("set", "a", "k", "@speaker.npz").code == 0

    loaded = np.load(io.BytesIO(tool("get", "a", "k").raw), allow_pickle=False)

    assert {name: array.tolist() for name, array in loaded.items()} == {
        "mean": [0, 1, 2], "spread": [1, 1],
    }  # fmt: skip
    document = json.loads(tool("get", "a", "k", "--format", "json").out)
    assert (document["type"], document["arrays"][0]) == (
        "npz", {"name": "mean", "dtype": "int64", "shape": [3]},
    )  # fmt: skip
    assert "mean: array int64, shape (3,)" in tool("inspect", "a", "k").out


def test_value_as_a_document(shared):
    """With JSON the value stands in a document with its type."""
    with shared.open() as cache:
        cache.namespace("a").set("k", {"x": None})
        cache.namespace("a").set("b", b"\xff")

    assert json.loads(shared("get", "a", "k", "-f", "json").out) == {
        "schema": "cachectl.get/1", "namespace": "a", "key": "k", "type": "json",
        "value": {"x": None},
    }  # fmt: skip
    assert json.loads(shared("get", "a", "b", "-f", "jsonl").out) == {
        "schema": "cachectl.get/1", "namespace": "a", "key": "b", "type": "bytes",
        "value_base64": "/w==",
    }  # fmt: skip


def test_options_of_an_entry(shared):
    """TTL, tags and cost are stored with the value, the cost as saved money of each hit."""
    assert shared(
        "set", "a", "k", "v", "--ttl", "1h30m", "--tag", "x", "--tag", "y", "--cost", "0.005"
    ) == (0, b"", "")  # fmt: skip
    assert shared("get", "a", "k").out == "v"

    with shared.open() as cache:
        entry = cache.namespace("a").peek("k")
        figures = cache.stats().namespaces["a"]

    assert entry is not None
    assert entry.tags == ("x", "y")
    assert entry.expires_at - entry.created_at == pytest.approx(5400)
    assert (figures.hits, figures.misses, figures.sets, figures.saved_cost) == (1, 0, 1, 0.005)


def test_conditions(shared):
    """`--nx` does not overwrite, `--xx` does not create, and both say so."""
    assert shared("set", "a", "k", "1", "--xx") == (3, b"", "cachectl: a has no k\n")
    assert shared("set", "a", "k", "1", "--nx") == (0, b"", "")
    assert shared("set", "a", "k", "2", "--nx") == (6, b"", "cachectl: a has k already\n")
    assert shared("set", "a", "k", "3", "--xx") == (0, b"", "")
    assert shared("get", "a", "k").out == "3"


def test_missing_and_expired_are_misses(shared):
    """A key that is not there and one that has expired end with 3, and count as misses."""
    with shared.open(ago=7200) as cache:
        cache.namespace("a").set("old", "v", ttl="1h")

    assert shared("get", "a", "none") == (3, b"", "cachectl: a has no none\n")
    assert shared("get", "a", "old") == (3, b"", "cachectl: a has no old\n")
    with shared.open() as cache:
        figures = cache.stats().namespaces["a"]
    assert (figures.hits, figures.misses) == (0, 2)


def test_damaged_entry_is_missing(on_redis, redis_server):
    """Damaged bytes are no value: `get` and `inspect` end with 3, and `stats` counts an error."""
    with on_redis.open() as cache:
        cache.namespace("a").set("k", "value")
    with redis_server.client() as client:
        (name,) = client.scan_iter("*k", _type="string")
        client.setrange(name, 50, b"X")

    ended = on_redis("get", "a", "k")
    assert (ended.code, ended.raw) == (3, b"")
    assert "Traceback" not in ended.err
    ended = on_redis("inspect", "a", "k")
    assert (ended.code, ended.err) == (3, "cachectl: k is damaged: checksum does not match\n")
    with on_redis.open() as cache:
        assert cache.stats().namespaces["a"].errors == 1


@pytest.mark.parametrize("condition", [(), ("--nx",), ("--xx",)])
def test_value_that_is_too_large(tool, condition):
    """A value that alone is over the limit is refused with 6, under any condition."""
    limited = tool.having(CACHECTL_NAMESPACES__A__MAX_BYTES="100")
    assert limited("set", "a", "k", "small").code == 0
    key = "k" if "--xx" in condition else "other"

    assert limited("set", "a", key, "x" * 100, *condition) == (
        6, b"", "cachectl: the value alone is over max_bytes of a\n"
    )  # fmt: skip


def test_disabled_namespace(tool):
    """Nothing is stored in a namespace that is switched off."""
    disabled = tool.having(CACHECTL_NAMESPACES__A__ENABLED="false")

    assert disabled("set", "a", "k", "v") == (
        6, b"", "cachectl: a is disabled by its configuration\n"
    )  # fmt: skip
    assert not tool.directory.exists()


def test_features(shared):
    """`--features` finds what the library stored under a key of the same features."""
    with shared.open() as cache:
        ai = cache.namespace("ai")
        ai.set(ai.key({"tempo": 120.0, "key": "C"}), "techno")

    assert shared("get", "ai", "--features", '{"key": "C", "tempo": 120.0}').out == "techno"
    assert shared("get", "ai", "--features", '{"key": "D", "tempo": 120.0}').code == 3
    assert (
        shared("get", "ai", "--features", "-", stdin=b'{"key": "C", "tempo": 120.0}').out
        == "techno"
    )


@pytest.mark.parametrize(
    ("options", "extra"),
    [
        (["model=genre-2"], {"model": "genre-2"}),
        (["model=genre-2", "version=3"], {"model": "genre-2", "version": 3}),
        (['{"model": "genre-2", "version": 3.5}'], {"model": "genre-2", "version": 3.5}),
        (['{"model": "genre-2"}', "on=true"], {"model": "genre-2", "on": True}),
        (['version="3"', "none=null", "empty="], {"version": "3", "none": None, "empty": ""}),
        (["equation=a=b"], {"equation": "a=b"}),
    ],
    ids=" ".join,
)
def test_extras(tool, options, extra):
    """`--extra` adds what applications pass to `key()` by name: JSON values, or else text."""
    arguments = [word for option in options for word in ("--extra", option)]
    with tool.open() as cache:
        ai = cache.namespace("ai")
        ai.set(ai.key({"tempo": 120.0}, **extra), "techno")

    features = ["--features", '{"tempo": 120.0}']
    assert tool("get", "ai", *features, *arguments).out == "techno"
    assert tool("set", "ai", "house", *features, *arguments).code == 0
    with tool.open() as cache:
        assert cache.namespace("ai").get(ai.key({"tempo": 120.0}, **extra)) == "house"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--extra", "model"], ["--extra", "=3"], ["--extra", "a={"], ["--extra", '{"a": 1'],
        ["--extra", "a=1", "--extra", "a=2"], ["--extra", "a=1", "--extra", '{"a": 1}'],
        ["--extra", "features=1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_extras_that_cannot_be(tool, arguments):
    """They make no key, rather than another one."""
    assert tool("get", "ai", "--features", "{}", *arguments).code == 2
    assert tool("get", "ai", "k", "--extra", "a=1").code == 2


def test_key_on_stdin(tool):
    """`-` is the one key on stdin; where the value comes from there, it cannot."""
    assert tool("set", "a", "-", "v", stdin=b"the key\n").code == 0
    assert tool("get", "a", "the key").out == "v"
    assert tool("get", "a", "-", stdin=b"the key").out == "v"
    assert tool("get", "a", "-", stdin=b"one\ntwo\n").err == (
        "cachectl: one key is needed, not the 2 on stdin\n"
    )
    for arguments in (["-", "-"], ["-", "--features", "-"], ["k"], ["k", "v", "--features", "{}"]):
        assert tool("set", "a", *arguments, stdin=b"{}").code == 2


def test_memory_says_that_it_forgets(tool):
    """On the memory backend a value is gone with the call, which says so."""
    ended = tool("--backend", "memory", "set", "a", "k", "v")
    assert ended == (
        0, b"", "the memory backend ends with this process, and the value with it\n"
    )  # fmt: skip
    assert tool("--backend", "memory", "get", "a", "k").code == 3


def test_url_alone_means_redis(tool, redis_url):
    """`--url` is not ignored where the configuration names another backend."""
    assert tool("--url", redis_url, "set", "a", "k", "v").code == 0

    with tool.open(backend="redis", redis__url=redis_url) as cache:
        assert cache.namespace("a").get("k") == "v"
    assert not tool.directory.exists()


def test_bytes_are_not_for_a_terminal(tool):
    """On a terminal bytes are refused, JSON is indented, and a text loses its escapes."""
    with tool.open() as cache:
        a = cache.namespace("a")
        a.set("bytes", b"\x1b[2J")
        a.set("json", {"b": "\x1b[2J"})
        a.set("text", "one\n\x1b]52;c;Zm9v\x07two\u202e")
        a.set("array", np.array("\x1b[2J"))

    def shown(key: str) -> Ended:
        with tool.on_terminal("get", "a", key) as terminal:
            return terminal.end()

    assert shown("bytes") == (
        6, b"cachectl: 4 bytes are not for a terminal; redirect them\r\n", ""
    )  # fmt: skip
    assert shown("json").raw == b'{\r\n  "b": "\\u001b[2J"\r\n}\r\n'
    assert shown("text").raw == b"one\r\n\\x1b]52;c;Zm9v\\x07two\\u202e\r\n"
    assert b"\x1b" not in shown("array").raw


def test_value_survives_a_failed_condition(tool):
    """What `--nx` refuses to overwrite is as it was, TTL included."""
    tool("set", "a", "k", "1", "--ttl", "none")
    tool("set", "a", "k", "2", "--nx", "--ttl", "1s")

    with tool.open() as cache:
        assert cache.namespace("a").get("k", MISSING) == "1"


@pytest.mark.parametrize(
    ("variables", "limit"),
    [
        ({"CACHECTL_MAX_BYTES": "120"}, "max_bytes over all namespaces"),
        (
            {"CACHECTL_NAMESPACES__A__MAX_ENTRIES": "3", "CACHECTL_MAX_BYTES": "120"},
            "max_entries of a or max_bytes over all namespaces",
        ),
    ],
)
def test_value_that_a_limit_removes_at_once(shared, variables, limit):
    """It is not there, and nobody is told that it is."""
    ended = shared.having(**variables)("set", "a", "k", "v" * 200)

    assert (ended.code, ended.raw) == (6, b"")
    assert ended.err == f"cachectl: a has no k: {limit} removed it again at once\n"
    assert shared("get", "a", "k").code == 3


def test_a_value_is_stored_if_and_only_if_it_is_said_to_be(shared):
    """Also where others are used more often, so that `lrfu` may remove the new one."""
    limited = shared.having(
        CACHECTL_NAMESPACES__A__MAX_ENTRIES="2", CACHECTL_NAMESPACES__A__EVICTION="lrfu"
    )
    with limited.open() as cache:
        for number in (0, 1) * 5:
            cache.namespace("a").set(str(number), "v")
            cache.namespace("a").get(str(number))
    for number in range(3):
        stored = limited("set", "a", f"new {number}", "v").code == 0
        assert (limited("inspect", "a", f"new {number}").code == 0) == stored
