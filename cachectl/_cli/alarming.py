"""Thresholds of `stats`: who crosses them is told, and the command ends with 8."""

from collections.abc import Sequence

from cachectl._admin.thresholds import Verdict
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import out


def ring(verdicts: Sequence[Verdict]) -> None:
    """Say what could not be judged, to everybody where that was all. Raises `Stop` if a threshold is
    crossed.
    """
    if not verdicts:
        return
    from cachectl._cli.output import alarms

    for verdict in verdicts:
        unknown = alarms.not_judged(verdict)
        if unknown and not verdict.crossed:
            say = out.detail if verdict.judged else out.note_once
            say(f"{verdict.threshold.text}: {unknown}")
    told = [alarms.crossed(verdict) for verdict in verdicts if verdict.crossed]
    for text in told[:-1]:
        out.complain(text)
    if told:
        raise Stop(Exit.THRESHOLD, told[-1])
