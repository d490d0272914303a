"""Charts of what a linkage model believes: weights, chances, and how they add up for one pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jdl_spark.reports import linkage_drawing as drawing
from jdl_spark.reports import linkage_words as words
from jdl_spark.reports.charts import DARK_BLUE, GREY, INK, ORANGE
from jdl_spark.reports.linkage_document import Field, Waterfall
from jdl_spark.reports.linkage_drawing import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def weights(fields: Sequence[Field]) -> Chart:
    """Draw how much each agreement level speaks for or against one person, in bits."""
    everything = [
        (bits, field, level) for field in fields for bits, level in zip(field.bits, field.levels, strict=True)
    ]
    most, least = max(everything, key=lambda e: e[0]), min(everything, key=lambda e: e[0])
    said = [f"{words.field(f.name)}, {words.level(v).lower()}, {words.bits(bits)} bits" for bits, f, v in (most, least)]

    def paint(canvas: Canvas) -> None:
        axes = drawing.level_rows_axes(canvas, fields, 0.44, 0.55)
        drawing.make_room(axes, least[0], most[0])
        for row, field, place in drawing.level_rows(fields):
            bits = field.bits[place]
            drawing.bar(axes, row, 0.0, bits, DARK_BLUE if bits > 0 else ORANGE, words.bits(bits))

    return Chart(
        "match-weights",
        "Match weight of each agreement level, in bits",
        f"Bars for {len(everything)} agreement levels of {len(fields)} fields. The strongest evidence for one person: "
        f"{said[0]}. The strongest against: {said[1]}.",
        drawing.levels_height(fields),
        paint,
    )


def m_and_u(fields: Sequence[Field]) -> Chart:
    """Draw how often each level occurs within one person (m) and between different people (u)."""
    exact = [
        f"{words.field(f.name)} {words.probability(f.m[at])} and {words.probability(f.u[at])}"
        for f in fields
        for at, level in enumerate(f.levels)
        if level == "exact"
    ]

    def paint(canvas: Canvas) -> None:
        for left, kind, colour in ((0.44, "m", DARK_BLUE), (0.72, "u", ORANGE)):
            axes = drawing.level_rows_axes(canvas, fields, left, 0.27, named=kind == "m")
            axes.set_xlim(0, 1.8)
            axes.vlines(0, 1.2, drawing.rows_of_levels(fields), color=INK, linewidth=1)
            axes.text(0, 0.55, kind, fontsize=drawing.TEXT + 1, fontweight="bold", va="center")
            for row, field, place in drawing.level_rows(fields):
                value = (field.m if kind == "m" else field.u)[place]
                text = "<0.001" if value < 0.0005 else ">0.999" if value >= 0.9995 else f"{value:.3f}"
                drawing.bar(axes, row, 0.0, value, colour, text)

    return Chart(
        "m-and-u",
        "Chance of each level: m given the same person, u given different people",
        "Two bars for each agreement level. Chance of full agreement given the same person and given different people: "
        + ("; ".join(exact) or "no field has such a level")
        + ".",
        drawing.levels_height(fields),
        paint,
    )


def waterfall(pair: Waterfall, number: int) -> Chart:
    """Draw how one pair's weight comes about, field by field, from the prior to the total."""
    bars = [("Prior", "", pair.prior)]
    for step in pair.steps:
        bars.append((words.field(step.name), words.level(step.level), step.bits))
        if step.frequency_bits:
            bars.append(("", "how rare the value is", step.frequency_bits))

    def paint(canvas: Canvas) -> None:
        axes = drawing.rows_axes(canvas, len(bars) + 1, 0.45, 0.54)
        edges = [0.0]
        for *_, bits in bars:
            edges.append(edges[-1] + bits)
        drawing.make_room(axes, min(edges), max(edges))
        for row, (name, level, bits) in enumerate(bars):
            axes.vlines(edges[row + 1], row + 0.5, row + 1.5, color=GREY, linewidth=0.8)
            drawing.bar(axes, row + 0.5, edges[row], bits, DARK_BLUE if bits >= 0 else ORANGE, words.bits(bits))
            drawing.two_lines(axes, row + 0.5, name, level)
        drawing.bar(axes, len(bars) + 0.5, 0.0, pair.total, INK, words.bits(pair.total))
        drawing.two_lines(axes, len(bars) + 0.5, "Together", f"probability {words.probability(pair.probability)}")

    said = "; ".join(", ".join(filter(None, (name, level.lower(), words.bits(bits)))) for name, level, bits in bars)
    return Chart(
        f"waterfall-{number}",
        f"{pair.title}: how the weight comes about, in bits",
        f"From the prior, step by step: {said}. Together {words.bits(pair.total)}, a probability of "
        f"{words.probability(pair.probability)}.",
        drawing.height_of(len(bars) + 1, drawing.TWO_LINES),
        paint,
    )
