"""Plots of the results, as SVG that is the same whenever the results are."""

from collections.abc import Callable
from itertools import product
from typing import Any, Final

from benchmarks.harness.registry import HitRate
from benchmarks.harness.results import Measured, Results
from benchmarks.publish.document import DOCS

PLOTS: Final = DOCS / "performance"
_OURS, _PEER, _MISSED, _AIM = "#1f6f8b", "#c0792a", "#b03030", "#9a9a9a"
_SHADES: Final = ("#9a9a9a", "#1f6f8b", "#c0792a", "#5a8f4e", "#7a5aa0", "#444444")
_SIDES: Final = {"ours": "cachectl", "peer": "peer"}
_GROWING: Final = {
    "get, uniform": "-",
    "set, new": "--",
    "set, evicting": "--",
    "invalidate a tag of 100": ":",
}
_CALLERS: Final = {
    "cachectl": _OURS,
    "cachectl lrfu": "#5a8f4e",
    "diskcache": _PEER,
    "redis-py": _PEER,
}
_CALLS: Final = {"get": "-", "set": "--"}
_STYLE: Final = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cachectl",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


def draw(results: Results) -> None:
    """Write the plots of what was measured."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update(_STYLE)
    PLOTS.mkdir(exist_ok=True)
    for group, plot in _PLOTTED.items():
        rows = [row for row in results.group(group) if row.lines or row.rates or row.readings]
        if rows:
            plot(rows)


def _figure(columns: int, height: float, *, sharey: bool = False) -> tuple[Any, Any]:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, columns, figsize=(8.5, height), squeeze=False, sharey=sharey)
    return figure, axes


def _save(figure: Any, name: str) -> None:
    from matplotlib import pyplot as plt

    figure.savefig(PLOTS / f"{name}.svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)


def _ratios(rows: list[Measured]) -> None:
    """Draw each ratio of the charter with its spread, on the way to its bar."""
    judged = [(row.name, line) for row in rows for line in row.lines if line.bar][::-1]
    figure, ((axes,),) = _figure(1, 0.8 + 0.28 * len(judged))
    for height, (_, line) in enumerate(judged):
        colour = _MISSED if line.verdict == "missed" else _OURS
        axes.plot([line.low, line.high], [height, height], color=colour, linewidth=3, alpha=0.4)
        axes.plot(line.ratio, height, "o", color=colour)
        axes.plot(line.bar, height, "|", color="black", markersize=11)
        axes.plot(line.aim, height, "|", color=_AIM, markersize=11)
    axes.set_yticks(range(len(judged)), [f"{name}: {line.case}" for name, line in judged])
    axes.set_xscale("log")
    axes.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
    axes.set_xlabel("time of ours / time of the peer's; black mark: bar, grey mark: aim")
    axes.minorticks_off()
    axes.grid(axis="x", alpha=0.3)
    _save(figure, "ratios")


def _growth(rows: list[Measured]) -> None:
    """Draw what an operation takes in ever larger caches, beside the first peer."""
    rows = [row for row in rows if any(line.case in _GROWING for line in row.lines)]
    if not rows:
        return
    figure, (panels,) = _figure(len(rows), 3.6, sharey=True)
    for axes, row in zip(panels, rows, strict=True):
        peer = row.lines[0].peer
        for operation, style in _GROWING.items():
            lines = [it for it in row.lines if (it.case, it.peer) == (operation, peer)]
            entries = [line.entries for line in lines]
            for side, colour in (("ours", _OURS), ("peer", _PEER)):
                times = [1e6 * getattr(line, f"{side}_seconds") for line in lines]
                label = f"{_SIDES[side]}: {operation}"
                axes.plot(entries, times, style, marker=".", color=colour, label=label)
        axes.set(xscale="log", yscale="log", title=f"{_backend(row)}\n(peer: {peer})")
        axes.set_xlabel("entries")
        axes.minorticks_off()
    panels[0].set_ylabel("µs an operation")
    figure.legend(*_labelled(panels), loc="outside lower center", ncols=4)
    _save(figure, "growth")


def _tails(rows: list[Measured]) -> None:
    """Draw how long the usual call and the worst ones take, of a crew that does nothing else."""
    scenes = [(row, crew) for row in rows for crew in _crews(row)]
    figure, (panels,) = _figure(len(scenes), 3.4, sharey=True)
    for axes, (row, crew) in zip(panels, scenes, strict=True):
        for (side, colour), (operation, style) in product(_CALLERS.items(), _CALLS.items()):
            found = [
                it
                for it in row.readings
                if (it.case, it.side, it.unit) == (crew, side, "s")
                and it.figure.startswith(operation)
            ]
            if found:
                names = [it.figure.removeprefix(f"{operation} ") for it in found]
                times = [1e3 * it.value for it in found]
                label = f"{side}: {operation}"
                axes.plot(names, times, style, marker=".", color=colour, label=label)
        axes.set(yscale="log", title=f"{_backend(row)}, {crew}")
    panels[0].set_ylabel("ms a call")
    figure.legend(*_labelled(panels), loc="outside lower center", ncols=4)
    _save(figure, "tails")


def _crews(row: Measured) -> list[str]:
    """Return the crews of a row; a case in which somebody does something else has a comma."""
    return list(dict.fromkeys(it.case for it in row.readings if "," not in it.case))


def _labelled(panels: Any) -> tuple[list[Any], list[str]]:
    """Return what a legend of all panels says, each once."""
    found: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def _workers(rows: list[Measured]) -> None:
    """Draw how many hits a second workers get together."""
    figure, (panels,) = _figure(len(rows), 2.8)
    for axes, row in zip(panels, rows, strict=True):
        for side, colour, shift in (("ours", _OURS, -0.2), ("peer", _PEER, 0.2)):
            rates = [1e-3 / getattr(line, f"{side}_seconds") for line in row.lines]
            places = [place + shift for place in range(len(rates))]
            axes.bar(places, rates, 0.38, color=colour, label=_SIDES[side])
        axes.set_xticks(range(len(row.lines)), [line.case for line in row.lines])
        axes.set_title(f"{_backend(row)} (peer: {row.lines[0].peer})")
    panels[0].set_ylabel("thousand hits a second")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    _save(figure, "workers")


def _rates(rows: list[Measured]) -> None:
    """Draw the hit rates of the policies in memory, between exact LRU and the optimum."""
    rates = [rate for row in rows for rate in row.rates]
    in_memory = {_place(rate) for rate in rates if rate.backend == "memory"}
    rates = [rate for rate in rates if _place(rate) in in_memory]
    sizes = sorted({rate.entries for rate in rates})
    traces = list(dict.fromkeys(rate.trace for rate in rates))
    policies = sorted({rate.policy for rate in rates}, key=lambda name: (name == "optimum", name))
    figure, (panels,) = _figure(len(sizes), 3.4)
    for axes, size in zip(panels, sizes, strict=True):
        for number, policy in enumerate(policies):
            found = {r.trace: r.rate for r in rates if (r.policy, r.entries) == (policy, size)}
            width = 0.8 / len(policies)
            places = [place - 0.4 + (number + 0.5) * width for place in range(len(traces))]
            heights = [found[trace] for trace in traces]
            axes.bar(places, heights, width * 0.9, color=_SHADES[number], label=policy)
        axes.set_xticks(range(len(traces)), traces, rotation=35, ha="right")
        axes.set_title(f"{size:,} entries")
    panels[0].set_ylabel("hit rate")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(policies)
    )
    _save(figure, "hit-rates")


def _place(rate: HitRate) -> tuple[str, int, int]:
    return rate.trace, rate.requests, rate.entries


def _backend(row: Measured) -> str:
    return row.name.partition("-")[2]


_PLOTTED: Final[dict[str, Callable[[list[Measured]], None]]] = {
    "charter": _ratios,
    "growth": _growth,
    "tails": _tails,
    "workers": _workers,
    "rates": _rates,
}
