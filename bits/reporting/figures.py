"""A chart as PNG, PDF and SVG, the same bytes from the same numbers."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

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
_SAID = 8  # lines of text in a panel; the rest is below the figure
_LEGEND_SIZE = 8.5  # points
_LEGEND_INCHES = 0.55  # two lines
_LABEL_WIDTH = 55  # characters of a line in the legend; one column of them fits the narrowest figure
_ADDED_LINE: Any = (0, (6, 1, 1, 1))


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
    stamp = "\n".join(textwrap.wrap(f"{chart.about.name} · {chart.about.stamp}", 125 if columns == 1 else 85 * columns))
    figure.supxlabel(stamp, fontsize=6.8, color=MUTED, x=0.01, ha="left", parse_math=False)
    _place_legend(figure, _legend(chart), 5 if columns == 1 else 7)
    return figure


def _place_legend(figure: Figure, handles: Sequence[Artist], most: int) -> None:
    """Put the legend above the panels in as many columns as fit, at most `most`; after two lines the figure grows."""
    for columns in range(min(len(handles), most), 0, -1):
        legend = figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=columns,
            frameon=False,
            fontsize=_LEGEND_SIZE,
            handlelength=2.2,
            columnspacing=1.4,
        )
        box = legend.get_window_extent(figure.canvas.get_renderer())  # type: ignore[attr-defined]
        if box.width <= figure.bbox.width or columns == 1:
            break
        legend.remove()
    beyond = box.height / figure.dpi - _LEGEND_INCHES
    if beyond > 0:
        figure.set_figheight(figure.get_figheight() + beyond)


def _draw_panel(ax: Axes, panel: ChartPanel, x_label: str) -> None:
    for marker, curve in zip(cycle(_MARKERS), panel.curves, strict=False):
        _draw_curve(ax, curve, marker)
    unit = " (%)" if panel.measure.unit == "%" else ""
    ax.set(xlabel=x_label, ylabel=f"{panel.measure.label}{unit}", title=panel.title)
    ax.set_ylim(bottom=min(0.0, ax.dataLim.y0))
    ax.margins(x=0.02)
    standings = [f"{curve.label}: {curve.standing}" for curve in panel.curves if curve.standing]
    standings += ["gaps: not every seed has a point"] if any(curve.gaps() for curve in panel.curves) else []
    if standings:
        lines = [line for standing in standings for line in textwrap.wrap(standing, _LABEL_WIDTH // 2 + 8)]
        lines = lines if len(lines) <= _SAID else [*lines[: _SAID - 1], "and more"]
        ax.text(
            0.98,
            0.04,
            "\n".join(lines),
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=8.5,
            color=INK,
            style="italic",
            bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 2},
            zorder=5,
            parse_math=False,
        )
    sns.despine(ax=ax)


def _draw_curve(ax: Axes, curve: Curve, marker: str) -> None:
    banded = [(spread, spread.deviation) for spread in curve.drawn if spread.deviation is not None]
    if banded:
        ax.fill_between(
            [spread.x for spread, _ in banded],
            [spread.mean - deviation for spread, deviation in banded],
            [spread.mean + deviation for spread, deviation in banded],
            color=curve.colour,
            alpha=0.2,
            linewidth=0,
            zorder=1,
        )
    ax.plot(
        [x for x, _ in curve.points],
        [y for _, y in curve.points],
        color=curve.colour,
        linewidth=2.0,
        linestyle=_ADDED_LINE if curve.added else "-",
        marker=marker if len(curve.points) <= 30 else "",
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


def _legend(chart: Chart) -> list[Artist]:
    """One entry per method, one for the band among seeds, one for hollow markers; outcomes stand in the panels."""
    handles: list[Artist] = [
        Line2D(
            [],
            [],
            color=curve.colour,
            linewidth=2,
            linestyle=_ADDED_LINE if curve.added else "-",
            marker=marker,
            markersize=4.5,
            label=_plain(f"{curve.label} (added here)" if curve.added else curve.label),
        )
        for marker, curve in zip(cycle(_MARKERS), chart.panels[0].curves, strict=False)
    ]
    if max(chart.seeds()) > 1:
        among = f"of {chart.seeds()[0]} seeds" if len(chart.seeds()) == 1 else "among seeds"
        handles.append(Patch(color=MUTED, alpha=0.3, linewidth=0, label=f"mean ± sd {among}"))
    if any(curve.published for curve in chart.curves()):
        hollow: dict[str, Any] = {"markerfacecolor": "none", "linestyle": (0, (4, 3)), "linewidth": 1, "markersize": 6}
        handles.append(Line2D([], [], color=MUTED, marker="o", label="published", **hollow))
    return handles


def _plain(label: str) -> str:
    """A label that matplotlib shows as it is, on several lines if long: no mathematics, not hidden for a "_"."""
    shown = textwrap.fill(label, _LABEL_WIDTH).replace("$", r"\$")
    return f"\N{ZERO WIDTH SPACE}{shown}" if shown.startswith("_") else shown


def _following_the_reader(svg: bytes) -> bytes:
    """The SVG with a style sheet that swaps ink and paper for readers who prefer dark pages."""
    rules = "".join(
        f'[style*="{prop}: {light}"]{{{prop}:{dark}!important}}'
        for light, dark in _DARK.items()
        for prop in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>".encode()
    return svg.replace(b" <defs>", b" " + style + b"\n <defs>", 1)
