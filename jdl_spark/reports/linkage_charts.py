"""Charts of a linkage model and of what it found, each as one SVG with its words.

Why drawn small and tall: a chart is as wide as a phone's page, so its text keeps its size there; what has
many rows gets its room downwards. Nothing rests on colour: bars carry numbers, lines carry names, and
every chart has a text that says what is to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jdl_spark.reports import linkage_drawing as drawing
from jdl_spark.reports import linkage_words as words
from jdl_spark.reports.charts import DARK_BLUE, GREY, INK, ORANGE
from jdl_spark.reports.linkage_document import (
    Accuracy,
    Bin,
    BlockingRule,
    Completeness,
    Field,
    Labels,
    LinkageDocument,
    Promise,
    Unlinkable,
    Waterfall,
)
from jdl_spark.reports.linkage_drawing import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_PLOT_HEIGHT = 2.9  # inches


def charts(document: LinkageDocument) -> dict[str, Chart]:
    """Return every chart that a document has the figures for, by name, in the order of the page."""
    found: list[Chart] = []
    if document.model and document.model.fields:
        found += [weights(document.model.fields), m_and_u(document.model.fields)]
    if document.histogram:
        found.append(histogram(document.histogram))
    if document.probabilities:
        found.append(probabilities(document.probabilities, document.model.link_probability if document.model else None))
    found += [waterfall(pair, number) for number, pair in enumerate(document.waterfall, start=1)]
    if document.completeness:
        found.append(completeness(document.completeness))
    if document.unlinkable:
        found.append(unlinkable(document.unlinkable))
    if document.blocking:
        found.append(blocking(document.blocking))
    if document.calibration:
        found.append(calibration(document.calibration))
    if document.labels:
        found.append(accuracy(document.labels))
    return {chart.name: chart for chart in found}


def write_charts(document: LinkageDocument, folder: Path) -> list[Path]:
    """Write every chart of a document as an SVG file of its name; the same document gives the same bytes.

    Parameters
    ----------
    folder : made if it is not there; files of the same names are replaced.

    Returns
    -------
    list of Path
        The files written, in the order of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for chart in charts(document).values():
        written.append(folder / f"{chart.name}.svg")
        written[-1].write_bytes(chart.draw().encode())
    return written


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
            axes.text(0, 0.55, kind, fontsize=12, fontweight="bold", va="center")
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
        _PLOT_HEIGHT,
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
            axes.text(0.5, 0.92, note, transform=axes.transAxes, fontsize=10, ha="center", va="top")

    return Chart(
        "probabilities",
        "People by the probability of their best identity",
        f"{words.count(total)} people: {words.count(last.count)} from {words.probability(last.low)} up, "
        f"{words.count(inside)} between 0.05 and 0.95.{linked}",
        _PLOT_HEIGHT,
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


def completeness(fields: Sequence[Completeness]) -> Chart:
    """Draw the share of records that have each field, on both sides."""
    worst = min(fields, key=lambda f: min(f.left, f.right))

    def paint(canvas: Canvas) -> None:
        axes = drawing.rows_axes(canvas, 3 * len(fields), 0.02, 0.97)
        axes.set_xlim(0, 1.4)
        for at, field in enumerate(fields):
            axes.text(0, 3 * at + 0.55, words.field(field.field), fontsize=11, va="center")
            for row, side, share, colour in (
                (1.35, "left", field.left, DARK_BLUE),
                (2.2, "right", field.right, ORANGE),
            ):
                drawing.bar(axes, 3 * at + row, 0.0, share, colour, f"{words.per_cent(share)} {side}", thick=0.74)

    return Chart(
        "completeness",
        "Share of records that have each field",
        f"Two bars for each of {len(fields)} fields. The least complete is {words.field(worst.field).lower()}: "
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
        axes.plot([p.weight for p in line], [100 * p.share for p in line], color=DARK_BLUE, linewidth=2.4)
        axes.set_ylim(0, max(5.0, 105 * max(p.share for p in line)))
        axes.margins(x=0)

    return Chart(
        "unlinkable",
        "Records that could not reach a weight even against themselves",
        f"A line that rises from {words.per_cent(line[0].share)} of records at {words.bits(line[0].weight)} bits to "
        f"{words.per_cent(line[-1].share)} at {words.bits(line[-1].weight)}.{reach}",
        _PLOT_HEIGHT,
        paint,
    )


def blocking(rules: Sequence[BlockingRule]) -> Chart:
    """Draw how many pairs each blocking rule brings together."""
    most = max(rules, key=lambda r: r.pairs)

    def paint(canvas: Canvas) -> None:
        axes = drawing.rows_axes(canvas, 2 * len(rules), 0.02, 0.97)
        axes.set_xlim(0, max(most.pairs, 1) * 1.2)
        for at, rule in enumerate(rules):
            axes.text(0, 2 * at + 0.55, drawing.clipped(words.named(rule.rule)), fontsize=10.5, va="center")
            drawing.bar(axes, 2 * at + 1.4, 0.0, rule.pairs, DARK_BLUE, words.short_count(rule.pairs), thick=0.74)

    return Chart(
        "blocking",
        "Pairs that each blocking rule brings together",
        f"A bar for each of {len(rules)} rules, {words.count(sum(r.pairs for r in rules))} pairs in all. The rule with "
        f"the most is “{words.named(most.rule)}”, with {words.count(most.pairs)} pairs.",
        drawing.height_of(2 * len(rules)),
        paint,
    )


def calibration(points: Sequence[Promise]) -> Chart:
    """Draw the share of right links against the probability that was promised."""
    furthest = max(points, key=lambda p: abs(p.promised - p.observed))

    def paint(canvas: Canvas) -> None:
        axes = drawing.plot(canvas, "Probability promised", "Share that was right")
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle="--")
        line = sorted(points, key=lambda p: p.promised)
        axes.plot([p.promised for p in line], [p.observed for p in line], color=DARK_BLUE, linewidth=1.2, marker="o")
        axes.text(0.97, 0.04, "dashed: as promised", fontsize=10, ha="right", color=INK, transform=axes.transAxes)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.04)

    return Chart(
        "calibration",
        "Probability that was promised, and share that was right",
        f"{len(points)} groups of people. The furthest from its promise: {words.probability(furthest.promised)} "
        f"promised, {words.probability(furthest.observed)} right.",
        1.2 * _PLOT_HEIGHT,
        paint,
    )


def accuracy(labels: Labels) -> Chart:
    """Draw precision against recall as people are linked from ever lower probabilities on."""
    marked: list[tuple[str, str, Accuracy]] = []
    if labels.best:
        marked.append(("best F1", "o", labels.best))
    if labels.operating:
        marked.append(("where people are linked", "D", labels.operating))
    said = [
        f"{name}: precision {words.probability(at.precision)}, recall {words.probability(at.recall)}"
        for name, _, at in marked
    ]

    def paint(canvas: Canvas) -> None:
        axes = drawing.plot(canvas, "Recall", "Precision (the axes do not start at 0)")
        line = sorted(labels.curve, key=lambda a: a.threshold)
        axes.plot([a.recall for a in line], [a.precision for a in line], color=DARK_BLUE, linewidth=2)
        for name, mark, at in marked:
            axes.plot([at.recall], [at.precision], mark, markersize=9, color=ORANGE, markeredgecolor=INK, label=name)
        if marked:
            axes.legend(loc="lower left", frameon=False, fontsize=10, handletextpad=0.3)
        axes.margins(0.08)

    return Chart(
        "precision-recall",
        "Precision and recall against labels",
        f"A curve over {len(labels.curve)} thresholds. " + "; ".join(said).capitalize() + ("." if said else ""),
        1.2 * _PLOT_HEIGHT,
        paint,
    )
