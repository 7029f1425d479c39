"""What is wrong with a command line or a configuration, and how it is said."""

import json

import pytest

from cachectl._cli.app import COMMANDS
from tests.cli.support.tool import Tool

SECRET = "hunter2-canary"  # no password of anything


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "No such command 'nosuch'."),
        (["-q", "stat", "a"], "No such command 'stat'. Did you mean 'stats'?"),
        (["--config", "stats", "clear", "a"], "stats: expected a file, found nothing there"),
        (["stats", "--nosuch"], "No such option: --nosuch"),
        (["get"], "Missing argument 'NS'."),
        (["get", "a"], "give either KEY or --features JSON"),
        (["get", "a", "k", "--features", "{}"], "give either KEY or --features JSON"),
        (["get", "a", "--features", "{"], "--features: not JSON at character 2"),
        (["get", "a", ""], "a key has 1 to 1024 bytes, this one has 0"),
        (["get", "a", "k" * 1025], "a key has 1 to 1024 bytes, this one has 1025"),
        (["get", "a", b"\xff"], "not valid Unicode: '\\udcff'"),
        (["get", "a", "k", "-f", "csv"], "'csv' is not one of 'table', 'json', 'jsonl'"),
        (["get", "a b", "k"], "not a namespace: 'a b' (a letter or digit, then up to 63 of"),
        (["inspect", "a", "k", "-f", "csv"], "there is no format csv here"),
        (["set", "a", "k", "v", "--ttl", "1x"],
         "not a duration: '1x' (write 90, 90s, 15m, 1h30m, 7d or none)"),
        (["set", "a", "k", "v", "--ttl", "0"],
         "not a duration: '0' (more than 0 s, at most 100 years)"),
        (["set", "a", "k", "v", "--cost", "-1"], "not an amount of dollars: '-1' (from 0 to a million)"),
        (["set", "a", "k", "v", "--cost", "much"], "not an amount of dollars: 'much'"),
        (["set", "a", "k", "v", "--nx", "--xx"], "--nx and --xx exclude each other"),
        (["set", "a", "k", "v", "--tag", "a\nb"],
         "not a tag: 'a\\nb' (1 to 128 bytes, printable)"),
        (["set", "a", "k", "{", "--type", "json"], "not JSON at character 2: Expecting property"),
        (["set", "a", "k", "NaN", "--type", "json"], "JSON has no NaN and no infinity"),
        (["set", "a", "k", "v", "--type", "npy"], "not an array in .npy format"),
        (["set", "a", "k", b"\xff"], "not UTF-8 at byte 1"),
        (["set", "a", "k", "@missing"], "cannot read missing: No such file or directory"),
        (["set", "a", "k", "@/"], "cannot read /: Is a directory"),
        (["stats", "--since", "yesterday"],
         "not a duration: 'yesterday' (write 90, 90s, 15m, 1h30m, 7d or none)"),
        (["cleanup", "--max-bytes", "1.5Mib"],
         "not a size: '1.5Mib' (write 512, 1.5MiB, 2GB or none)"),
        (["cleanup", "--older-than", "none"], "not a duration here: 'none'"),
        (["cleanup", "--max-entries", "0"], "Invalid value for '--max-entries': 0 is not in the"),
        (["warm"], "nothing to warm from: name a manifest, or --loader with --keys"),
        (["warm", "missing.jsonl"], "missing.jsonl does not exist"),
        (["warm", "--loader", "json:loads"], "--loader, --keys and --namespace go together"),
        (["--backend", "disk", "stats"],
         "option backend: expected memory, file, redis or diskcache, found 'disk'"),
        (["--config", "missing.toml", "stats"], "expected a file, found nothing there"),
    ],
    ids=lambda value: " ".join(map(str, value))[:40] if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_usage(wrong_calls, arguments, message):
    """It ends with 2 and one line that says what was expected; nothing is done."""
    ended = wrong_calls[tuple(arguments)]

    assert (ended.code, ended.raw) == (2, b"")
    assert message in ended.err
    assert ended.err.startswith("cachectl: ")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err


@pytest.fixture(scope="module")
def wrong_calls(tmp_path_factory):
    """How all the calls of `test_wrong_usage` end: made together, for they are many."""
    marks = test_wrong_usage.pytestmark
    calls = [tuple(arguments) for arguments, _ in marks[0].args[1]]
    tool = Tool(tmp_path_factory.mktemp("home"))
    ended = dict(zip(calls, tool.together(calls), strict=True))
    assert list(tool.home.iterdir()) == []
    return ended


def test_configuration_is_checked_first(tool):
    """Every mistake in file and environment is named, with its place and what was expected."""
    (tool.home / "cachectl.toml").write_text(
        '[namespaces.enso]\nttl = "soon"\nmax_entires = 5\n[redis]\nurl = "redis://a b"\n'
    )
    ended = tool.having(CACHECTL_BACKEDN="file", CACHECTL_MEMORY__PUBLISH="maybe")("stats")

    assert (ended.code, ended.raw) == (2, b"")
    assert "namespaces.enso.ttl: expected a duration above 0 such as 90, 90s" in ended.err
    assert "max_entires: unknown setting, did you mean namespaces.enso.max_entries?" in ended.err
    assert "CACHECTL_BACKEDN: unknown setting, did you mean CACHECTL_BACKEND?" in ended.err
    assert "memory.publish: expected true or false, found 'maybe'" in ended.err
    assert "redis://a b" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["stats", "--nosuch", "--format", "json"],
        ["--nosuch", "stats", "--format=json"],
        ["get", "a", "k", "extra", "-f", "json"],
        ["--config", "missing.toml", "stats", "-fjson"],
        ["clear", "-f", "json"],
        ["stats", "--nosuch", "--format", "jsonl"],
        ["--nosuch", "stats", "-fjsonl"],
        ["clear", "-f", "jsonl"],
    ],
    ids=" ".join,
)
def test_failure_is_a_document(tool, arguments):
    """With JSON a failure is one document on stdout, whoever found it; with JSONL it is on one line."""
    ended = tool(*arguments)
    assert not arguments[-1].endswith("jsonl") or len(ended.lines) == 1
    document = json.loads(ended.out)

    assert list(document) == ["schema", "error", "exit_code"]
    assert document["schema"] == "cachectl.error/1"
    assert document["exit_code"] == ended.code != 0
    assert ended.err == f"cachectl: {document['error']}\n"


def test_secrets_are_masked(tool):
    """A URL that is wrong, or in the wrong place, does not show its password."""
    url = f"redis://user:{SECRET}@127.0.0.1:1/0"
    calls = [
        ["--url", f"{url}/x", "stats"],
        ["--url", f"http://:{SECRET}@h", "stats"],
        ["--url", f"redis://:{SECRET}/#?@h", "stats"],
        ["--backend", url, "stats"],
        ["--config", url, "stats"],
        [url, "stats"],
        ["clear", url, "--yes", "-f", "json"],
        ["stats", f"--url={url}/x"],
    ]
    for arguments, ended in zip(calls, tool.together(calls), strict=True):
        assert ended.code == 2, arguments
        assert SECRET not in ended.err + ended.out, arguments


@pytest.mark.parametrize(
    "url",
    [
        f"unix:///nowhere?password={SECRET}",
        f"redis%3A%2F%2F%3A{SECRET}%40127.0.0.1",
        f"REDIS+SENTINEL://:two {SECRET} words@127.0.0.1:1",
    ],
)
def test_a_url_that_is_put_wherever_it_does_not_belong_shows_no_password(tool, url):
    manifest = tool.home / "lines.jsonl"
    manifest.write_text(json.dumps({"namespace": url, "key": url, "value": 1, "ttl": url}) + "\n")
    wrong = tool.home / "wrong.toml"
    wrong.write_text(f'backend = "file"\n{url!r} = {url!r}\n[defaults]\nttl = {url!r}\n')
    calls = [
        ["get", url, "k"], ["get", "a", url], ["-v", "-v", "get", "a", url], ["inspect", url],
        ["inspect", "a", url], ["inspect", "a", "--tag", url], ["set", "a", "k", "v", "--ttl", url],
        ["set", "a", "k", "v", "--cost", url], ["set", "a", "k", "v", "--tag", f"\n{url}"],
        ["set", "a", "k", f"@{url}"], ["set", "a", "k", "v", "--type", url], ["stats", url],
        ["stats", "--since", url], ["stats", "--fail-under", url], ["stats", "--format", url],
        ["--directory", url, "stats"], ["--directory", url, "set", "a", "k", "v"], [url],
        ["--backend", url, "stats"], ["--url", f"x{url}", "stats"], ["--config", url, "stats"],
        ["--config", str(wrong), "stats"], ["clear", "--tag", url], ["clear", "a", "--match", url],
        ["clear", "--tag", url, "-n"], ["clear", "a", "--match", url, "-n"],
        ["cleanup", "--older-than", url], ["cleanup", url, "-f", "json"], ["forget", url],
        ["warm", url], ["warm", str(manifest)], ["warm", str(manifest), "-n", url],
        ["warm", "--loader", url, "--keys", url, "-n", "a"], [f"--{url}"], ["stats", f"--{url}"],
    ]  # fmt: skip
    variables = ("URL", "BACKEND", "CONFIG", "FILE__DIRECTORY", "NAMESPACES__A__TTL", url)
    told = tool.together(calls)
    told += [tool.having(**{f"CACHECTL_{name}": url})("stats", "-f", "json") for name in variables]
    for ended, arguments in zip(told, [*calls, *variables], strict=True):
        assert SECRET not in ended.err + ended.out, arguments
    assert not [path for path in tool.home.rglob("*") if SECRET in path.name]


def test_every_command_explains_itself(tool):
    """Help begins with what a command does and has examples, with `-h` as well as `--help`."""
    calls = tool.together((name, "-h") for name in COMMANDS)
    for name, ended in zip(COMMANDS, calls, strict=True):
        assert (ended.code, ended.err) == (0, "")
        usage, _, summary = ended.lines[:3]
        assert usage.startswith(f"Usage: cachectl {name} [OPTIONS]")
        assert summary.startswith("  ")
        assert f"  cachectl {name} " in ended.out
    for arguments in (["--help"], ["-h", "get"]):
        ended = tool(*arguments)
        assert "Look into, fill and clean a cache" in ended.lines[2]
        listed = [line.split()[0] for line in ended.lines if line.strip()]
        assert listed[-len(COMMANDS) :] == list(COMMANDS)


def test_no_command_is_no_success(tool):
    """Without a command it shows the help, on stderr, and ends with 2."""
    ended = tool()

    assert (ended.code, ended.raw) == (2, b"")
    assert ended.err.startswith("Usage: cachectl ")
    assert ended.err.endswith("cachectl: name a command\n")


@pytest.mark.parametrize(
    "variable", ["CACHECTL_URL", "CACHECTL_FILE__DIRECTORY", "CACHECTL_CONFIG"]
)
def test_what_nobody_sees_in_a_setting_is_said_by_every_command(tool, variable):
    """It ends with 2, names the variable, shows no secret and makes no directory of it."""
    spoilt = tool.having(**{variable: f"{tool.home}/:hunter2@x\r"})
    commands = [("get", "a", "k"), ("set", "a", "k", "v"), ("stats",), ("inspect",), ("cleanup",)]
    for ended in spoilt.together([*commands, ("clear", "a", "--yes"), ("warm", "-", "-n", "a")]):
        assert (ended.code, ended.raw) == (2, b"")
        assert ended.err.startswith(f"cachectl: environment variable {variable}: ")
        assert ended.err.endswith("found a carriage return at its end\n")
        assert "hunter2" not in ended.err
    for option in ("--url", "--directory", "--config"):
        ended = tool(option, f"{tool.home}/hunter2\r", "stats")
        assert ended.code == 2
        assert ended.err.startswith("cachectl: option ")
        assert "hunter2" not in ended.err
    assert list(tool.home.iterdir()) == []
