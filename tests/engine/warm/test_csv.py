"""CSV: rows are read, or refused, as a whole."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachectl import Cache, UsageError
from cachectl._engine.warm import Record, lines, open_source, rows
from tests.engine.warm.conftest import Warm


def keys(cache: Cache) -> set[str]:
    return {info.key for info in cache.namespace("n").entries()}


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
        (12, "the quote that opens in line 12 is never closed: nothing after it was read"),
    ]
    assert (report.read, report.written, report.failed) == (10, 3, 7)
    assert cache.namespace("n").get("e") == ""
    assert cache.namespace("n").get("f") == "last"


def test_a_csv_row_is_bounded_over_all_its_lines(
    warm_file: Warm, cache: Cache, monkeypatch: pytest.MonkeyPatch
):
    """It is not kept, but read through its end: no part of it is a row of its own."""
    monkeypatch.setattr(rows, "LINE_LIMIT", 1000)
    cell = "n,a,x\n" * 200
    report = warm_file(f'namespace,key,value\nn,b,"{cell}n,c,in"\nn,d,last\n', "m.csv")
    assert [failure[1:] for failure in report.failures] == [(2, "a row of more than 1000 bytes")]
    assert keys(cache) == {"d"}


def test_a_line_that_is_too_long_ends_no_quote(
    warm_file: Warm, cache: Cache, monkeypatch: pytest.MonkeyPatch
):
    """What is not kept of it is looked at nevertheless, wherever the pieces begin."""
    monkeypatch.setattr(lines, "LINE_LIMIT", 1000)
    monkeypatch.setattr(lines, "_CHUNK", 7)
    opened, closed = '"' + '""' * 1000, '"' + '""' * 1000 + '"'
    report = warm_file(
        f'namespace,key,value\nn,a,{opened}\nn,in,x\n"\nn,b,{closed}\nn,c,last\n', "m.csv"
    )
    reason = "a row of more than 67108864 bytes"
    assert [failure[1:] for failure in report.failures] == [(2, reason), (5, reason)]
    assert keys(cache) == {"c"}


def test_what_is_in_quotes_is_no_row_where_its_row_is_refused(warm_file: Warm, cache: Cache):
    """Whatever is wrong with a row, it is refused through the quote that ends it."""
    report = warm_file(
        b"namespace,key,value\n"
        b'n,a,"line1\ncaf\xe9\nn,injected,x\nend"\n'
        b'n,b,"x"y,"\nn,injected,x\n"\n'
        b'n,c,1,"\nn,injected,x\n"\n'
        b'n,d,x\ry,"\nn,injected,x\n"\n'
        b"n,e,ok\n",
        "m.csv",
    )
    assert [failure[1:] for failure in report.failures] == [
        (2, "not UTF-8 at byte 15"),
        (6, "not CSV: ',' expected after '\"'"),
        (9, "4 cells, where the header has 3"),
        (12, "a line that ends with CR alone, not with LF or CRLF"),
    ]
    assert keys(cache) == {"e"}


@pytest.mark.parametrize(
    ("begun", "line"), [('n,b,"x\n', 3), ('n,"b\nc","x\n', 4), ('n,"b\nc\nd\n', 3)]
)
def test_a_quote_that_never_closes_is_said_with_its_line(
    warm_file: Warm, cache: Cache, begun: str, line: int
):
    """And that nothing behind it was read."""
    report = warm_file(f"namespace,key,value\nn,a,1\n{begun}n,c,3\n", "m.csv")
    reason = f"the quote that opens in line {line} is never closed: nothing after it was read"
    assert [failure[1:] for failure in report.failures] == [(3, reason)]
    assert (report.read, keys(cache)) == (2, {"a"})


CELLS = st.text(st.sampled_from('",\n\r\\ aé'), max_size=8)
SPOILED = st.sampled_from(["fine", "bytes", "columns", "long", "type"])


@given(table=st.lists(st.tuples(CELLS, SPOILED), max_size=8), end=st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None)
def test_exactly_the_rows_that_are_right_are_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]], end: str
):
    """Whatever is in the cells of those that are refused."""
    path = tmp_path_factory.mktemp("csv") / "m.csv"
    with path.open("wb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "LINE_LIMIT", 500)
        file.write(f"key,value,type{end}".encode())
        for number, (cell, spoiled) in enumerate(table):
            file.write(csv_row(str(number), cell, spoiled, end))
        file.flush()
        items = list(open_source(path, "n").items())
    read = {item.key: item.value for item in items if isinstance(item, Record)}
    assert len(items) == len(table)
    assert read == {str(n): cell for n, (cell, spoiled) in enumerate(table) if spoiled == "fine"}


def csv_row(key: str, cell: str, spoiled: str, end: str) -> bytes:
    """A row with a cell in quotes, and something wrong with it, or nothing."""
    quoted = cell.replace('"', '""').encode()
    value = {"bytes": b"\xff" + quoted, "long": quoted + b"x" * 500}.get(spoiled, quoted)
    more = {"columns": b",", "type": b"nosuch"}.get(spoiled, b"")
    return key.encode() + b',"' + value + b'",' + more + end.encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "there is none"),
        ("namespace,key,vaule\n", "unknown field 'vaule', did you mean 'value'?"),
        ("key,value,key\n", "a field is there twice"),
        ('"key\n', "the quote that opens in line 1 is never closed: nothing after it was read"),
        ("key,value\ra,1\r", "a line that ends with CR alone, not with LF or CRLF"),
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
