"""What is in docs/monitoring is true: the tools that it is for accept it, and it names what there is."""

import json
import re
import shlex
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from cachectl._admin.figures import FIGURES
from tests.cli.conftest import on_redis, shared, tool  # noqa: F401 - fixtures
from tests.support import monitoring_plugins
from tests.support.home import ROOT
from tests.support.promtool import promtool

FILES = ROOT / "docs" / "monitoring"
PAGE = (ROOT / "docs" / "monitoring.md").read_text()
DASHBOARD = (FILES / "dashboard.json").read_text()
OF_GRAFANA = {
    "$__rate_interval": "5m",
    "$__range": "24h",
    "$instance": ".*",
    "$backend": ".*",
    "$namespace": ".*",
}


def expressions() -> list[str]:
    """Return what the panels of the dashboard ask for, as Prometheus is asked."""
    found = []
    for panel in json.loads(DASHBOARD)["panels"]:
        for target in panel["targets"]:
            text = target["expr"]
            for variable, value in OF_GRAFANA.items():
                text = text.replace(variable, value)
            found.append(text)
    return found


def test_prometheus_accepts_the_rules():
    assert "rules found" in promtool("check", "rules", str(FILES / "alerts.yml"))


def test_alerts_ring_when_they_should_and_only_then():
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml", directory=FILES)


def test_every_alert_has_a_test_in_which_it_rings():
    alerts = re.findall(r"- alert: (\w+)", (FILES / "alerts.yml").read_text())
    tested = re.findall(r"alertname: (\w+)\n +exp_alerts:", (FILES / "alerts_test.yml").read_text())
    assert sorted(alerts) == sorted(set(tested))


def test_prometheus_accepts_what_the_dashboard_asks(tmp_path):
    rules = [
        {"record": f"panel:expression:{at}", "expr": text} for at, text in enumerate(expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))


def test_metrics_that_are_asked_for_are_those_that_there_are(tool):  # noqa: F811 - the fixture
    with tool.open() as cache:
        cache.namespace("ai").get("k")
    exported = {*re.findall(r"^# TYPE (\w+)", tool("stats", "-f", "prometheus").out, re.MULTILINE)}
    asked = {*re.findall(r"\bcachectl_\w+", (FILES / "alerts.yml").read_text() + DASHBOARD + PAGE)}
    assert asked <= exported


def test_the_dashboard_is_of_the_schema_of_grafana():
    """Read and written again by Grafana's own models it is the same: they drop what they do not know."""
    written = json.loads(DASHBOARD)
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(written)))
    assert missing(written, read) == []


def missing(written: Any, read: Any, path: str = "") -> list[str]:
    """Return where what was written is not in what was read."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [
            each
            for name, value in written.items()
            for each in missing(value, read.get(name), f"{path}.{name}")
        ]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [each for at, pair in pairs for each in missing(*pair, f"{path}[{at}]")]
    return [] if written == read else [f"{path}: {written!r} became {read!r}"]


def test_panels_of_the_dashboard_do_not_overlap():
    panels = json.loads(DASHBOARD)["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_line_for_cron_writes_the_file_and_says_nothing(tool):  # noqa: F811 - the fixture
    (line,) = [
        line for line in (FILES / "cachectl.cron").read_text().splitlines() if line[0] != "#"
    ]
    fields = line.split(maxsplit=6)
    assert fields[5:] == ["voice", line.partition("voice")[2].strip()]
    program, *arguments = shlex.split(fields[6])
    (tool.home / "cachectl.toml").write_text("")
    arguments = [
        {"/etc/cachectl.toml": "cachectl.toml"}.get(each, each.rpartition("/")[2])
        for each in arguments
    ]
    ended = tool(*arguments)
    assert (program, ended) == ("cachectl", (0, b"", ""))
    assert "cachectl_up{" in (tool.home / "cachectl.prom").read_text()


def test_the_command_for_nagios_answers(tool):  # noqa: F811 - the fixture
    text = (FILES / "nagios.cfg").read_text()
    (command,) = re.findall(r"command_line +(.+)", text)
    (call,) = re.findall(r"check_command +(.+)", text)
    name, *values = call.split("!")
    assert re.findall(r"command_name +(.+)", text) == [name]
    (tool.home / "cachectl.toml").write_text("")
    for number, value in enumerate(["cachectl.toml", *values[1:]], 1):
        command = command.replace(f"$ARG{number}$", value)
    tool("get", "a", "k")
    ended = tool(*shlex.split(command)[1:])
    answer = monitoring_plugins.read(ended.out, ended.code)
    assert (answer.state, [*answer.metrics]) == ("OK", ["a_hit-rate"])


def test_the_command_for_icinga_has_options_that_there_are(tool):  # noqa: F811 - the fixture
    options = re.findall(r'"(--[\w-]+)" = ', (FILES / "icinga2.conf").read_text())
    help_ = tool("check", "--help").out
    assert options
    for option in options:
        assert re.search(rf"(?:^|\s){option}\b", help_), option


def test_the_page_names_all_figures_and_shows_a_line_that_is_right():
    (line,) = re.findall(r"^(CACHE .*\n)", PAGE, re.MULTILINE)
    assert monitoring_plugins.read(line, 2).text.startswith("last 1h: rag hit rate 0%")
    told = {
        *re.findall(
            r"`([a-z][a-z-]+)`", PAGE.partition("| figure |")[2].partition("What cannot")[0]
        )
    }
    held = {
        name for name, figure in FIGURES.items() if not figure.is_counter and not figure.per_hour
    }
    assert held <= told <= {*FIGURES}


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.iterdir()))
def test_the_page_leads_to_each_file(name):
    assert f"(monitoring/{name})" in PAGE
