"""`stats --format prometheus`, on stdout and in a file for node_exporter."""

import re
import stat
import threading
from importlib.metadata import version

import pytest

from tests.cli.test_planted_names import planted  # noqa: F401 - a fixture
from tests.support.promtool import promtool
from tests.support.servers import free_port
from tests.support.unprivileged import obey_modes

WRITE = ("stats", "--format", "prometheus", "--to")


@pytest.fixture
def used(shared):
    """A namespace that has a limit, hits and misses, and one that only holds something."""
    with shared.open() as cache:
        ai = cache.namespace("ai", max_entries=4, compress="zstd")
        ai.set("k", "v" * 1000, cost="0.5")
        for key in ("k", "k", "none"):
            ai.get(key)
        cache.namespace("idle").set("k", "v")
    return shared


def samples(text):
    """Return the samples of a text by metric and labels but that of the backend."""
    found = re.findall(r'^cachectl_(\w+)\{backend="\w+"(?:,(.*))?\} (\S+)$', text, re.MULTILINE)
    return {(name, labels): float(value) for name, labels, value in found}


def test_the_names_are_those_that_prometheus_asks_for(used):
    promtool("check", "metrics", given=used("stats", "-f", "prometheus").raw)


def test_planted_names_are_read(planted):  # noqa: F811 - the fixture
    promtool("check", "metrics", given=planted("stats", "-f", "prometheus").raw)


def test_a_file_has_what_stdout_has_and_its_own_rights(used):
    printed = used("stats", "-f", "prometheus").out
    ended = used(*WRITE, "cache.prom")
    file = used.home / "cache.prom"
    assert (ended.code, ended.raw, ended.err) == (0, b"", "")
    assert file.read_text() == printed
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    file.chmod(0o640)
    used(*WRITE, "cache.prom")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in used.home.iterdir() if "prom" in path.name] == ["cache.prom"]


def test_figures_are_in_base_units(used):
    found = samples(used("stats", "-f", "prometheus").out)
    ai = 'namespace="ai"'
    assert found["up", ""] == 1
    assert found["build_info", f'version="{version("cachectl")}"'] == 1
    assert found["hits_total", ai] == 2
    assert found["misses_total", ai] == 1
    assert found["full_ratio", ai] == 0.25
    assert found["saved_cost_dollars_total", ai] == 1
    assert found["last_hit_timestamp_seconds", ai] > 1.7e9
    assert ("full_ratio", 'namespace="idle"') not in found
    assert ("last_hit_timestamp_seconds", 'namespace="idle"') not in found


def test_who_works_from_memory_is_counted(on_redis):
    with on_redis.open() as cache:
        cache.flush()
        found = samples(on_redis("stats", "-f", "prometheus").out)
    states = {labels: value for (name, labels), value in found.items() if name == "applications"}
    assert {*states} == {f'status="{state}"' for state in ("ok", "fallback_only", "refusing")}


def test_a_backend_that_is_away_leaves_that_in_the_file(tool):
    """What was there before would be taken for what is."""
    (tool.home / "cache.prom").write_text("what was there\n")
    away = tool.having(CACHECTL_URL=f"redis://127.0.0.1:{free_port()}/0")
    ended = away(*WRITE, "cache.prom")
    assert (ended.code, ended.raw) == (5, b"")
    assert "refused the connection" in ended.err
    left = (tool.home / "cache.prom").read_text()
    assert samples(left) == {("up", ""): 0, ("build_info", f'version="{version("cachectl")}"'): 1}


def test_a_cache_that_is_refused_leaves_that_in_the_file(tool):
    tool("set", "a", "k", "v")
    tool.directory.chmod(0o755)
    assert tool(*WRITE, "cache.prom").code == 6
    assert samples((tool.home / "cache.prom").read_text())["up", ""] == 0


def test_wrong_usage_leaves_a_file_as_it_is(tool):
    file = tool.home / "cache.prom"
    file.write_text("what was there\n")
    for arguments, message in (
        (["stats", "--to", "cache.prom"], "--to and --label go with --format prometheus"),
        ([*WRITE, "cache.prom", "--since", "1h"], "--since"),
        ([*WRITE, "."], "--to: . is not a file"),
        ([*WRITE, "cache.prom", "a b"], "not a namespace"),
        (["--config", "missing.toml", *WRITE, "cache.prom"], "expected a file"),
    ):
        ended = tool(*arguments)
        assert (ended.code, ended.raw) == (2, b""), arguments
        assert message in ended.err
        assert file.read_text() == "what was there\n"


def test_what_cannot_be_written_is_said_and_leaves_nothing(tool):
    for path, code in (("missing/cache.prom", 5), ("/proc/cache.prom", 5)):
        ended = tool(*WRITE, path)
        assert (ended.code, ended.raw) == (code, b"")
        assert "cannot write " in ended.err
        assert ended.err.count("\n") == 1


def test_a_directory_of_another_is_refused(tool):
    (tool.home / "others").mkdir(mode=0o555)
    process = tool.start(*WRITE, "others/cache.prom", preexec_fn=obey_modes)
    out, err = process.communicate(timeout=30)
    said = f"cachectl: cannot write {tool.home}/others/cache.prom: Permission denied\n"
    assert (process.returncode, out, err.decode()) == (6, b"", said)


def test_labels_tell_caches_apart(tool):
    with tool.open() as cache:
        cache.namespace("ai").set("k", "v")
    printed = tool("stats", "-f", "prometheus", "--label", 'cache=a "b"', "--label", "team=x=y").raw
    promtool("check", "metrics", given=printed)
    lines = [line for line in printed.decode().splitlines() if not line.startswith("#")]
    assert not [line for line in lines if r'{backend="file",cache="a \"b\"",team="x=y"' not in line]
    away = tool.having(CACHECTL_URL=f"redis://127.0.0.1:{free_port()}/0")
    away(*WRITE, "cache.prom", "--label", "cache=voice")
    assert 'up{backend="redis",cache="voice"} 0' in (tool.home / "cache.prom").read_text()


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("voice", "not a label: 'voice' (write cache=voice)"),
        ("cache=", "not a label: 'cache=' (write cache=voice)"),
        ("a-b=c", "not a label: 'a-b=c' (write cache=voice)"),
        ("__name__=c", "not a label: '__name__=c' (write cache=voice)"),
        ("namespace=c", "there is a label namespace already"),
    ],
)
def test_what_cannot_be_a_label(tool, label, message):
    ended = tool("stats", "-f", "prometheus", "--label", label)
    assert (ended.code, ended.raw) == (2, b"")
    assert message in ended.err


def test_a_link_stays_a_link(tool):
    (tool.home / "real.prom").write_text("what was there\n")
    (tool.home / "cache.prom").symlink_to("real.prom")
    tool(*WRITE, "cache.prom")
    assert (tool.home / "cache.prom").is_symlink()
    assert "cachectl_up" in (tool.home / "real.prom").read_text()


def test_who_reads_meanwhile_finds_a_whole_file(tool):
    with tool.open() as cache:
        for number in range(200):
            cache.namespace(f"n{number}").set("k", "v")
    tool(*WRITE, "cache.prom")
    file, seen, done = tool.home / "cache.prom", set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(file.read_text().count("\n"))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        tool(*WRITE, "cache.prom")
    done.set()
    reader.join()
    assert len(seen) == 1
