"""`check`: what a monitoring system reads, by the rules of the Monitoring Plugins."""

import os
import signal
import socket
import time

import nagiosplugin
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl._admin.check import Range
from cachectl._admin.figures import FIGURES
from cachectl.errors import UsageError
from tests.cli.support.tool import Ended
from tests.cli.test_planted_names import planted  # noqa: F401 - a fixture
from tests.support import monitoring_plugins
from tests.support.monitoring_plugins import Answer, Metric
from tests.support.servers import free_port, redis_server

SECRET = "hunter2-canary"  # no password of anything
NUMBERS = st.integers(-50, 150).map(str) | st.decimals(-50, 150, places=1).map("{:f}".format)
RANGES = st.builds(
    "{}{}{}".format, st.sampled_from(["", "@"]),
    st.one_of(st.just(""), st.just("~:"), NUMBERS.map("{}:".format)), st.just("") | NUMBERS,
)  # fmt: skip


def answered(ended: Ended) -> Answer:
    """Return what a call told, which broke no rule."""
    assert ended.err == ""
    return monitoring_plugins.read(ended.out, ended.code)


@pytest.fixture
def used(shared):
    """Three namespaces: one with 9 hits of 10, one with 6, one with none of 2."""
    with shared.open() as cache:
        for name, hits, misses in (("ai", 9, 1), ("tts", 6, 4), ("rag", 0, 2)):
            cache.namespace(name, max_entries=10).set("k", "v")
            for at in range(hits + misses):
                cache.namespace(name).get("k" if at < hits else "none")
    return shared


def test_a_cache_is_ok_unless_something_is_asked_of_it(used):
    answer = answered(used("check"))
    assert (answer.service, answer.state) == ("CACHE", "OK")
    assert answer.text.startswith("hit rate 68.2% of 22, lookups 22, entries 3, ")
    assert answer.metrics["hit-rate"] == Metric(68.181818, "%", "", "", 0, 100)
    assert answer.metrics["lookups"] == Metric(22, "c", "", "", 0, None)
    assert answer.metrics["entries"] == Metric(3, "", "", "", 0, None)
    assert answer.metrics["memory-bytes"].unit == "B"
    assert [*answer.metrics] == [
        "hit-rate", "lookups", "entries", "memory-bytes", "evictions", "errors",
    ]  # fmt: skip


def test_what_an_option_is_given_is_no_command(tool):
    """Only a check is answered in the form of a plugin, whatever directories are called."""
    (tool.home / "get").mkdir(mode=0o700)
    (tool.home / "check").write_text("no directory")
    assert tool("--directory", "check", "stats").code in {5, 6}
    assert answered(tool("--directory", "get", "check", "-w", "nosuch=1")).state == "UNKNOWN"


@pytest.mark.parametrize("options", [[], ["-c", "hit-rate=50:"], ["--each"]], ids=" ".join)
def test_a_place_that_holds_nothing_is_said(tool, options):
    """Perhaps it is mistyped, and nobody would ever be alarmed."""
    answer = answered(tool("--directory", "mistyped", "check", *options))
    assert answer.state == "OK"
    assert answer.text.endswith("; nothing is stored in file ~/mistyped")


@pytest.mark.parametrize(
    ("options", "state", "text"),
    [
        (["-w", "hit-rate=68:"], "OK", "hit rate 68.2% of 22"),
        (["-w", "hit-rate=69:"], "WARNING", "hit rate 68.2% of 22 (under 69%)"),
        (["-w", "hit-rate=80:", "-c", "hit-rate=70:"], "CRITICAL", "hit rate 68.2% of 22 (under 70%)"),
        (["-c", "entries=2"], "CRITICAL", "entries 3 (over 2)"),
        (["-c", "entries=@1:3"], "CRITICAL", "entries 3 (in @1:3)"),
        (["-c", "entries=@4:"], "OK", "entries 3"),
        (["-c", "entries=~:3"], "OK", "entries 3"),
        (["-w", "hit-rate=80:", "-c", "hit-rate=50:", "--each"], "CRITICAL",
         "rag hit rate 0% of 2 (under 50%), tts hit rate 60.0% of 10 (under 80%)"),
        (["-w", "hit-rate=80:", "-c", "hit-rate=50:", "ai", "tts"], "WARNING",
         "tts hit rate 60.0% of 10 (under 80%)"),
        (["-c", "hit-rate=50:", "--each", "--min-lookups", "3"], "OK",
         "2 namespaces are well; not judged: rag hit rate (under 3 lookups)"),
        (["-c", "full=90", "rag"], "OK", "rag full 10.0%"),
        (["-c", "full=9.5,entries=0", "rag"], "CRITICAL",
         "rag full 10.0% (over 9.5%), rag entries 1 (over 0)"),
        (["-c", "hit-rate=50:", "--since", "1h"], "OK", "last 1h: hit rate 68.2% of 22"),
        (["-c", "sets-per-hour=0", "--since", "1h"], "CRITICAL", "last 1h: sets per hour 180 (over 0)"),
        (["-c", "memory-bytes=1"], "CRITICAL", "memory bytes "),
        (["-w", "saved-seconds=1:,saved-cost=0"], "WARNING", "saved seconds 0s (under 1.00s)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_state_is_that_of_the_worst_figure(used, options, state, text):
    answer = answered(used("check", *options))
    assert answer.state == state
    assert answer.text.startswith(text)


def test_figures_for_graphs_have_the_ranges_and_limits(used):
    answer = answered(used("check", "tts", "-w", "hit-rate=80:", "-c", "hit-rate=50:,entries=@~:0"))
    assert answer.metrics == {
        "tts_hit-rate": Metric(60, "%", "80:", "50:", 0, 100),
        "tts_entries": Metric(1, "", "", "@~:0", 0, 10),
    }


def test_counters_of_a_window_are_no_counters(used):
    """They go down again, and whoever takes them for counters graphs nonsense."""
    answer = answered(used("check", "-w", "misses=100", "--since", "1h"))
    assert answer.metrics["misses"] == Metric(7, "", "100", "", 0, None)


def test_what_is_not_known_has_no_value(tool):
    with tool.open() as cache:
        cache.namespace("idle").set("k", "v")
    answer = answered(tool("check", "-c", "hit-rate=50:,full=90"))
    assert (answer.state, answer.text) == (
        "OK", "not judged: hit rate (no lookups), full (no limit)"
    )  # fmt: skip
    assert answer.metrics["hit-rate"] == Metric(None, "", "", "50:", 0, 100)


def test_of_many_alarms_the_line_has_some_and_the_details_all(tool):
    with tool.open() as cache:
        for number in range(40):
            cache.namespace(f"n{number:02}").get("k")
    asked = ("check", "--each", "-c", "hit-rate=50:")
    answer = answered(tool(*asked))
    assert answer.text.count("(under 50%)") == 5
    assert answer.text.endswith(", 35 more")
    assert len(answer.metrics) == 40
    about, *details = monitoring_plugins.read(tool("-v", *asked).out, 2).details
    assert about.startswith("file ~/.cache/cachectl · ")
    assert details == [
        f"CRITICAL: n{number:02} hit rate 0% of 1 (under 50%)" for number in range(40)
    ]


def test_planted_names_break_no_rule(planted):  # noqa: F811 - the fixture
    for options in ([], ["-c", "hit-rate=0"]):
        ended = planted("check", "--each", *options)
        assert len(answered(ended).metrics) > 100
    verbose = planted("-v", "check", "--each", "-c", "hit-rate=0")
    assert len(monitoring_plugins.read(verbose.out, verbose.code).details) > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--nosuch"], "No such option: --nosuch"),
        (["--nosuch", "check"], "No such option: --nosuch"),
        (["check", "a|b"], "not a namespace: 'a/b'"),
        (["check", "nosuch"], "no namespace nosuch: nobody has used or configured it"),
        (["check", "-w", "80:"], "not a range of a figure: '80:' (write hit-rate=80:)"),
        (["check", "-w", "hit-rate=80%"], "not a range: '80%' (write 10, 10:, ~:10 or 10:20, or one of these"),
        (["check", "-w", "hit-rate=20:10"], "not a range: '20:10' (it begins above its end)"),
        (["check", "-w", "hit-rate=1", "-w", "hit-rate=2"], "hit-rate has two ranges"),
        (["check", "-w", "nosuch=1"], "no figure 'nosuch' (there are hit-rate, full, entries, "),
        (["check", "--since", "x"], "not a duration: 'x'"),
        (["check", "-t", "0"], "Invalid value for '-t'"),
        (["check", "--unreachable", "nosuch"], "not a state: 'nosuch'"),
        (["check", "-t", "nan"], "not a number of seconds: nan"),
        (["check", "-t", "inf"], "Invalid value for '-t' / '--timeout'"),
        (["--backend", "nosuch", "check"], "option backend: expected memory, file, redis or diskcache"),
        (["--config", "missing.toml", "check"], "expected a file, found nothing there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_whatever_is_wrong_is_unknown(tool, arguments, message):
    answer = answered(tool(*arguments))
    assert (answer.state, answer.metrics) == ("UNKNOWN", {})
    assert message in answer.text


def test_a_directory_that_is_refused_is_unknown(tool):
    tool("set", "a", "k", "v")
    tool.directory.chmod(0o755)
    answer = answered(tool("check"))
    assert (answer.state, "chmod 700 it" in answer.text) == ("UNKNOWN", True)


def test_a_backend_that_is_away_is_unknown_or_what_is_asked_for(tool):
    away = tool.having(CACHECTL_URL=f"redis://:{SECRET}@127.0.0.1:{free_port()}/0")
    for options, state in (([], "UNKNOWN"), (["--unreachable", "critical"], "CRITICAL")):
        ended = away("check", *options)
        answer = monitoring_plugins.read(ended.out, ended.code)
        assert answer.state == state
        assert "refused the connection" in answer.text
        assert SECRET not in ended.out + ended.err


def test_it_gives_up_in_time(tool):
    """Also where a server accepts and never answers."""
    with redis_server() as server:
        asked = tool.having(CACHECTL_URL=server.url)
        asked("set", "a", "k", "v")
        os.kill(server.process.pid, signal.SIGSTOP)
        for options, state in (([], "UNKNOWN"), (["--unreachable", "critical"], "CRITICAL")):
            began = time.monotonic()
            answer = answered(asked("check", "-t", "0.3", *options))
            assert (answer.state, answer.text) == (state, "no answer within 0.3 s")
            assert time.monotonic() - began < 1
        os.kill(server.process.pid, signal.SIGCONT)


def test_an_interrupt_is_unknown(tool):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        process = tool.having(CACHECTL_URL=f"redis://127.0.0.1:{port}").start("check")
        connection, _ = silent.accept()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        connection.close()
    answer = answered(Ended(process.returncode, out, err.decode()))
    assert (answer.state, answer.text) == ("UNKNOWN", "interrupted by SIGTERM")


def test_no_password_is_on_the_line(tool):
    url = f"redis://:{SECRET}@nowhere"
    for arguments in (
        ["-w", url],
        ["-c", f"hit-rate={url}"],
        ["--unreachable", url],
        ["-t", url],
        [url],
    ):
        ended = tool("check", *arguments)
        assert answered(ended).state == "UNKNOWN"
        assert SECRET not in ended.out


def test_a_namespace_that_is_called_like_the_command_changes_nothing(tool):
    ended = tool("get", "check", "k")
    assert (ended.code, ended.raw) == (3, b"")
    assert ended.err == "cachectl: check has no k\n"


@given(RANGES, NUMBERS)
def test_ranges_are_those_of_another_implementation(text, value):
    try:
        theirs = nagiosplugin.Range(text)
    except ValueError:
        theirs = None
    if text in {"", "@"}:
        theirs = None  # it takes them for anything
    try:
        ours = Range.parse(text)
    except UsageError:
        assert theirs is None
        return
    assert theirs is not None
    assert ours.alerts(float(value)) is not theirs.match(float(value))


def test_each_figure_can_be_asked_for(used):
    ranges = ",".join(f"{name}=~:" for name in FIGURES)
    answer = answered(used("check", "--since", "1h", "-w", ranges, "-c", ranges))
    assert answer.state == "OK"
    assert [*answer.metrics] == [*FIGURES]
