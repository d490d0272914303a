"""Charts of how far a linkage can be trusted, where somebody knows who is who."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jdl_spark.reports import linkage_drawing as drawing
from jdl_spark.reports import linkage_words as words
from jdl_spark.reports.charts import DARK_BLUE, GREY, INK, ORANGE
from jdl_spark.reports.linkage_document import Accuracy, Labels, Promise
from jdl_spark.reports.linkage_drawing import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def calibration(points: Sequence[Promise]) -> Chart:
    """Draw the share of right links against the probability that was promised."""
    furthest = max(points, key=lambda p: abs(p.promised - p.observed))

    def paint(canvas: Canvas) -> None:
        axes = drawing.plot(canvas, "Probability promised", "Share that was right")
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle="--")
        line = sorted(points, key=lambda p: p.promised)
        axes.plot([p.promised for p in line], [p.observed for p in line], color=DARK_BLUE, linewidth=1.2, marker="o")
        drawing.remark(axes, 0.97, 0.04, "dashed: as promised", ha="right", va="bottom")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.04)

    return Chart(
        "calibration",
        "Probability that was promised, and share that was right",
        f"{len(points)} groups of people. The furthest from its promise: {words.probability(furthest.promised)} "
        f"promised, {words.probability(furthest.observed)} right.",
        1.2 * drawing.PLOT_HEIGHT,
        paint,
    )


def accuracy(labels: Labels) -> Chart:
    """Draw precision against recall as people are linked from ever lower probabilities on."""
    marked: list[tuple[str, str, Accuracy]] = []
    if labels.best:
        marked.append(("Best F1", "o", labels.best))
    if labels.operating:
        marked.append(("Where people are linked", "D", labels.operating))
    said = [
        f"{name}: precision {words.probability(at.precision)}, recall {words.probability(at.recall)}"
        for name, _, at in marked
    ]

    line = labels.distinct

    def paint(canvas: Canvas) -> None:
        axes = drawing.plot(canvas, "Recall", "Precision (axes cut to the points)")
        axes.plot([a.recall for a in line], [a.precision for a in line], **drawing.line(line))
        for name, mark, at in marked:
            axes.plot([at.recall], [at.precision], mark, markersize=9, color=ORANGE, markeredgecolor=INK, label=name)
        if marked:
            axes.legend(loc="lower left", frameon=False, fontsize=drawing.TEXT, handletextpad=0.3)
        shown = [*line, *(at for *_, at in marked)]
        drawing.up_to_one(axes.set_xlim, [a.recall for a in shown])
        drawing.up_to_one(axes.set_ylim, [a.precision for a in shown])

    return Chart(
        "precision-recall",
        "Precision and recall against labels",
        f"A curve over {len(line)} thresholds. " + "; ".join(said) + ("." if said else ""),
        1.2 * drawing.PLOT_HEIGHT,
        paint,
    )
