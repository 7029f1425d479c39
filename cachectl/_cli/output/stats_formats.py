"""`stats` for programs: JSON, CSV, and the format of Prometheus; and what is said beside figures."""

import time
from collections.abc import Sequence

from cachectl._admin import documents, thresholds
from cachectl._admin.applications import described
from cachectl._admin.thresholds import Verdict
from cachectl._cli.output import Format, out
from cachectl._cli.output.metrics import metrics
from cachectl._metrics.reports import Application, Stats


def write(report: Stats, names: Sequence[str], verdicts: Sequence[Verdict]) -> None:
    """Write the figures of these namespaces in the format that was chosen, and what thresholds say."""
    if out.format is Format.CSV:
        figures = [(name, documents.figures(report.namespaces[name])) for name in names]
        header = ["namespace", *documents.figures(report.totals)]
        out.csv(header, ([name, *values.values()] for name, values in figures))
    elif out.format is Format.PROMETHEUS:
        from cachectl._admin import prometheus

        metrics.write(prometheus.lines(report, names, metrics.labels))
    elif out.format is Format.JSONL:
        out.records("stats-namespace", documents.stats_rows(report, names))
    else:
        document(report, names, verdicts)


def document(report: Stats, names: Sequence[str], verdicts: Sequence[Verdict]) -> None:
    """Write all of it as one JSON document."""
    out.document("stats", {**documents.stats(report, names), **thresholds.document(verdicts)})


def tell(report: Stats) -> None:
    """Say what belongs to the figures: what is true of the backend, and what uses it."""
    for note in report.backend.notes:
        out.note_once(note)
    if out.format is not Format.TABLE or out.level > 0:  # a table says it in few words
        tell_of_applications(report.applications)


def tell_of_applications(found: Sequence[Application]) -> None:
    """Say what applications are in, and to who asks for more also that they are well."""
    for each in found:
        say = out.detail if each.status == "ok" else out.note
        say(described(each, time.time()))
