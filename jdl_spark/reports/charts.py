"""One chart a measure: both groups as bars, and the difference with its interval below.

Why this form: what is estimated is the difference, so the interval is drawn on the difference. Bars
start at zero and carry their numbers; groups are named in words, so nothing rests on colour. The
same figures give the same bytes: fixed hash salt, no date, text kept as text.

Guidance: Government Analysis Function, "Data visualisation: charts" and "Data visualisation: colours
in charts" (dark blue and orange for two groups).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jdl_spark.results import Figure, Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

DARK_BLUE, ORANGE, INK, GREY = "#12436D", "#F46A25", "#0b0c0c", "#505a5f"
WIDTH, HEIGHT = 4.3, 3.5  # inches; 310 units, about the width of a phone's page, so text keeps its size there
_SETTINGS: Any = {
    "svg.hashsalt": "jdl_spark",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",  # ships with matplotlib and is wider than Arial, so nothing overflows
    "font.size": 11,
    "text.color": INK,
    "axes.unicode_minus": False,
}
_WORDS = {
    "reoffended": ("fewer {who}", "more {who}"),
    "reoffences": ("fewer reoffences", "more reoffences"),
    "days_to_first": ("earlier", "later"),
    "days_free": ("less time", "more time"),
}


def draw(measure: Measure) -> str:
    """Return the measure's chart as SVG text.

    Parameters
    ----------
    measure : Measure
        A published one; only its rounded figures are drawn.
    """

    def paint(canvas: Canvas) -> None:
        _groups(canvas.add_axes((0.03, 0.5, 0.94, 0.48)), measure)
        _difference(canvas.add_axes((0.06, 0.17, 0.88, 0.16)), measure)
        canvas.text(0.03, 0.4, f"Difference with 95% interval, {measure.difference_unit}", fontsize=10, color=GREY)

    return svg(HEIGHT, paint)


def svg(height: float, paint: Callable[[Canvas], None]) -> str:
    """Return a chart as SVG text, in the house's type and with the same bytes for the same strokes.

    Parameters
    ----------
    height : inches; every chart is WIDTH wide
    paint : draws on the empty canvas
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as NewCanvas

    with mpl.rc_context(_SETTINGS):
        canvas = NewCanvas(figsize=(WIDTH, height))
        FigureCanvasSVG(canvas)
        paint(canvas)
        target = io.StringIO()
        canvas.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return target.getvalue().replace("'DejaVu Sans'", "Arial, Helvetica, sans-serif")


def _number(figure: Figure) -> float:
    if figure.value is None:
        raise ValueError("a figure without a number cannot be drawn")
    return figure.value


def _groups(axes: Axes, measure: Measure) -> None:
    """Draw a bar for each group, from zero, with name and number beside it."""
    groups = (
        (1.0, "Treatment group", measure.treated, DARK_BLUE),
        (0.0, "Comparison group", measure.comparison, ORANGE),
    )
    largest = max(_number(figure) for _, _, figure, _ in groups) or 1.0
    for height, name, figure, colour in groups:
        axes.barh(height, _number(figure), height=0.46, color=colour)
        axes.vlines(0, height - 0.3, height + 0.3, color=INK, linewidth=1.2)
        axes.text(0, height + 0.3, name, va="bottom")
        axes.text(_number(figure) + largest * 0.015, height, figure.text, va="center", fontsize=15, fontweight="bold")
    axes.text(largest * 1.2, -0.5, measure.unit, ha="right", fontsize=10, color=GREY)
    axes.set_xlim(-largest * 0.005, largest * 1.2)
    axes.set_ylim(-0.5, 1.66)
    axes.axis("off")


def _difference(axes: Axes, measure: Measure) -> None:
    """Draw the difference as a dot on its interval, with zero marked."""
    low, high, middle = _number(measure.ci_low), _number(measure.ci_high), _number(measure.difference)
    reach = max(abs(low), abs(high)) * 1.3 or 1.0
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-1, 1)
    axes.vlines(0, -1.1, 0.45, color=INK, linewidth=1.2, clip_on=False)
    axes.hlines(0, low, high, color=INK, linewidth=2.4)
    axes.vlines([low, high], -0.3, 0.3, color=INK, linewidth=2.4)
    axes.plot([middle], [0], marker="o", markersize=9, color=INK)
    _label(axes, [(low, measure.ci_low.text), (middle, measure.difference.text), (high, measure.ci_high.text)], reach)
    who = measure.unit.partition(" ")[0]
    less, more = (words.format(who=who) for words in _WORDS[measure.outcome])
    axes.text(-reach, -1.9, f"← {less}", va="center", fontsize=10)
    axes.text(reach, -1.9, f"{more} →", va="center", ha="right", fontsize=10)
    axes.text(0, -1.9, "0", va="center", ha="center", fontsize=10)
    axes.axis("off")


def _label(axes: Axes, labels: list[tuple[float, str]], reach: float) -> None:
    """Write numbers above the interval; an end too close to the middle gives way to both sides."""
    (low, low_text), (middle, text), (high, high_text) = labels
    gap = reach * 0.06 * max(len(low_text), len(text), len(high_text))
    style: dict[str, Any] = {"va": "bottom", "ha": "center"}
    axes.text(min(low, middle - gap), 0.55, low_text, fontsize=11, **style)
    axes.text(middle, 0.55, text, fontsize=13, fontweight="bold", **style)
    axes.text(max(high, middle + gap), 0.55, high_text, fontsize=11, **style)
