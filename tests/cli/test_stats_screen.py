"""`stats` on terminals and in pipes: the real command, before a cache that was used."""

import json
import re
import signal

import pytest
from rich.cells import cell_len

SGR = re.compile(r"\x1b\[[0-9;]*m")
ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"


@pytest.fixture
def used(shared):
    """Two namespaces: one is full, the other has no limit and a long name."""
    tool = shared.having(TERM="xterm-256color", CACHECTL_NAMESPACES__TTS__MAX_ENTRIES="3")
    with tool.open() as cache:
        for name in ("tts", "documents-of-all-customers"):
            namespace = cache.namespace(name)
            for number in range(3):
                namespace.set(str(number), "x" * 100, cost="0.5")
                namespace.get(str(number))
            namespace.get("none")
    return tool


def on_terminal(tool, *arguments: str, columns: int = 80) -> str:
    """Return what somebody sees, with its colours."""
    with tool.on_terminal(*arguments, columns=columns) as terminal:
        ended = terminal.end()
    assert ended.code == 0, ended.raw
    return ended.raw.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    return SGR.sub("", text)


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize("arguments", [(), ("--since", "24h"), ("tts",), ("-v",)], ids=" ".join)
def test_a_terminal_of_any_width_gets_lines_that_fit_it(used, arguments, columns):
    """And no other escapes than colours."""
    words = ("-v", "stats") if arguments == ("-v",) else ("stats", *arguments)
    text = plain(on_terminal(used, *words, columns=columns))
    assert "\x1b" not in text
    assert max(map(cell_len, text.splitlines())) <= columns
    assert text.startswith("cache   ")
    assert "tts" in text


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("arguments", [("stats",), ("stats", "-v"), ("inspect",)], ids=" ".join)
def test_a_name_as_long_as_can_be_leaves_room_for_what_is_said_of_it(shared, arguments, columns):
    tool, name = shared.having(TERM="xterm-256color"), f"begin{'n' * 56}end"
    with tool.open() as cache:
        cache.namespace(name).set("k", "v")
    lines = plain(on_terminal(tool, *arguments, name, columns=columns)).splitlines()
    assert max(map(cell_len, lines)) <= columns
    about = next(line for line in lines if line.startswith("begin"))
    assert "end" in about
    assert ("TTL" in about) is (arguments == ("stats",))
    assert ("1 entry" in about) is (arguments == ("inspect",))


def test_the_table_of_a_usual_terminal(used):
    lines = plain(on_terminal(used, "stats")).splitlines()
    assert re.fullmatch(r"cache   (file|redis) \S.* · ok( · no configuration file)?", lines[0])
    assert re.fullmatch(r"window  all since .* · read .* UTC", lines[1])
    assert lines[2] == ""
    assert lines[3].split() == [
        "namespace", "hit", "rate", "lookups", "entries", "full", "memory", "saved",
    ]  # fmt: skip
    assert re.fullmatch(r"  docum.*…\S+ers +75.0% +4 +3 +– +\S+ (KiB|  B) +\$1.50", lines[4])
    assert re.fullmatch(r"  tts +75.0% +4 +3  ■{8}  100% +\S+ (KiB|  B) +\$1.50", lines[5])
    assert re.fullmatch(r"  total \(2\) +75.0% +8 +6 +– +\S+ (KiB|  B) +\$3.00", lines[6])
    assert len(lines) == 7


def test_a_window_stands_beside_all_time(used):
    with used.open(ago=7 * 86_400) as cache:
        for _ in range(4):
            cache.namespace("tts").get("none")
    text = plain(on_terminal(used, "stats", "--since", "24h"))
    lines = text.splitlines()
    assert "last 24h, to " in lines[1]
    assert " · counting since " in lines[1]
    assert lines[3].split()[:6] == ["namespace", "hit", "24h", "all", "time", "missed"]
    assert re.match(r"  tts +75.0% +37.5% +·{7}[▁▂▃] ", lines[5])


def test_a_single_namespace_has_a_page(used):
    text = plain(on_terminal(used, "stats", "tts"))
    assert "tts     TTL 1h · lru · at most 3 entries\n\nhit rate  75.0%: 3 of 4 lookups" in text
    assert "holds     3 entries  ■■■■■■■■■■■■ 100% of 3\n" in text
    assert re.search(r"never stored +1  +100%  ■{20}\n", text)
    assert "by the hour" in text


def test_a_pipe_gets_a_table_also_of_a_single_namespace(used):
    """Every column, cut nowhere, one word a cell, and nothing that is drawn."""
    context, window, header, row, total = used("stats", "tts").lines
    assert context.startswith("# cache   ")
    assert window.startswith("# window  ")
    assert header.split() == [
        "namespace", "hit-rate", "lookups", "misses", "entries", "full", "memory", "size", "TTL",
        "evicted", "expired", "saved", "time-saved", "last-hit",
    ]  # fmt: skip
    assert len(row.split()) == len(total.split()) == len(header.split())
    assert "\x1b" not in used("stats").out


def test_quiet_is_rows_alone(used):
    assert used("-q", "stats").lines[0].startswith("namespace ")
    assert plain(on_terminal(used, "-q", "stats")).startswith("  namespace ")


def test_colour_is_for_who_sees_it(used):
    """FORCE_COLOR colours the table, and neither what stands before it nor documents."""
    assert "\x1b[32mok" in on_terminal(used, "stats")
    assert set(SGR.findall(on_terminal(used.having(NO_COLOR="1"), "stats"))) == {
        "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;2m",
    }  # fmt: skip
    forced = used.having(FORCE_COLOR="1")
    ended = forced("stats")
    assert "\x1b" not in "".join(ended.lines[:2])
    assert "\x1b[1m" in ended.lines[2]
    assert "\x1b" not in ended.err
    assert "\x1b" not in forced("stats", "-f", "json").out
    assert "\x1b" not in forced("stats", "-f", "csv").out


def test_a_threshold_colours_the_figure_that_it_is_about(used):
    """What it is not about has the colour that it has anyway."""
    for threshold, is_coloured in (("full=50%", True), ("lookups=0", False)):
        arguments = ("stats", "--each", "--fail-over", threshold)
        with used.on_terminal(*arguments, columns=80) as terminal:
            ended = terminal.end()
        yellow = re.findall(r"\x1b\[33m([^\x1b]*)", ended.raw.decode())
        assert (ended.code, "! " in yellow) == (8, True)
        assert any("100%" in text for text in yellow) is is_coloured
        assert not any("75.0%" in text for text in yellow)


def test_a_dumb_terminal_gets_no_escapes_and_ascii(used):
    for tool in (used.having(TERM="dumb"), used.having(CACHECTL_ASCII="1", NO_COLOR="1")):
        text = plain(on_terminal(tool, "stats"))
        assert text.isascii()
        assert "########  100%" in text
    assert "\x1b" not in on_terminal(used.having(TERM="dumb"), "stats")


def test_a_screen_reader_gets_records(used):
    """As -v does, with words for what is drawn elsewhere."""
    for text in (
        plain(on_terminal(used.having(ACCESSIBLE="1"), "stats", "tts")),
        plain(on_terminal(used, "-v", "stats", "tts")),
        used("-v", "stats", "tts").out,
    ):
        assert "tts\n  hit rate  75.0%: 3 of 4 lookups; last hit" in text
        assert "  holds     3 of 3 entries, full; " in text
        assert "  saved     $1.500000; time not known" in text
        assert "■" not in text


def test_records_have_every_digit_and_no_exponent(shared):
    with shared.open() as cache:
        cache.namespace("a").set("k", "v", load_seconds=0.000096)
        cache.namespace("a").get("k")
    assert "money not known; 0.000096s, 96 µs" in shared("-v", "stats", "a").out


def test_nothing_yet_is_said_in_place_of_zeros(tool):
    """Perhaps it is another cache that was meant."""
    text = plain(on_terminal(tool, "stats"))
    assert "cache   file ~/.cache/cachectl · empty · no configuration, defaults\n" in text
    assert "Nothing is stored, nothing was looked up yet." in text
    assert "cachectl set demo hello world" in text
    piped = tool("stats")
    assert (piped.lines[2].split()[0], len(piped.lines)) == ("namespace", 3)
    assert piped.err == "Nothing is stored, nothing was looked up yet.\n"
    configured = tool.having(CACHECTL_NAMESPACES__AI__TTL="1h")
    assert configured("stats").err.endswith(" yet. Configured: ai.\n")


def test_findings_stand_below_the_table_and_beside_a_pipe(shared):
    """What is looked up a thousand times and never found asks for attention."""
    with shared.open() as cache:
        for _ in range(1_000):
            cache.namespace("rag").get("none")
    text = plain(on_terminal(shared.having(TERM="xterm"), "stats"))
    assert re.search(r"\n! rag +0% ", text)
    assert "\n\n! rag  0 hits in 1,000 lookups in 24h\n  details cachectl stats NS\n" in text
    assert shared("stats").err == "rag: 0 hits in 1,000 lookups in 24h\n"
    assert shared("-q", "stats").err == ""


def test_rows_are_sorted_by_a_figure(used):
    with used.open() as cache:
        cache.namespace("tts").get("none")
    for sort, first in (
        ("", "documents-of-all-customers"), ("lookups", "tts"), ("hit-rate:asc", "tts"),
        ("hit-rate", "documents-of-all-customers"), ("namespace:desc", "tts"), ("full", "tts"),
    ):  # fmt: skip
        ended = used("stats", "--sort", sort)
        assert ended.lines[3].split()[0] == first, sort
    document = json.loads(used("stats", "--sort", "misses", "-f", "json").out)
    assert list(document["namespaces"]) == ["tts", "documents-of-all-customers"]
    ended = used("stats", "--sort", "mises")
    assert (ended.code, ended.raw) == (2, b"")
    assert "cannot sort by 'mises': write one of namespace, " in ended.err


def test_columns_are_those_that_are_asked_for(used):
    ended = used("stats", "--columns", "sets, errors,saved")
    assert ended.lines[2].split() == ["namespace", "sets", "errors", "saved"]
    assert ended.lines[4].split() == ["tts", "3", "0", "$1.50"]
    many = "sets,errors,saved,invalidated,size,evicted,expired"
    text = plain(on_terminal(used, "stats", "--columns", many, columns=40))
    assert re.search("  namespace +sets  errors  saved\n", text)
    assert "\nno room for invalidated, size, evicted, expired: " in text
    assert used("stats", "--columns", "nothing").code == 2
    assert used("stats", "--columns", "sets", "-f", "json").code == 2


def test_an_unknown_namespace_is_an_error_that_knows_a_better_name(used):
    ended = used("stats", "ttss")
    assert (ended.code, ended.raw, ended.err) == (
        3,
        b"",
        "cachectl: no namespace ttss; is it tts?\n",
    )
    document = json.loads(used("stats", "ttss", "-f", "json").out)
    assert (document["schema"], document["exit_code"]) == ("cachectl.error/1", 3)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_leaves_the_terminal_as_it_was(used, signum):
    with used.on_terminal("stats", "--watch", "--interval", "0.1") as terminal:
        terminal.wait_for(b"Ctrl-C ends").wait_for(b"100%")
        terminal.process.send_signal(signum)
        ended = terminal.end()
    assert ended.code == 0
    assert ended.raw.startswith(ENTER)
    assert ended.raw.endswith(LEAVE)
    assert ended.raw.count(ENTER) == ended.raw.count(LEAVE) == 1
    frame = plain(ended.raw.decode().split("\x1b[H")[1]).replace("\x1b[K", "").splitlines()
    assert re.fullmatch(
        r"window  last 1m beside 24h · \d\d:\d\d:\d\d UTC, every 0.1s · .*", frame[1]
    )
    assert frame[3].split()[:6] == ["namespace", "hit", "1m", "hit", "24h", "lookups/s"]


def test_a_watch_fits_a_terminal_that_was_made_smaller(used):
    """Its first line says which cache it is, and is not the one that goes."""
    with used.on_terminal("stats", "--watch", "--interval", "0.1") as terminal:
        terminal.wait_for(b"Ctrl-C ends").wait_for(b"100%")
        terminal.resize(5, 60)
        terminal.wait_for(b"every 0.1s\x1b[K")
        terminal.process.send_signal(signal.SIGINT)
        ended = terminal.end()
    last = plain(ended.raw.decode().split("\x1b[H")[-1].removesuffix(LEAVE.decode()))
    lines = last.replace("\x1b[K", "").replace("\x1b[J", "").splitlines()
    assert len(lines) <= 5
    assert lines[0].startswith("cache   ")
    assert max(map(cell_len, lines)) <= 60


def test_a_watch_that_is_alarmed_leaves_what_was_seen_last(used):
    with used.on_terminal("stats", "--watch", "--fail-under", "hit-rate=76%") as terminal:
        ended = terminal.end()
    assert ended.code == 8
    text = plain(ended.raw.partition(LEAVE)[2].decode())
    assert text.startswith("cache   ")
    assert "75.0%" in text.splitlines()[-1]


def test_a_watch_on_a_plain_terminal_goes_on_below(used):
    with used.having(TERM="dumb").on_terminal("stats", "--watch", "--interval", "0.1") as terminal:
        terminal.wait_for(b"Ctrl-C ends").wait_for(b"\r\n\r\ncache ")
        terminal.process.send_signal(signal.SIGINT)
        ended = terminal.end()
    assert (ended.code, b"\x1b" in ended.raw) == (0, False)


def test_a_piped_watch_is_a_document_a_line(used):
    process = used.start("stats", "--watch", "--interval", "0.1")
    documents = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert [document["schema"] for document in documents] == ["cachectl.stats/1"] * 2
    assert (process.returncode, err) == (0, b"")
