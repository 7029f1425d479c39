"""The sources that are not JSONL: CSV, `.npz`, directories."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cachectl import Cache, UsageError
from cachectl._engine.warm import WarmFailure, open_source, warm
from cachectl._engine.warm.sources import csv as csv_source
from cachectl.testing import found
from tests.engine.warm.conftest import Warm


def test_csv_has_the_fields_of_a_manifest_as_columns(warm_file: Warm, cache: Cache, tmp_path: Path):
    """A value is text unless the type says json; an empty cell says nothing."""
    (tmp_path / "v.bin").write_bytes(b"\0")
    report = warm_file(
        "\ufeffnamespace,key,features,extra,value,value_file,value_base64,type,ttl,tags,cost\r\n"
        "n,a,,,42,,,,,,\r\n"
        'n,b,,,"{""x"": 1}",,,json,15m,org:42 b;c,0.005\r\n'
        "\r\n"
        'n,,"{""tempo"": 1.5}","{""n"": 2}","two\r\nlines",,,,,,\r\n'
        "n,d,,,,v.bin,,,,,\r\n"
        "n,e,,,,,/w==,,none,,\r\n",
        "m.csv",
    )
    namespace = cache.namespace("n")
    assert (report.failures, report.written) == ([], 5)
    assert [namespace.get(key) for key in "abde"] == ["42", {"x": 1}, b"\0", b"\xff"]
    assert namespace.get(namespace.key({"tempo": 1.5}, n=2)) == "two\r\nlines"
    entry = namespace.peek("b")
    assert entry is not None
    assert (entry.tags, entry.cost) == (("b", "c", "org:42"), 5000)
    assert entry.expires_at - entry.created_at == 900


def test_a_bad_csv_row_fails_alone(warm_file: Warm, cache: Cache):
    """It is reported with the line it begins on."""
    report = warm_file(
        b"namespace,key,features,value,type\n"
        b"n,a,,1,json\n"
        b'n,"multi\nline",,"x",,\n'
        b"n,b,,\xff,\n"
        b'n,c,,"x"y,\n'
        b"n,d,,{,json\n"
        b"n,,[1,x,\n"
        b"n,,{,x,\n"
        b"n,e,,,\n"
        b"n,f,,last,\n"
        b'n,g,,"never closed,\nn,h,,x,\n',
        "m.csv",
    )
    assert [failure[1:] for failure in report.failures] == [
        (3, "6 cells, where the header has 5"),
        (5, "not UTF-8 at byte 6"),
        (6, "not CSV: ',' expected after '\"'"),
        (7, "not JSON at character 2: Expecting property name enclosed in double quotes"),
        (8, "not JSON at character 3: Expecting ',' delimiter"),
        (9, "not JSON at character 2: Expecting property name enclosed in double quotes"),
        (10, "there is no 'value' or 'value_file' or 'value_base64'"),
        (12, "not CSV: unexpected end of data"),
    ]
    assert (report.read, report.written, report.failed) == (10, 2, 8)
    assert cache.namespace("n").get("f") == "last"


def test_a_csv_row_is_bounded_over_all_its_lines(
    warm_file: Warm, cache: Cache, monkeypatch: pytest.MonkeyPatch
):
    """A quote that is not closed does not collect the rest of the file."""
    monkeypatch.setattr(csv_source, "LINE_LIMIT", 1000)
    rows = "n,a,x\n" * 200
    report = warm_file(f'namespace,key,value\nn,b,"{rows}n,c,last\n', "m.csv")
    assert report.failures[0][1:] == (2, "a row of more than 1000 bytes")
    assert report.written == 35
    assert cache.namespace("n").get("c") == "last"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "there is none"),
        ("namespace,key,vaule\n", "unknown field 'vaule', did you mean 'value'?"),
        ("key,value,key\n", "a field is there twice"),
        ('"key\n', "not CSV: unexpected end of data"),
    ],
)
def test_a_csv_file_whose_header_is_wrong_is_refused_whole(
    tmp_path: Path, content: str, reason: str
):
    """Without the header no row can be understood."""
    path = tmp_path / "m.csv"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        open_source(path)
    assert str(caught.value) == f"{path}: in the header: {reason}"


def test_the_arrays_of_an_npz_are_entries(cache: Cache, tmp_path: Path):
    """Compressed or not; an object array, whose content would be a pickle, is refused alone."""
    path = tmp_path / "vectors.npz"
    objects = np.array([{"a": 1}], dtype=object)
    np.savez_compressed(path, one=np.arange(3), objects=objects, zero=np.empty(0, "f4"))
    report = warm(cache, [open_source(path, "users")])
    assert report.failures == [WarmFailure(f"{path}[objects]", None, "an array of Python objects")]
    assert (report.read, report.written, report.namespaces) == (3, 2, {"users": 2})
    assert found(cache.namespace("users").get("one")).tolist() == [0, 1, 2]
    assert found(cache.namespace("users").get("zero")).dtype == np.float32


def test_a_hostile_npz_costs_no_memory_and_loses_only_what_is_wrong(cache: Cache, tmp_path: Path):
    """Foreign members, damage, other compressions, bombs and headers that lie."""
    path = tmp_path / "v.npz"
    array = io.BytesIO()
    np.save(array, np.ones(4))
    good = array.getvalue()
    claims_much = good.replace(b"(4,), }" + b" " * 12, b"(4444444444444,), }")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"text")
        archive.writestr("b.npy", b"\x93NUMPY\x01\x00")
        archive.writestr("c.npy", good, zipfile.ZIP_LZMA)
        with archive.open("d.npy", "w") as member:
            for _ in range(257):
                member.write(bytes(1 << 20))
        archive.writestr("e.npy", good, zipfile.ZIP_STORED)
        archive.writestr("f.npy", good.replace(b"(4,)", b"(9,)"))
        archive.writestr("g.npy", claims_much)
        archive.writestr("good.npy", good)
        damaged = archive.getinfo("e.npy").header_offset + 60
    with path.open("r+b") as file:
        file.seek(damaged)
        file.write(b"?")
    report = warm(cache, [open_source(path, "n")])
    assert [(failure.source[len(str(path)) :], failure.reason) for failure in report.failures] == [
        ("[a.txt]", "not an array in .npy format"),
        ("[b]", "not an array in .npy format"),
        ("[c]", "a compression that .npz does not have"),
        ("[d]", "an array of more than 268435456 bytes"),
        ("[e]", "a damaged member of the archive"),
        ("[f]", "not an array in .npy format"),
        ("[g]", "not an array in .npy format"),
    ]
    assert found(cache.namespace("n").get("good")).tolist() == [1, 1, 1, 1]


def test_the_files_of_a_directory_are_entries(cache: Cache, tmp_path: Path):
    """Their names relative to it are the keys, their suffixes the types."""
    root = tmp_path / "files"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / ".hidden").mkdir()
    (root / "a.json").write_text('{"a": 1}')
    (root / "sub" / "b.txt").write_text("é")
    (root / "sub" / "deep" / "c.PNG").write_bytes(b"\x89PNG")
    np.save(root / "d.npy", np.arange(2))
    (root / ".hidden" / "x.txt").write_text("hidden")
    (root / ".x.txt").write_text("hidden")
    (root / "link.txt").symlink_to(root / "a.json")
    (root / "up").symlink_to(tmp_path)
    report = warm(cache, [open_source(root, "img")])
    namespace = cache.namespace("img")
    assert (report.failures, report.written) == ([], 4)
    assert namespace.get("a.json") == {"a": 1}
    assert namespace.get("sub/b.txt") == "é"
    assert namespace.get("sub/deep/c.PNG") == b"\x89PNG"
    assert found(namespace.get("d.npy")).tolist() == [0, 1]


def test_a_bad_file_of_a_directory_fails_alone(cache: Cache, tmp_path: Path):
    """Whether it is its content, its kind or its name."""
    root = tmp_path / "files"
    root.mkdir()
    (root / "bad.json").write_text("{")
    (root / "bad.txt").write_bytes(b"\xff")
    (root / "object.npy").write_bytes(b"\x93NUMPY\x01\x00")
    os.mkfifo(root / "fifo")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.txt")).write_text("name")
    (root / "good.txt").write_text("good")
    report = warm(cache, [open_source(root, "n")])
    reasons = {Path(failure.source).name: failure.reason for failure in report.failures}
    assert reasons == {
        "bad.json": "not JSON at character 2: Expecting property name enclosed in double quotes",
        "bad.txt": "not UTF-8 at byte 1",
        "object.npy": "not an array in .npy format",
        "fifo": "the file 'fifo' is not a regular file",
        "\udcff.txt": "not valid Unicode: '\\udcff.txt'",
    }
    assert (report.read, report.written) == (6, 1)
    assert {failure.line for failure in report.failures} == {None}
