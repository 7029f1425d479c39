"""What the development guidelines of the Monitoring Plugins ask of a plugin, as a reader that refuses all
else: one line with a state, and figures behind a bar.
"""

import re
from typing import Final, NamedTuple

STATES: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_NUMBER: Final = r"-?\d+(?:\.\d+)?"
_RANGE: Final = rf"@?(?:(?:~|{_NUMBER})?:)?(?:{_NUMBER})?"
_METRIC: Final = re.compile(
    rf"(?:'(?P<quoted>(?:[^'=]|'')+)'|(?P<plain>[^ '=]+))"
    rf"=(?:(?P<value>{_NUMBER})(?P<unit>s|us|ms|%|B|KB|MB|TB|c)?|U)"
    rf"(?:;(?P<warning>{_RANGE})(?:;(?P<critical>{_RANGE})"
    rf"(?:;(?P<least>{_NUMBER})?(?:;(?P<most>{_NUMBER})?)?)?)?)?"
)


class Metric(NamedTuple):
    """A figure; `value` is None where the plugin does not know it."""

    value: float | None
    unit: str
    warning: str
    critical: str
    least: float | None
    most: float | None


class Answer(NamedTuple):
    """What a plugin says."""

    service: str
    state: str
    text: str
    metrics: dict[str, Metric]
    details: list[str]


def read(output: str, code: int) -> Answer:
    """Return what a plugin's stdout and exit code say. Raises `AssertionError` where they break a rule."""
    assert output.endswith("\n")
    line, *details = output.removesuffix("\n").split("\n")
    assert not [each for each in details if "|" in each], "it would be taken for more figures"
    assert line.isprintable()
    text, bar, figures = line.partition("|")
    assert len(text.encode()) < 1024, "some systems cut it"
    match = re.fullmatch(r"([A-Z]+) ([A-Z]+) - (.+?) ?", text)
    assert match, text
    assert match[2] == STATES[code]
    assert bool(bar) is bool(figures.strip())
    return Answer(match[1], match[2], match[3], _metrics(figures.strip()), details)


def _metrics(figures: str) -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    at = 0
    while at < len(figures):
        match = _METRIC.match(figures, at)
        assert match, figures[at:]
        assert match.end() == len(figures) or figures[match.end()] == " ", figures[at:]
        at = match.end() + 1
        label = match["plain"] or match["quoted"].replace("''", "'")
        assert label not in found, label
        found[label] = Metric(
            _float(match["value"]), match["unit"] or "", match["warning"] or "",
            match["critical"] or "", _float(match["least"]), _float(match["most"]),
        )  # fmt: skip
        _require_sense(found[label])
    return found


def _require_sense(metric: Metric) -> None:
    value = 0 if metric.value is None else metric.value
    assert metric.least is None or value >= metric.least
    assert metric.unit != "c" or value == int(value)
    assert metric.unit != "%" or (metric.least, metric.most) in {(0, 100), (None, None)}


def _float(text: str | None) -> float | None:
    return None if not text else float(text)
