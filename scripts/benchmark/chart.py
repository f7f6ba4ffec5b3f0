"""A chart of each item, as a PNG."""

# matplotlib's **kwargs are untyped.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scripts.benchmark.figures import LESS_IS_BETTER, Row
from scripts.benchmark.report import TITLES, Report, number
from scripts.benchmark.roster import VARIANTS

BLUE: Final = "#1f6feb"
GREY: Final = "#8b949e"
OURS: Final = ("ours", "engine", *VARIANTS)
_DPI: Final = 80


def draw(report: Report, folder: Path) -> dict[str, Path]:
    """Draw a chart of each item into the folder; return the files by item."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, Path] = {}
    for item, rows in groupby(report.results.rows(), key=lambda row: row.item):
        # What a variant alone has is a figure to read: one bar says nothing.
        compared = [row for row in rows if set(report.results.contenders(row)) - set(VARIANTS)]
        if compared:
            drawn[item] = folder / f"{item.lower()}.png"
            _draw_item(report, item, compared, drawn[item])
    return drawn


def _draw_item(report: Report, item: str, rows: Sequence[Row], path: Path) -> None:
    names = [name for name in report.labels if any(report.results.values(row, name) for row in rows)]
    columns = min(len(rows), 3)
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(4.2 * columns, (0.8 + 0.28 * len(names)) * lines + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{item}: {TITLES[item]}")
    for index, row in enumerate(rows, 1):
        axes = figure.add_subplot(lines, columns, index)
        shown = [name for name in names if report.results.values(row, name)]
        medians = [report.results.median(row, name) or 0.0 for name in shown]
        bars = axes.barh(
            [report.labels[name] for name in shown],
            medians,
            color=[BLUE if name in OURS else GREY for name in shown],
        )
        axes.bar_label(bars, labels=[f" {number(median)}" for median in medians], fontsize=7)
        axes.margins(x=0.2)
        axes.invert_yaxis()
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        less = " (less is better)" if row.unit in LESS_IS_BETTER else ""
        axes.set_title(f"{row.case}\n{row.unit}{less}" if row.case else f"{row.unit}{less}", fontsize=8)
    figure.savefig(path, dpi=_DPI)
