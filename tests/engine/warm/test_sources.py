"""The sources that are not JSONL and not CSV: `.npz`, directories."""

import copy
import io
import os
import tracemalloc
import warnings
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cachectl import Cache, UsageError
from cachectl._engine.warm import WarmFailure, WarmReport, open_source, warm
from cachectl._model.values import parse
from cachectl.testing import found


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


def test_what_becomes_a_hundred_times_as_large_is_refused_unless_it_is_small(
    cache: Cache, tmp_path: Path
):
    path = tmp_path / "v.npz"
    rare = np.zeros(3 * 2**20)
    rare[::40] = np.random.default_rng(0).random(len(rare[::40]))
    np.savez_compressed(path, bomb=np.zeros(3 * 2**20), small=np.zeros(2**20), rare=rare)
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    report = warm(cache, [open_source(path, "n")])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(failure.source[len(str(path)) :], failure.reason) for failure in report.failures] == [
        ("[bomb]", "an array that becomes more than 100 times as large: use numpy.savez")
    ]
    assert report.written == 2
    assert peak < 8 * rare.nbytes


def test_members_that_are_all_the_same_bytes_are_refused(tmp_path: Path):
    """As in a bomb that says of one compressed block that it is many arrays."""
    path = tmp_path / "v.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.npy", "w") as member:
            np.lib.format.write_array(member, np.arange(10_000))
        archive.filelist += [copy.copy(archive.filelist[0]) for _ in range(9)]
    with pytest.raises(UsageError, match="whose members overlap"):
        open_source(path, "n")
    with pytest.raises(UsageError, match="whose members overlap"):
        parse("npz", path.read_bytes())


@pytest.mark.parametrize(
    "shape", ["(1000000000000,)", "(9, -1)", "(2305843009213693952, 8)", "(5,)"]
)
def test_an_array_that_says_it_is_larger_than_its_file_takes_no_memory(shape: str):
    array = io.BytesIO()
    np.save(array, np.ones(4))
    lying = array.getvalue().replace(b"(4,), }" + b" " * (len(shape) - 4), f"{shape}, }}".encode())
    assert len(lying) == len(array.getvalue())
    tracemalloc.start()
    with pytest.raises(UsageError, match="not an array"):
        parse("npy", lying)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("in_columns", [False, True])
@pytest.mark.parametrize("dtype", ["<f8", ">i4", "?", "<U3", "S5", "<M8[s]", "<c16"])
def test_an_array_of_a_file_is_what_numpy_reads_of_it(in_columns: bool, dtype: str):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    array = np.asfortranarray(array) if in_columns else array
    file = io.BytesIO()
    for version in ((1, 0), (2, 0)):
        file.seek(0)
        np.lib.format.write_array(file, array, version)
        read = parse("npy", file.getvalue())
        assert isinstance(read, np.ndarray)
        assert read.dtype == array.dtype
        assert read.tolist() == array.tolist()


def test_the_files_of_a_directory_are_entries(cache: Cache, tmp_path: Path):
    """Their names relative to it are the keys, their suffixes the types."""
    root = tmp_path / "files"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "a.json").write_text('{"a": 1}')
    (root / "sub" / "b.txt").write_text("é")
    (root / "sub" / "deep" / "c.PNG").write_bytes(b"\x89PNG")
    np.save(root / "d.npy", np.arange(2))
    report = warm(cache, [open_source(root, "img")])
    namespace = cache.namespace("img")
    assert (report.failures, report.written, report.skipped) == ([], 4, 0)
    assert namespace.get("a.json") == {"a": 1}
    assert namespace.get("sub/b.txt") == "é"
    assert namespace.get("sub/deep/c.PNG") == b"\x89PNG"
    assert found(namespace.get("d.npy")).tolist() == [0, 1]


def skips(report: WarmReport, root: Path) -> dict[str, str]:
    return {skip.source.removeprefix(f"{root}/"): skip.reason for skip in report.skips}


@pytest.mark.parametrize("name", ["mount", "link to it"])
def test_a_directory_that_is_nothing_but_links_is_warmed(cache: Cache, tmp_path: Path, name: str):
    """As Kubernetes makes one of a ConfigMap; the link to it is no part of it."""
    root = tmp_path / "mount"
    (root / "..2024_11_30" / "deep").mkdir(parents=True)
    (root / "..2024_11_30" / "a.txt").write_text("a")
    (root / "..2024_11_30" / "deep" / "b.txt").write_text("b")
    (root / "..data").symlink_to("..2024_11_30")
    (root / "a.txt").symlink_to("..data/a.txt")
    (root / "deep").symlink_to("..data/deep")
    (tmp_path / "link to it").symlink_to("mount")
    report = warm(cache, [open_source(tmp_path / name, "n")])
    assert (report.failures, report.read, report.written) == ([], 2, 2)
    assert [cache.namespace("n").get(key) for key in ("a.txt", "deep/b.txt")] == ["a", "b"]
    hidden = {"..data": "hidden", "..2024_11_30": "hidden"}
    assert (report.skipped, skips(report, tmp_path / name)) == (2, hidden)


def test_links_that_lead_out_or_round_are_skipped_and_named(cache: Cache, tmp_path: Path):
    """And what is hidden; one that leads nowhere is a failure, as is a file that is not there."""
    root = tmp_path / "files"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "files beside").mkdir()
    (root / "sub" / "x.txt").write_text("x")
    (root / ".hidden").mkdir()
    (root / ".x.txt").write_text("hidden")
    (tmp_path / "secret.txt").write_text("secret")
    for link, target in {
        "out.txt": "../secret.txt", "up": "..", "beside": "../files beside", "self": "self",
        "a": "b", "b": "a", "here": ".", "sub/back": "../sub", "sub/top": "..", "gone": "nowhere",
    }.items():  # fmt: skip
        (root / link).symlink_to(target)
    report = warm(cache, [open_source(root, "n")])
    out, loop = "a link that leads out of the directory", "a link that loops"
    assert skips(report, root) == {
        "out.txt": out, "up": out, "beside": out, ".hidden": "hidden", ".x.txt": "hidden",
        "self": loop, "a": loop, "b": loop, "here": loop, "sub/back": loop, "sub/top": loop,
    }  # fmt: skip
    assert [failure[1:] for failure in report.failures] == [
        (None, "the file 'gone' does not exist")
    ]
    assert (report.read, report.written, report.skipped) == (2, 1, 11)
    assert [info.key for info in cache.namespace("n").entries()] == ["sub/x.txt"]


def test_directories_that_link_to_each_other_end(cache: Cache, tmp_path: Path):
    """Each is read under each name that does not lead back, and not behind many links."""
    root = tmp_path / "files"
    names = [f"d{number}" for number in range(12)]
    for name, after in pairwise(names):
        (root / name).mkdir(parents=True)
        (root / name / "next").symlink_to(f"../{after}")
    (root / names[-1]).mkdir()
    (root / names[-1] / "x.txt").write_text("x")
    (root / names[-1] / "back").symlink_to("../d5")
    report = warm(cache, [open_source(root, "n")])
    keys = {info.key for info in cache.namespace("n").entries()}
    assert keys == {f"d{11 - links}/{'next/' * links}x.txt" for links in range(9)}
    assert set(skips(report, root).values()) == {"a link that loops", "a link behind 8 others"}


def test_an_array_that_python_2_wrote_is_read_without_a_warning(cache: Cache, tmp_path: Path):
    """Alone and in an archive."""
    root = tmp_path / "files"
    root.mkdir()
    array = io.BytesIO()
    np.save(array, np.arange(6).reshape(2, 3))
    old = array.getvalue().replace(b"(2, 3), }  ", b"(2L, 3L), }")
    (root / "old.npy").write_bytes(old)
    with zipfile.ZipFile(tmp_path / "old.npz", "w") as archive:
        archive.writestr("old.npy", old)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = warm(cache, [open_source(root, "n"), open_source(tmp_path / "old.npz", "n")])
    assert (report.failures, report.written) == ([], 2)
    assert found(cache.namespace("n").get("old")).tolist() == [[0, 1, 2], [3, 4, 5]]


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
