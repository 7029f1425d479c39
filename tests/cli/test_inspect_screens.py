"""What `inspect` shows on screens of several widths: nothing wraps, no figure is cut."""

import json
import re
import sqlite3
import struct

import numpy as np
import pytest
from rich.cells import cell_len

DAY = 86_400
WIDTHS = (40, 80, 120, 200)


@pytest.fixture
def held(tool):
    """A cache of three days: hashed keys with labels, one without; a hostile key; one without a TTL."""
    with tool.open(ago=3 * DAY + 60) as cache:
        ai = cache.namespace("ai", ttl="21d")
        for tempo in (91, 118, 120):
            made = {
                "why": "four on the floor, offbeat hi-hat, dark pads and a bass" * (tempo // 30)
            }
            ai.set(
                ai.key({"tempo": tempo}), made, cost="0.0125", load_seconds=0.612,
                label=f"genre · key C · tempo {tempo}.0 · google_ai",
            )  # fmt: skip
        ai.set(ai.key({"tempo": 1}), [1, 2], cost="0.0003")
        ai.set("plain \x1b[31mred\x1b[0m", "x" * 5000, ttl="none", tags=["org:42"])
        cache.namespace("embeddings-of-all-the-speakers").set("ann", np.zeros(9, "f4"), ttl="9d")
    with tool.open(ago=12 * 60) as cache:
        cache.namespace("ai").get(cache.namespace("ai").key({"tempo": 118}))
    return tool


def screen(tool, *arguments, columns, **variables):
    """Return the lines that a terminal of so many columns shows, without styles."""
    with tool.having(**{"TERM": "xterm-256color", **variables}).on_terminal(
        "inspect", *arguments, columns=columns
    ) as terminal:
        shown = terminal.end().out
    return re.sub(r"\x1b\[[\d;]*m", "", shown).replace("\r\n", "\n").splitlines()


LISTINGS = {
    40: """
      size  used  TTL left  key
  4.94 KiB    3d     never  plain…1b[0m
   322   B    3d       17d  4ae38ead66…
   267   B   12m       17d  62c2c75b43…
   266   B    3d       17d  6bd45ad3c1…
    54   B    3d       17d  bb34ce56ab…
""",
    80: """
      size  type  age  used  TTL left     cost  key              label
  4.94 KiB  text   3d    3d     never        –  plain \\…\\x1b[0m
   322   B  json   3d    3d       17d  $0.0125  4ae38ead66…      genre · key C…
   267   B  json   3d   12m       17d  $0.0125  62c2c75b43…      genre · key C…
   266   B  json   3d    3d       17d  $0.0125  6bd45ad3c1…      genre · key C…
    54   B  json   3d    3d       17d  $0.0003  bb34ce56ab…      (no label)
""",
    120: """
      size  type  age  used  TTL left     cost  key                       label
  4.94 KiB  text   3d    3d     never        –  plain \\x1b[31mred\\x1b[0m
   322   B  json   3d    3d       17d  $0.0125  4ae38ead66…               genre · key C · tempo 120.0 · google_ai
   267   B  json   3d   12m       17d  $0.0125  62c2c75b43…               genre · key C · tempo 118.0 · google_ai
   266   B  json   3d    3d       17d  $0.0125  6bd45ad3c1…               genre · key C · tempo 91.0 · google_ai
    54   B  json   3d    3d       17d  $0.0003  bb34ce56ab…               (no label)
""",
}
LISTINGS[200] = LISTINGS[120]
CONTEXTS = {
    40: ["cache   file ~/.cache/cachectl · ok", "ai      5 entries · 5.8 KiB"],
    80: [
        "cache   file ~/.cache/cachectl · ok · no configuration, defaults",
        "ai      5 entries · 5.8 KiB · largest first",
    ],
    120: [
        "cache   file ~/.cache/cachectl · ok · no configuration, defaults",
        "ai      5 entries · 5.8 KiB · largest first · TTL 21d, from an application, set in its code",
    ],
}
CONTEXTS[200] = CONTEXTS[120]


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_listing_has_the_columns_that_fit(held, columns):
    """Keys and labels stand last, and share what is left."""
    shown = screen(held, "ai", "--sort", "size", columns=columns)
    assert shown == [*CONTEXTS[columns], *LISTINGS[columns].rstrip("\n").split("\n")]


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["--limit", "0"],
        ["ai"],
        ["--summary"],
        ["--count"],
        [],
        ["-F", "size>1kB", "--sort", "idle"],
    ],
)
def test_no_line_is_wider_than_the_screen(held, arguments, columns):
    """Whatever is shown, in whatever width; below a screen of 40 columns nothing gets narrower."""
    for terminal in ("xterm-256color", "dumb"):  # which draws in ASCII
        for line in screen(held, *arguments, columns=columns, TERM=terminal):
            assert cell_len(line) <= columns
            assert "\x1b" not in line


SUMMARY = {
    40: """\
cache   file ~/.cache/cachectl · ok
ai      5 entries · 5.8 KiB

                  p50       max
size          267   B  4.94 KiB
unused for  3d          3d

TTL left    entries    share      size
expired           0       0%     0   B
7d to 30d         4    80.0%   909   B
never             1    20.0%  4.94 KiB

never used        4    80.0%  5.56 KiB

largest      4.94 KiB  plain \\x1b[31mre…
largest       322   B  4ae38ead66…  gen…
largest       267   B  62c2c75b43…  gen…
""",
    80: """\
cache   file ~/.cache/cachectl · ok · no configuration, defaults
ai      5 entries · 5.8 KiB · all read

                  p50       p90       p99       max
size          267   B  4.94 KiB  4.94 KiB  4.94 KiB
unused for  3d          3d          3d          3d

TTL left    entries    share                            size
expired           0       0%  ····················     0   B
7d to 30d         4    80.0%  ■■■■■■■■■■■■■■■■····   909   B
never             1    20.0%  ■■■■················  4.94 KiB

never used        4    80.0%  ■■■■■■■■■■■■■■■■····  5.56 KiB

largest      4.94 KiB  plain \\x1b[31mred\\x1b[0m
largest       322   B  4ae38ead66…  genre · key C · tempo 120.0 · google_ai
largest       267   B  62c2c75b43…  genre · key C · tempo 118.0 · google_ai
""",
}


@pytest.mark.parametrize("columns", SUMMARY)
def test_a_summary_has_the_figures_and_bars_that_fit(held, columns):
    shown = "\n".join(screen(held, "ai", "--summary", columns=columns))
    shown = re.sub(r"all read, .*", "all read", shown)
    assert re.sub(r" +3d( \d+[sm])?", "  3d        ", shown).replace(
        "3d        \n", "3d\n"
    ) == SUMMARY[columns].rstrip("\n")


def test_a_page_folds_what_is_long_but_not_a_command(held):
    """Bytes of a value, keys and labels go on in the next line; a command is copied whole."""
    with held.open() as cache:
        key = cache.namespace("ai").key({"tempo": 91})
    shown = screen(held, "ai", key[:6], columns=40)
    assert shown[:12] == [
        "cache   file ~/.cache/cachectl · ok", "ai      TTL 21d", "",
        f"key      {key[:31]}", f"         {key[31:62]}", f"         {key[62:]}",
        "label    genre · key C · tempo 91.0 · go", "         ogle_ai", "type     json, 266 B",
        *shown[9:11], "cost     $0.0125 and 612 ms to make",
    ]  # fmt: skip
    assert re.fullmatch(r"created  \d+ \w{3}.* UTC, .*", shown[9])
    assert shown[-1] == f"rest     115 B more: cachectl get ai {key}"


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 8, 6, 8, 6, 0, 0, 0)


@pytest.mark.parametrize(
    ("terminal", "begins"),
    [
        ({"KITTY_WINDOW_ID": "1"}, "\x1b_Ga=T,f=100,q=2,m=0;iVBORw0KGgo"),
        ({"TERM_PROGRAM": "iTerm.app"}, "\x1b]1337;File=inline=1;size=29:iVBORw0KGgo"),
        ({}, "no picture that this terminal can show"),
        ({"KITTY_WINDOW_ID": "1", "TMUX": "/tmp/x"}, "no picture that this terminal can show"),
    ],
)  # fmt: skip
def test_a_picture_is_drawn_where_a_terminal_says_that_it_can(tool, terminal, begins):
    """And nowhere else: not in a pipe either."""
    with tool.open() as cache:
        cache.namespace("images").set("logo", PNG)
    shown = screen(tool, "images", "logo", "--picture", columns=80, **terminal)
    assert any(line.startswith(begins) for line in shown)
    assert "value    image PNG, 8 × 6, RGBA 8 bit, 29 B" in shown
    assert "\x1b" not in tool.having(**terminal)("inspect", "images", "logo", "--picture").out


def test_damage_is_marked_and_said(held):
    """In front of the line, and where its label would be; for programs with the rest."""
    with sqlite3.connect(held.directory / "cache.db") as database:
        database.execute("UPDATE entries SET value = x'00ff' WHERE key LIKE 'plain%'")
    database.close()
    broken = [line for line in screen(held, "ai", columns=120) if "plain" in line]
    assert [line[:2] for line in broken] == ["x "]
    assert broken[0].endswith("  plain \\x1b[31mred\\x1b[0m  damaged: shorter than a header")
    (listed,) = map(json.loads, held("inspect", "ai", "-F", "damaged", "-f", "jsonl").lines)
    assert (listed["damaged"], listed["type"], listed["expires_at"], listed["tags"]) == (
        "shorter than a header", None, None, []
    )  # fmt: skip


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_figure_that_comes_late_and_is_wider_than_all_before_it_wraps_nothing(tool, columns):
    """A table is written while it is made: by then its columns have their widths."""
    with tool.open() as cache:
        namespace = cache.namespace("a")
        for number in range(210):
            is_late = number > 205
            namespace.set(
                f"{number:03} {'k' * 200}", "v" * (5000 if is_late else 1), label="l" * 80,
                cost="0.123456" if is_late else "0.5",
            )  # fmt: skip
    lines = screen(tool, "a", "--limit", "0", columns=columns)
    assert "5.01 KiB" in lines[-1]
    assert "209 k" in lines[-1]
    assert max(map(cell_len, lines)) <= columns


def test_a_text_that_fits_is_not_cut(tool):
    with tool.open() as cache:
        cache.namespace("a").set("k", "v", label="what there is room for")
    heading, line = screen(tool, "a", columns=80)[-2:]
    assert heading.endswith("cost  key  label")
    assert line.endswith("  k    what there is room for")


def test_summaries_of_several_namespaces_stand_apart(tool):
    with tool.open() as cache:
        for name in ("a", "b"):
            cache.namespace(name).set("k", "v")
    lines = screen(tool, "--summary", columns=80)
    assert [line[:1] for line in lines if line[:2] in ("a ", "b ")] == ["a", "b"]
    assert lines[1].startswith("a ")  # the context of the cache belongs to the first
    assert lines[next(at for at, line in enumerate(lines) if line.startswith("b ")) - 1] == ""


def test_a_plain_terminal_gets_what_we_say_in_ascii_and_values_as_they_are(tool):
    with tool.open() as cache:
        namespace = cache.namespace("a")
        namespace.set("long", "x" * 5000, load_seconds=0.00002)
        namespace.set("text", "5 µm × 2 …")
        namespace.set("gif", b"GIF89a\x01\x00\x02\x00\x80\x00\x00")
    plain = {"columns": 80, "CACHECTL_ASCII": "1"}
    shown = "\n".join(screen(tool, "a", "long", **plain) + screen(tool, "a", "gif", **plain))
    assert shown.isascii()
    assert "cost     20 us to make" in shown
    assert "image GIF, 1 x 2" in shown
    assert "value    5 µm × 2 …" in screen(tool, "a", "text", **plain)
    cleared = tool.having(CACHECTL_ASCII="1")("clear", "a", "--key", "long", "--dry-run")
    assert cleared.out.isascii()
    assert "20us" in cleared.out
