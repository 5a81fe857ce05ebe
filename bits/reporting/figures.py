"""A chart as PNG, PDF and SVG, the same bytes from the same numbers."""

from __future__ import annotations

import io
import textwrap
from typing import Any

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bits.reporting.curves import Chart, ChartPanel, Curve

INK, PAPER, GRID, MUTED = "#23262d", "#fdfdfc", "#e4e4e1", "#74767c"
_DARK = {INK: "#e9e7e2", PAPER: "#191c21", GRID: "#31353c", MUTED: "#9a9ca3"}
# No dates or versions in the files, and names inside SVGs that depend on their content only.
_STYLE = {
    "svg.hashsalt": "bits",
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.linewidth": 0.8,
    "legend.edgecolor": GRID,
}
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
_MARKERS = "osD^vP"


def chart_files(chart: Chart) -> dict[str, bytes]:
    """{"png" | "pdf" | "svg": content}; the SVG follows the reader's light or dark preference."""
    sns.set_theme(style="whitegrid", rc=_STYLE)
    figure = _drawn(chart)
    files = {}
    for kind, metadata in _METADATA.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
        files[kind] = buffer.getvalue()
    plt.close(figure)
    return {**files, "svg": _following_the_reader(files["svg"])}


def _drawn(chart: Chart) -> Figure:
    columns = len(chart.panels)
    figure, axes = plt.subplots(
        1, columns, figsize=(7.2 if columns == 1 else 4.9 * columns, 4.3), squeeze=False, layout="constrained"
    )
    for ax, panel in zip(axes[0], chart.panels, strict=True):
        _draw_panel(ax, panel, chart.x_label)
    figure.legend(
        handles=_legend(chart),
        loc="outside upper left",
        ncols=len(chart.panels[0].curves) + 1,
        frameon=False,
        fontsize=8.5,
        handlelength=2.2,
        columnspacing=1.4,
    )
    stamp = "\n".join(textwrap.wrap(f"{chart.about.name} · {chart.about.stamp}", 125 if columns == 1 else 85 * columns))
    figure.supxlabel(stamp, fontsize=6.8, color=MUTED, x=0.01, ha="left")
    return figure


def _draw_panel(ax: Axes, panel: ChartPanel, x_label: str) -> None:
    for marker, curve in zip(_MARKERS, panel.curves, strict=False):
        few = len(curve.points) <= 30
        ax.plot(
            [x for x, _ in curve.points],
            [y for _, y in curve.points],
            color=curve.colour,
            linewidth=2.0,
            marker=marker if few else "",
            markersize=4.5,
            zorder=3,
        )
        ax.plot(
            [x for x, _ in curve.published],
            [y for _, y in curve.published],
            color=curve.colour,
            linewidth=1.0,
            linestyle=(0, (4, 3)),
            marker=marker,
            markersize=6,
            markerfacecolor="none",
            markeredgewidth=1.1,
            alpha=0.75,
            zorder=2,
        )
    unit = " (%)" if panel.measure.unit == "%" else ""
    ax.set(xlabel=x_label, ylabel=f"{panel.measure.label}{unit}", title=panel.title)
    ax.set_ylim(bottom=0)
    ax.margins(x=0.02)
    missing = [f"{curve.label}: {curve.reading.status}" for curve in panel.curves if curve.text != curve.label]
    if missing:
        ax.text(
            0.98,
            0.04,
            "\n".join(missing),
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=8.5,
            color=INK,
            style="italic",
        )
    sns.despine(ax=ax)


def _legend(chart: Chart) -> list[Line2D]:
    """One entry per method and one for hollow markers; outcomes are said in the panels."""
    handles = [
        Line2D([], [], color=curve.colour, linewidth=2, marker=marker, markersize=4.5, label=curve.label)
        for marker, curve in zip(_MARKERS, chart.panels[0].curves, strict=False)
    ]
    hollow = Line2D(
        [],
        [],
        color=MUTED,
        linewidth=1,
        linestyle=(0, (4, 3)),
        marker="o",
        markersize=6,
        markerfacecolor="none",
        label="published",
    )
    return [*handles, hollow]


def _following_the_reader(svg: bytes) -> bytes:
    """The SVG with a style sheet that exchanges ink and paper where the reader prefers dark."""
    rules = "".join(
        f'[style*="{prop}: {light}"]{{{prop}:{dark}!important}}'
        for light, dark in _DARK.items()
        for prop in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>".encode()
    return svg.replace(b" <defs>", b" " + style + b"\n <defs>", 1)
