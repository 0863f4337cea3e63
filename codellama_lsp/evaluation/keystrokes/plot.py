"""The bench as a picture. Needs matplotlib, which nothing else here does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codellama_lsp.evaluation.keystrokes.report import Report
from codellama_lsp.evaluation.keystrokes.samples import by_class

_HINT = "drawing needs matplotlib: pip install 'codellama-lsp[plot]'"


class PlotError(Exception):
    """It cannot be drawn; the text says why."""


def check_plot(path: Path) -> None:
    """Raise `PlotError` now rather than after the measurement."""
    _pyplot()
    if not path.absolute().parent.is_dir():
        raise PlotError(f"there is no directory {path.absolute().parent}")


def draw(report: Report, path: Path) -> None:
    """Fresh tokens and time to the first text by class, medians and 95th percentiles."""
    pyplot = _pyplot()
    sides = [("codellama-lsp", by_class(report.ours), "#3465a4")]
    if report.peers:
        sides.append(("llama-server", by_class(report.peers), "#c4a000"))
    names = list(sides[0][1])
    figure, axes = pyplot.subplots(1, 2, figsize=(12, 0.45 * len(names) + 2), sharey=True)
    height = 0.8 / len(sides)
    for axis, key, title in (
        (axes[0], "fresh_tokens", "fresh tokens per event"),
        (axes[1], "first_token_ms", "ms to the first text"),
    ):
        for number, (label, rows, colour) in enumerate(sides):
            shown = [(i, rows[name].values[key]) for i, name in enumerate(names) if name in rows]
            places = [i + (number - (len(sides) - 1) / 2) * height for i, _ in shown]
            axis.barh(
                places, [max(v.median, 0.1) for _, v in shown], height, label=label, color=colour
            )
            axis.plot([max(v.p95, 0.1) for _, v in shown], places, "|", color="black")
        axis.set_xscale("log")
        axis.set_xlabel(f"{title} (bar: median, line: 95th percentile)")
    axes[0].set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes[0].invert_yaxis()
    axes[1].legend()
    figure.suptitle(report.model)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise PlotError(_HINT) from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
