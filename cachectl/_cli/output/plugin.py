"""What a monitoring system reads: a line with a state and figures, as the guidelines of the Monitoring
Plugins have it, and below it what people want to know.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from cachectl._admin.check import Reading, State
from cachectl._admin.figures import Figure, Unit, lookups
from cachectl._cli.output import alarms
from cachectl._cli.output.text import printable

_SERVICE: Final = "CACHE"
_MOST: Final = 5
"""Figures that are told on the one line, which some systems cut after 1,024 bytes."""
_UNITS: Final = {Unit.SHARE: "%", Unit.BYTES: "B", Unit.SECONDS: "s"}


def line(state: State, text: str, performance: str = "") -> str:
    """Return the line; what would end its text early is replaced."""
    said = " ".join(printable(text).replace("|", "/").split())
    return f"{_SERVICE} {state.name} - {said}{f' | {performance}' if performance else ''}"


def summary(readings: Sequence[Reading]) -> str:
    """Return what is worst, or how it is where all is well; and what could not be judged."""
    alarming = sorted((each for each in readings if each.state), key=lambda each: -each.state)
    unknown = [each for each in readings if each.reason and _has_range(each)]
    groups = [_some(alarming) or _well(readings)]
    if unknown:
        groups.append(f"not judged: {_some(unknown)}")
    return "; ".join(filter(None, groups)) or "nothing is known yet"


def details(readings: Iterable[Reading]) -> list[str]:
    """Return a line for each figure."""
    return [f"{reading.state.name}: {_told(reading)}".replace("|", "/") for reading in readings]


def performance(readings: Iterable[Reading], *, is_counting: bool) -> str:
    """Return the figures for machines. Counters that are `is_counting` count since they began."""
    return " ".join(_performance(each, is_counting=is_counting) for each in readings)


def _performance(reading: Reading, *, is_counting: bool) -> str:
    figure = reading.figure
    counts = is_counting and figure.is_counter and figure.unit is Unit.COUNT
    unit = "c" if counts else _UNITS.get(figure.unit, "")
    value = "U" if reading.value is None else f"{_number(reading.value)}{unit}"
    warning, critical = (
        "" if range_ is None else range_.text for range_ in (reading.warning, reading.critical)
    )
    most = "" if reading.most is None else _number(reading.most)
    return f"{_label(reading)}={value};{warning};{critical};0;{most}".rstrip(";")


def _label(reading: Reading) -> str:
    """Return the name of a figure in graphs: in quotes where it has what separates them."""
    name = reading.subject.name
    label = reading.figure.name if name is None else f"{name}_{reading.figure.name}"
    label = re.sub("[=|]", "_", printable(label)).replace("'", "''")
    return f"'{label}'" if {" ", "'", '"'} & {*label} else label


def _number(value: float) -> str:
    """Return a number without an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if value != int(value) else f"{int(value)}"


def _well(readings: Sequence[Reading]) -> str:
    known = [each for each in readings if each.value is not None]
    names = {each.subject.name for each in known}
    return f"{len(names):,} namespaces are well" if len(names) > 1 else ", ".join(map(_told, known))


def _some(readings: Sequence[Reading]) -> str:
    more = [f"{len(readings) - _MOST:,} more"] if len(readings) > _MOST else []
    return ", ".join([*map(_told, readings[:_MOST]), *more])


def _told(reading: Reading) -> str:
    """Return a figure, and why it is told."""
    figure = reading.figure
    name = figure.name.replace("-", " ")
    if reading.subject.name is not None:
        name = f"{printable(reading.subject.name)} {name}"
    if reading.value is None:
        return f"{name} ({reading.reason})"
    of = f" of {lookups(reading.subject.figures):,}" if figure.name == "hit-rate" else ""
    return f"{name} {_said(figure, reading.value)}{of}{_why(reading, reading.value)}"


def _why(reading: Reading, value: float) -> str:
    """Return in words which range alerts, the critical one if both do."""
    ranges = reading.critical, reading.warning
    crossed = next((each for each in ranges if each is not None and each.alerts(value)), None)
    if crossed is None:
        return ""
    if crossed.is_inside:
        return f" (in {crossed.text})"
    is_low = value < crossed.start
    limit = crossed.start if is_low else crossed.end
    said = f"{limit:g}%" if reading.figure.unit is Unit.SHARE else _said(reading.figure, limit)
    return f" ({'under' if is_low else 'over'} {said})"


def _said(figure: Figure, value: float) -> str:
    return alarms.value(figure, value / 100 if figure.unit is Unit.SHARE else value)


def _has_range(reading: Reading) -> bool:
    return reading.warning is not None or reading.critical is not None
