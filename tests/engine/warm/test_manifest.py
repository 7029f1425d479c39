"""Manifests: what a line may say, and what is said about a line that may not."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachectl import Cache, InvalidKey, UsageError
from cachectl._engine.warm import (
    LoaderSource,
    Record,
    WarmFailure,
    WarmReport,
    lines,
    open_source,
    warm,
)
from cachectl._engine.warm.files import read_below
from cachectl._engine.warm.manifest import FIELDS
from cachectl.testing import found
from tests.engine.warm.conftest import Warm

GOOD = {"namespace": "n", "key": "good", "value": 1}


def reasons(report: WarmReport) -> list[tuple[int | None, str]]:
    return [(failure.line, failure.reason) for failure in report.failures]


def line(**fields: Any) -> dict[str, Any]:
    """A line that is right but for what is given; None leaves a field out."""
    merged = {"namespace": "n", "key": "k", "value": 1, **fields}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True]}, [1], 7, 1.5, False, "text", "", {}])
def test_a_value_is_what_it_is_in_json(warm_lines: Warm, cache: Cache, value: object):
    report = warm_lines({"namespace": "n", "key": "k", "value": value})
    assert (report.written, report.failures) == (1, [])
    assert cache.namespace("n").get("k") == value


def test_null_is_a_value(warm_lines: Warm, cache: Cache):
    """A cached None is not a miss."""
    warm_lines({"namespace": "n", "key": "k", "value": None})
    assert cache.namespace("n").get("k", "missing") is None


def test_what_a_line_says_is_stored(warm_lines: Warm, cache: Cache):
    """TTL, tags, cost and label reach the entry; without them it is the namespace's policy that counts."""
    warm_lines(
        line(key="a", ttl="15m", tags=["org:42", "b"], cost=0.005, label="one"),
        line(key="b", ttl="none", cost="0.25"),
        line(key="c"),
    )
    a, b, c = (cache.namespace("n").peek(key) for key in "abc")
    assert a is not None
    assert b is not None
    assert c is not None
    assert (a.tags, a.cost, a.expires_at - a.created_at) == (("b", "org:42"), 5000, 900)
    assert (a.label, b.label) == ("one", "")
    assert (b.tags, b.cost, b.expires_at) == ((), 250_000, float("inf"))
    assert (c.cost, c.expires_at - c.created_at) == (0, 3600)


def test_features_make_the_key_that_the_namespace_makes(cache: Cache, warm_lines: Warm):
    """Rounding of the policy included."""
    namespace = cache.namespace("n", key_decimals=1)
    warm_lines({"namespace": "n", "features": {"tempo": 120.04, "key": "C"}, "value": "hit"})
    assert namespace.get(namespace.key({"key": "C", "tempo": 120.01})) == "hit"


@pytest.mark.parametrize(
    "features", [{"tempo": 1.5}, [1, "a"], "text", 7, 1.5, True, None], ids=str
)
def test_features_of_any_type_and_extras(cache: Cache, warm_lines: Warm, features: Any):
    """What applications pass to `key()`, as far as JSON has it."""
    namespace = cache.namespace("n")
    extra = {"model": "genre-2", "version": 3}
    report = warm_lines(
        {"namespace": "n", "features": features, "extra": extra, "value": "with"},
        {"namespace": "n", "features": features, "value": "without"},
    )

    assert report.failures == []
    assert namespace.get(namespace.key(features, model="genre-2", version=3)) == "with"
    assert namespace.get(namespace.key(features)) == "without"


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_base64_is_bytes_unless_the_type_says_what_they_are(warm_lines: Warm, cache: Cache):
    """json, text and npy are decoded from it."""

    def coded(key: str, data: bytes, **fields: str) -> dict[str, str]:
        return {
            "namespace": "n", "key": key, "value_base64": base64.b64encode(data).decode(), **fields,
        }  # fmt: skip

    report = warm_lines(
        coded("bytes", b"\0\xff"),
        coded("text", "é".encode(), type="text"),
        coded("json", b'{"a":1}', type="json"),
        coded("npy", npy(np.arange(3)), type="npy"),
    )
    assert report.failures == []
    namespace = cache.namespace("n")
    assert [namespace.get(key) for key in ("bytes", "text", "json")] == [b"\0\xff", "é", {"a": 1}]
    assert found(namespace.get("npy")).tolist() == [0, 1, 2]


def test_a_file_is_what_its_suffix_says_unless_the_type_does(
    warm_lines: Warm, cache: Cache, tmp_path: Path
):
    """Relative to the directory of the manifest."""
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    (tmp_path / "b.txt").write_text("text")
    (tmp_path / "c.png").write_bytes(b"\x89PNG")
    (tmp_path / "d.npy").write_bytes(npy(np.ones((2, 2), "f4")))
    report = warm_lines(
        line(key="a", value=None, value_file="v/a.json"),
        line(key="b", value=None, value_file="v/../b.txt"),
        line(key="c", value=None, value_file="c.png"),
        line(key="d", value=None, value_file="d.npy"),
        line(key="e", value=None, value_file="b.txt", type="bytes"),
    )
    namespace = cache.namespace("n")
    assert report.failures == []
    assert [namespace.get(key) for key in "abce"] == [{"a": 1}, "text", b"\x89PNG", b"text"]
    assert found(namespace.get("d")).dtype == np.float32


def test_the_namespace_may_be_given_for_all_lines(warm_lines: Warm, cache: Cache):
    """A line's own goes before it."""
    report = warm_lines(
        {"key": "k", "value": 1}, {"namespace": "m", "key": "k", "value": 2}, namespace="n"
    )
    assert (cache.namespace("n").get("k"), cache.namespace("m").get("k")) == (1, 2)
    assert report.namespaces == {"n": 1, "m": 1}


REFUSED: list[tuple[Any, str]] = [
    ("{x}", "not JSON at character 2: Expecting property name enclosed in double quotes"),
    ("[1]", "a line must be a JSON object, not list"),
    (line(vaule=1), "unknown field 'vaule', did you mean 'value'?"),
    (line(zzz=1), f"unknown field 'zzz', known are {', '.join(FIELDS)}"),
    ('{"key": 1, "key": 2}', "JSON in which an object has the same name twice"),
    (
        '{"namespace":"n","key":"k","value":{"a":1,"a":2}}',
        "JSON in which an object has the same name twice",
    ),
    ('{"namespace":"n","key":"k","value":NaN}', "JSON has no NaN and no infinity"),
    ('{"namespace":"n","key":"k","value":-Infinity}', "JSON has no NaN and no infinity"),
    ('{"namespace":"n","features":{"x":1e999},"value":1}', "JSON has no NaN and no infinity"),
    ('{"value":' + "9" * 5000 + "}", "JSON with a number of too many digits"),
    ("[" * 100_000 + "]" * 100_000, "JSON that is nested too deep"),
    (
        f'{{"namespace":"n","key":"k","value":{"[" * 102}1{"]" * 102}}}',
        "a value nested more than 100 deep cannot be cached",
    ),
    (
        f'{{"namespace":"n","features":{{"a":{"[" * 102}1{"]" * 102}}},"value":1}}',
        "features are nested more than 100 deep",
    ),
    ({"key": "k", "value": 1}, "there is no 'namespace'"),
    (
        line(namespace="../x"),
        "not a namespace: '../x' (a letter or digit, then up to 63 of A-Z a-z 0-9 . _ : -)",
    ),
    (line(key=None), "there is no 'key' or 'features'"),
    (line(features={}), "'key' and 'features' exclude each other"),
    (line(key=1), "'key' must be str, not int"),
    (line(key=""), "a key has 1 to 1024 bytes, this one has 0"),
    (line(key="k" * 1025), "a key has 1 to 1024 bytes, this one has 1025"),
    (line(key=None, features=[1], extra=[1]), "'extra' must be dict, not list"),
    (line(key=None, features=[1], extra={"features": 1}), "no extra can be called 'features'"),
    (line(extra={"a": 1}), "'extra' goes with 'features'"),
    (line(value=None), "there is no 'value' or 'value_file' or 'value_base64'"),
    (line(value_file="x"), "'value' and 'value_file' exclude each other"),
    (line(type="xml"), "unknown type 'xml' (known: json, text, bytes, npy, npz)"),
    (line(type="text"), "a value of type text must be str, not int"),
    (line(type="bytes"), "type bytes needs 'value_file' or 'value_base64'"),
    (line(type="npy", value=[1]), "type npy needs 'value_file' or 'value_base64'"),
    (line(value=None, value_base64="a"), "'value_base64' is not base64"),
    (line(value=None, value_base64="é"), "'value_base64' is not base64"),
    (line(value=None, value_base64="/w==", type="text"), "not UTF-8 at byte 1"),
    (line(value=None, value_base64="/w==", type="npy"), "not an array in .npy format"),
    (
        line(value=None, value_base64="ew==", type="json"),
        "not JSON at character 2: Expecting property name enclosed in double quotes",
    ),
    (line(ttl="soon"), "not a duration: 'soon' (write 90, 90s, 15m, 1h30m, 7d or none)"),
    (line(ttl=0), "not a duration: 0 (more than 0 s, at most 100 years)"),
    (line(ttl=True), "not a duration: True (a bool)"),
    (line(ttl="9" * 65), "'ttl' is longer than 64 characters"),
    ('{"namespace":"n","key":"k","value":1,"ttl":null}',
     "'ttl' must be str or int or float, not NoneType"),
    (line(tags="a b"), "'tags' must be list, not str"),
    (line(tags=[1]), "'tags' must be a list of str"),
    (line(tags=[""]), "not a tag: '' (1 to 128 bytes, printable)"),
    (line(cost=-1), "not an amount of dollars: -1 (from 0 to a million)"),
    (line(cost="1e999999"), "not an amount of dollars: '1e999999'"),
    (line(value=None, value_file="absent"), "the file 'absent' does not exist"),
    (line(value=None, value_file="../../etc/passwd"),
     "the file '../../etc/passwd' does not exist"),
    (line(value=None, value_file="/etc/passwd"),
     "the file '/etc/passwd' is outside of the directory"),
    (line(value=None, value_file="/dev/zero"), "the file '/dev/zero' is outside of the directory"),
    (line(value=None, value_file="out"), "the file 'out' is outside of the directory"),
    (line(value=None, value_file="loop"),
     "the file 'loop' cannot be read: Too many levels of symbolic links"),
    (line(value=None, value_file="fifo"), "the file 'fifo' is not a regular file"),
    (line(value=None, value_file="."), "the file '.' is not a regular file"),
    (line(value=None, value_file="a\0b"), "the file 'a\\x00b' has an impossible name"),
    (line(value=None, value_file="huge"), "the file 'huge' is over 268435456 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "reason"), REFUSED, ids=[reason[:50] for _, reason in REFUSED])
def test_a_bad_line_fails_alone(
    warm_lines: Warm, cache: Cache, tmp_path: Path, bad: object, reason: str
):
    """It is reported with its number and exactly this reason; the lines around it are written."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to("loop")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(256 * 1024 * 1024 + 1)
    report = warm_lines(GOOD, bad, line(key="after"))
    assert reasons(report) == [(2, reason)]
    assert (report.read, report.written, report.failed) == (3, 2, 1)
    assert cache.namespace("n").get("good") == cache.namespace("n").get("after") == 1


def test_a_file_above_the_manifest_is_refused_even_if_it_is_there(
    cache: Cache, tmp_path: Path
):  # fmt: skip
    """`..` is resolved before it is judged."""
    (tmp_path / "secret").write_text("s3cret")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "m.jsonl"
    path.write_text(json.dumps(line(value=None, value_file="../secret")))
    report = warm(cache, [open_source(path)])
    reason = "the file '../secret' is outside of the directory"
    assert report.failures == [WarmFailure(str(path), 1, reason)]


def test_the_encoding_of_lines_is_utf_8_whatever_their_ends(warm_file: Warm, cache: Cache):
    """A byte order mark, CRLF, blank lines and a last line without end are fine; others are not."""
    report = warm_file(
        b'\xef\xbb\xbf{"namespace":"n","key":"a","value":"\xc3\xa9"}\r\n'
        b"\r\n  \n"
        b'{"namespace":"n","key":"b","value":"\xe9"}\n'
        b'{"namespace":"n","key":"c","value":1}'
    )
    assert reasons(report) == [(4, "not UTF-8 at byte 37")]
    assert (report.read, report.written) == (3, 2)
    assert cache.namespace("n").get("a") == "é"


def test_a_line_that_is_too_long_is_skipped(
    warm_lines: Warm, cache: Cache, monkeypatch: pytest.MonkeyPatch
):
    """Reading goes on behind it, whether or not it ends the file."""
    monkeypatch.setattr(lines, "LINE_LIMIT", 1000)
    long = line(key="long", value="s3cret" * 50_000)
    report = warm_lines(GOOD, long, line(key="b", value=2), long)
    reason = "a line of more than 1000 bytes"
    assert reasons(report) == [(2, reason), (4, reason)]
    assert cache.namespace("n").get("b") == 2


def test_a_line_of_exactly_the_limit_is_read(
    warm_file: Warm, cache: Cache, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lines, "LINE_LIMIT", 100)
    text = json.dumps(line())
    assert warm_file(text + " " * (99 - len(text)) + "\n" + text).written == 2


def test_no_reason_shows_a_value(warm_lines: Warm):
    """Whatever is wrong with it."""
    report = warm_lines(
        '{"namespace":"n","key":"k","value":"s3cret',
        '{"namespace":"n","key":"k","value":"s3cret" x}',
        '{"namespace":"n","key":"k","value":{"s3cret":1,"s3cret":2}}',
        line(value=None, value_base64="s3cret!"),
        line(type="bytes", value="s3cret"),
        line(type="text", value=["s3cret"]),
    )
    assert report.failed == 6
    assert "s3cret" not in str(report)


def test_a_reason_is_short(warm_lines: Warm):
    """Even if what is wrong is long."""
    report = warm_lines(line(tags=["\n" * 100_000]))
    assert len(report.failures[0].reason) <= 201


def test_standard_input_is_jsonl(tmp_path: Path):
    """Its files are relative to the current directory."""
    (tmp_path / "v.txt").write_text("from a file")
    manifest = [line(key="a"), line(key="b", value=None, value_file="v.txt"), {"oops": 1}]
    script = (
        "from cachectl import Cache; from cachectl._engine.warm import open_source, warm\n"
        "with Cache.open(backend='file', directory='c', strict=True) as cache:\n"
        "    report = warm(cache, [open_source('-')])\n"
        "    print(report.written, report.failures[0][:2], cache.namespace('n').get('b'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input="\n".join(json.dumps(each) for each in manifest),
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout == "2 ('-', 3) from a file\n"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.jsonl", "{} does not exist"),
        (
            "m.xml",
            "cannot warm from {} (known: .jsonl, .ndjson, .csv, .npz, -, directory)",
        ),
        ("d.jsonl.d/fifo.jsonl", "{} is not a regular file"),
        ("bad.npz", "{} is not an .npz archive"),
        ("good.npz", "{} says no namespace; name one"),
        ("d.jsonl.d", "{} says no namespace; name one"),
    ],
)
def test_a_source_that_cannot_be_read_is_found_before_anything_is_written(
    cache: Cache, tmp_path: Path, name: str, reason: str
):
    """Also if it is not the first."""
    (tmp_path / "m.xml").touch()
    np.savez(tmp_path / "good.npz", a=np.ones(1))
    (tmp_path / "bad.npz").write_bytes(b"PK")
    (tmp_path / "d.jsonl.d").mkdir()
    os.mkfifo(tmp_path / "d.jsonl.d" / "fifo.jsonl")
    (tmp_path / "good.jsonl").write_text(json.dumps(GOOD))
    names = [tmp_path / "good.jsonl", tmp_path / name]
    namespace = "n" if name == "bad.npz" else None
    with pytest.raises(UsageError) as caught:
        warm(cache, (open_source(each, namespace) for each in names))
    assert str(caught.value) == reason.format(names[1])
    assert cache.namespace("n").get("good", None) is None


def test_a_default_that_is_no_namespace_is_wrong_usage(tmp_path: Path):
    """It would be wrong for every item."""
    path = tmp_path / "m.jsonl"
    path.touch()
    with pytest.raises(InvalidKey, match="not a namespace: 'a b'"):
        open_source(path, "a b")
    with pytest.raises(InvalidKey, match="not a namespace: 'a b'"):
        LoaderSource(str.upper, path, "a b")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"key": "a", "value": 1} {"key": "b", "value": 2}\n', "not JSON at character 26: Extra"),
        (b'{"key": "a", "value": 1}\r{"key": "b", "value": 2}\r', "a line that ends with CR alone"),
        (b'{"key": "a", "value": {"key": "b", "value": 2}\n', "not JSON at character 47: "),
        (b'{"key": "a", "val{"key": "b", "value": 2}\n', "not JSON at character 20: Expecting"),
        (b'{"key": "a", "value": "\xff"}{"key": "b", "value": 2}\n', "not UTF-8 at byte 24"),
    ],
)
def test_no_part_of_a_refused_line_is_an_entry(
    warm_file: Warm, cache: Cache, content: bytes, reason: str
):
    """Two objects in a line, lines that another system ends, a line that is cut."""
    report = warm_file(content + b'{"key": "c", "value": 3}\n', namespace="n")
    assert report.failures[0].line == 1
    assert report.failures[0].reason.startswith(reason)
    assert {info.key for info in cache.namespace("n").entries()} <= {"c"}


def test_keys_whose_lines_end_with_cr_alone_are_no_key(cache: Cache, tmp_path: Path):
    """Nobody meant all of the file as one."""
    (tmp_path / "keys").write_bytes(b"a\rb\rc\r")
    report = warm(cache, [LoaderSource(str.upper, tmp_path / "keys", "n")])
    assert reasons(report) == [(1, "a line that ends with CR alone, not with LF or CRLF")]


LINES = st.sampled_from(["fine", "cut", "twice", "bytes", "list", "field", "long"])


@given(table=st.lists(st.tuples(st.text(max_size=8), LINES), max_size=8))
@settings(deadline=None)
def test_exactly_the_lines_that_are_right_are_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]]
):
    """Whatever is in the values of those that are refused."""
    path = tmp_path_factory.mktemp("jsonl") / "m.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "LINE_LIMIT", 500)
        spoilt = [spoiled(str(number), *row) for number, row in enumerate(table)]
        path.write_bytes(b"".join(one + b"\n" for one in spoilt))
        items = list(open_source(path, "n").items())
    read = {item.key: item.value for item in items if isinstance(item, Record)}
    assert len(items) == len(table)
    assert read == {str(n): value for n, (value, how) in enumerate(table) if how == "fine"}


def spoiled(key: str, value: str, how: str) -> bytes:
    """A line with something wrong with it, or nothing."""
    text = json.dumps({"key": key, "value": value}).encode()
    return {
        "cut": text[:-1],
        "twice": text + text,
        "bytes": text[:-2] + b'\xff"}',
        "list": b"[" + text + b"]",
        "field": text[:-1] + b', "nosuch": 1}',
        "long": text + b" " * 500,
    }.get(how, text)


def test_a_directory_that_becomes_a_link_while_it_is_looked_at_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    outside, below = tmp_path / "outside", tmp_path / "here/below"
    for path in (outside, below):
        path.mkdir(parents=True)
        (path / "file").write_text("secret" if path is outside else "ours")
    assert read_below(tmp_path / "here", "below/file") == b"ours"
    realpath = os.path.realpath

    def swapping(path: str, **options: bool) -> str:
        resolved = realpath(path, **options)
        if below.exists() and not below.is_symlink():
            below.rename(tmp_path / "aside")
            below.symlink_to(outside)
        return resolved

    monkeypatch.setattr(os.path, "realpath", swapping)
    with pytest.raises(UsageError, match="cannot be read"):
        read_below(tmp_path / "here", "below/file")
