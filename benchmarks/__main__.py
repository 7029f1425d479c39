"""`python -m benchmarks [ROW ...]`: measure rows, print tables, judge the bars."""

import argparse
import os
import sys
from time import perf_counter

from benchmarks.harness.measure import lines
from benchmarks.harness.pace import FULL, QUICK, Pace
from benchmarks.harness.registry import Case, HitRate, Row, all_rows
from benchmarks.harness.results import Measured, missed
from benchmarks.harness.traces import TRACE
from benchmarks.publish import report


def main() -> int:
    """Return 1 if a bar is missed, 0 otherwise."""
    rows = all_rows()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure cachectl beside its peers. A run of all rows at full length also"
        " rewrites the figures, plots and tables below docs/; one of some rows prints them.",
    )
    parser.add_argument("row", nargs="*", help=f"one of: {', '.join(rows)}")
    parser.add_argument("--quick", action="store_true", help="few rounds: a rehearsal")
    parser.add_argument(
        "--publish", action="store_true", help="rewrite what docs/ says of these rows"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.row) - rows.keys())
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(rows)}")
    chosen = [rows[name] for name in options.row] or list(rows.values())
    measured = [_measure(row, QUICK if options.quick else FULL) for row in chosen]
    report.show(measured)
    rehearsed = options.quick or os.environ.get(TRACE)
    if rehearsed or (options.row and not options.publish):
        report.say("docs/ is left as it is: a full run of all rows rewrites it, or --publish")
    else:
        _publish(measured)
    return 1 if missed(measured) else 0


def _measure(row: Row, pace: Pace) -> Measured:
    report.say(f"measuring {row.name}")
    started = perf_counter()
    measured = Measured.of(row)
    for found in row.cases(pace):
        if isinstance(found, Case):
            measured.lines.extend(lines(row, found, pace))
        elif isinstance(found, HitRate):
            measured.rates.append(found)
        else:
            measured.readings.append(found)
    report.say(f"measured {row.name} in {perf_counter() - started:.0f} s")
    return measured


def _publish(measured: list[Measured]) -> None:
    """Write the JSON, the plots and the tables of the document."""
    from benchmarks.publish import document, plots

    results = document.keep(measured)
    plots.draw(results)
    document.fill(results)


if __name__ == "__main__":
    sys.exit(main())
