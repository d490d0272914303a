"""Charts of what a linkage had to work with and what it found: pairs, people, fields, blocking rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jdl_spark.reports import linkage_drawing as drawing
from jdl_spark.reports import linkage_words as words
from jdl_spark.reports.charts import DARK_BLUE, INK, ORANGE
from jdl_spark.reports.linkage_document import Bin, BlockingRule, Completeness, Unlinkable
from jdl_spark.reports.linkage_drawing import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def histogram(bins: Sequence[Bin]) -> Chart:
    """Draw how many pairs have which match weight."""
    total, above = sum(b.count for b in bins), sum(b.count for b in bins if b.low >= 0)
    top = max(bins, key=lambda b: b.count)

    def paint(canvas: Canvas) -> None:
        axes = drawing.plot(canvas, "Match weight, bits", "Pairs (each line ten times the last)")
        drawing.columns(axes, bins)
        axes.axvline(0, color=INK, linewidth=1)

    return Chart(
        "weight-histogram",
        "Pairs by match weight",
        f"{words.count(total)} pairs from {words.bits(bins[0].low)} to {words.bits(bins[-1].high)} bits; most of them, "
        f"{words.count(top.count)}, between {words.bits(top.low)} and {words.bits(top.high)}; {words.count(above)} "
        "at or above 0.",
        drawing.PLOT_HEIGHT,
        paint,
    )


def probabilities(bins: Sequence[Bin], threshold: float | None) -> Chart:
    """Draw how many people have which probability of their best identity, and from where they are linked."""
    total, last = sum(b.count for b in bins), bins[-1]
    inside = sum(b.count for b in bins if b.low >= 0.05 and b.high <= 0.95)
    linked = "" if threshold is None else f" People are linked from {words.probability(threshold)} on."

    def paint(canvas: Canvas) -> None:
        axes = drawing.plot(canvas, "Probability of the best identity", "People (each line ten times the last)")
        drawing.columns(axes, bins)
        axes.set_xlim(0, 1)
        if threshold is not None:
            axes.axvline(threshold, color=ORANGE, linewidth=2, linestyle="--")
            note = f"linked from {words.probability(threshold)} on\n(dashed line)"
            drawing.remark(axes, 0.5, 0.97, note, ha="center", va="top")

    return Chart(
        "probabilities",
        "People by the probability of their best identity",
        f"{words.count(total)} people: {words.count(last.count)} from {words.probability(last.low)} up, "
        f"{words.count(inside)} between 0.05 and 0.95.{linked}",
        drawing.PLOT_HEIGHT,
        paint,
    )


def completeness(fields: Sequence[Completeness]) -> Chart:
    """Draw the share of records that have each field, on both sides."""
    worst = min(fields, key=lambda f: min(f.left, f.right))

    def paint(canvas: Canvas) -> None:
        axes = drawing.rows_axes(canvas, 3 * len(fields), 0.02, 0.97)
        axes.set_xlim(0, 1.5)
        for at, field in enumerate(fields):
            axes.text(0, 3 * at + 0.55, words.field(field.field), fontsize=drawing.TEXT, va="center")
            for row, side, share, colour in (
                (1.35, "left", field.left, DARK_BLUE),
                (2.2, "right", field.right, ORANGE),
            ):
                drawing.bar(axes, 3 * at + row, 0.0, share, colour, f"{words.per_cent(share)} {side}", thick=0.74)

    return Chart(
        "completeness",
        "Share of records that have each field",
        f"Two bars for each of {len(fields)} fields. The least complete is {words.field(worst.field)}: "
        f"{words.per_cent(worst.left)} on the left, {words.per_cent(worst.right)} on the right.",
        drawing.height_of(3 * len(fields)),
        paint,
    )


def unlinkable(points: Sequence[Unlinkable]) -> Chart:
    """Draw the share of records that could not reach a weight even against themselves."""
    line = sorted(points, key=lambda p: p.weight)
    half = next((p for p in line if p.share >= 0.5), None)
    reach = "" if half is None else f" Half of them could not reach {words.bits(half.weight)} bits."

    def paint(canvas: Canvas) -> None:
        axes = drawing.plot(canvas, "Match weight, bits", "Records that cannot reach it, %")
        axes.plot([p.weight for p in line], [100 * p.share for p in line], **drawing.line(line))
        axes.set_ylim(0, max(5.0, 105 * max(p.share for p in line)))
        axes.margins(x=0)

    return Chart(
        "unlinkable",
        "Records that could not reach a weight even against themselves",
        f"A line that rises from {words.per_cent(line[0].share)} of records at {words.bits(line[0].weight)} bits to "
        f"{words.per_cent(line[-1].share)} at {words.bits(line[-1].weight)}.{reach}",
        drawing.PLOT_HEIGHT,
        paint,
    )


def blocking(rules: Sequence[BlockingRule]) -> Chart:
    """Draw how many pairs each blocking rule brings together."""
    most = max(rules, key=lambda r: r.pairs)
    names = [drawing.wrapped(words.named(rule.rule)) for rule in rules]
    rows = sum(0.95 * len(lines) + 1.3 for lines in names)

    def paint(canvas: Canvas) -> None:
        axes = drawing.rows_axes(canvas, rows, 0.02, 0.97)
        axes.set_xlim(0, max(most.pairs, 1) * 1.25)
        row = 0.55
        for rule, lines in zip(rules, names, strict=True):
            for line in lines:
                axes.text(0, row, line, fontsize=drawing.TEXT, va="center")
                row += 0.95
            drawing.bar(axes, row, 0.0, rule.pairs, DARK_BLUE, words.short_count(rule.pairs), thick=0.74)
            row += 1.3

    return Chart(
        "blocking",
        "Pairs that each blocking rule brings together",
        f"A bar for each of {len(rules)} rules, {words.count(sum(r.pairs for r in rules))} pairs in all. The rule with "
        f"the most is “{words.named(most.rule)}”, with {words.count(most.pairs)} pairs.",
        drawing.height_of(rows),
        paint,
    )
