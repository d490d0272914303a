"""The strokes that the charts of a linkage share: rows with names and bars, columns, and a quiet frame."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from jdl_spark.reports import linkage_words as words
from jdl_spark.reports.charts import DARK_BLUE, GREY, INK, WIDTH, svg
from jdl_spark.reports.linkage_document import Bin, Field

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

TEXT, SMALL = 11, 10
"""Units of the type: a chart is printed at four fifths of its size, where less could not be read."""
PLOT_HEIGHT = 2.9
"""Inches of a chart with two axes."""
ONE_LINE, TWO_LINES = 0.235, 0.35
"""Inches of a row with one line of text, and with two."""
_LINE = "#c4cad0"
_UNITS = 72  # units of an SVG's size to the inch
_BETWEEN = 1.35
"""Rows that a field's name takes above its levels."""
_LINE_LENGTH = 48  # characters of a text over a bar


@dataclass(frozen=True)
class Chart:
    """One chart and its words.

    Attributes
    ----------
    name : file name without its end
    title : what is drawn, as a caption
    alt : what is to be seen, for those who do not see it
    height : inches
    """

    name: str
    title: str
    alt: str
    height: float
    paint: Callable[[Canvas], None]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the units of the SVG."""
        return round(WIDTH * _UNITS), round(self.height * _UNITS)

    def draw(self) -> str:
        """Return the chart as SVG text with its title and description; the same bytes every time."""
        head = f"<title>{escape(self.title)}</title>\n <desc>{escape(self.alt)}</desc>\n "
        start, tag, rest = svg(self.height, self.paint).partition("<metadata>")  # the title must come first
        return start + head + tag + rest


def height_of(rows: float, inches: float = ONE_LINE) -> float:
    """Return the height in inches of a chart of rows."""
    return rows * inches


def rows_of_levels(fields: Sequence[Field]) -> float:
    """Return how many rows all levels take, with a row for each field's name."""
    return sum(len(field.levels) + _BETWEEN for field in fields)


def levels_height(fields: Sequence[Field]) -> float:
    """Return the height in inches of a chart with a row for each level."""
    return height_of(rows_of_levels(fields))


def level_rows(fields: Sequence[Field]) -> Iterator[tuple[float, Field, int]]:
    """Yield the middle of each level's row, its field and its place in it; the highest level of a field comes first."""
    row = 0.0
    for field in fields:
        row += _BETWEEN
        for place in reversed(range(len(field.levels))):
            yield row + 0.5, field, place
            row += 1


def rows_axes(canvas: Canvas, rows: float, left: float, width: float) -> Axes:
    """Return axes without a frame that count rows from the top."""
    axes = canvas.add_axes((left, 0.0, width, 1.0))
    axes.set_ylim(rows, 0)
    axes.axis("off")
    return axes


def level_rows_axes(canvas: Canvas, fields: Sequence[Field], left: float, width: float, named: bool = True) -> Axes:
    """Return axes with a row for each level; if `named`, fields and levels are written left of them."""
    axes = rows_axes(canvas, rows_of_levels(fields), left, width)
    for row, field, place in level_rows(fields) if named else ():
        if place == len(field.levels) - 1:
            _name(axes, row - 1.05, words.field(field.name), fontweight="bold")
        _name(axes, row, words.level(field.levels[place]))
    return axes


def two_lines(axes: Axes, row: float, name: str, more: str) -> None:
    """Write a row's name at the left edge of the chart, and in grey what it adds."""
    both = bool(name and more)
    _name(axes, row - 0.2 * both, name)
    _name(axes, row + 0.24 * both, more, fontsize=SMALL, color=GREY)


def _name(axes: Axes, row: float, text: str, **style: Any) -> None:
    box = axes.get_position()
    edge = (0.02 - box.x0) / box.width
    at: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "clip_on": False, "fontsize": TEXT}
    axes.text(edge, row, text, **(at | style))


def make_room(axes: Axes, low: float, high: float) -> None:
    """Set the range of bars that go both ways, with room for their numbers and a line at zero."""
    low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * 0.3 or 1.0
    axes.set_xlim(low - room, high + room)
    axes.axvline(0, color=INK, linewidth=1, zorder=0)


def bar(axes: Axes, row: float, start: float, length: float, colour: str, text: str, thick: float = 0.62) -> None:
    """Draw one bar and its number beyond its end."""
    axes.barh(row, length, left=start, height=thick, color=colour)
    forward = length >= 0
    axes.annotate(
        text, (start + length, row), (3 if forward else -3, 0), textcoords="offset points", va="center", fontsize=TEXT,
        ha="left" if forward else "right", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
    )  # fmt: skip


def plot(canvas: Canvas, below: str, above: str) -> Axes:
    """Return axes with a quiet frame, and what they measure written below and above them."""
    axes = canvas.add_axes((0.14, 0.2, 0.82, 0.66))
    axes.set_xlabel(below, fontsize=TEXT)
    axes.text(-0.13, 1.08, above, transform=axes.transAxes, fontsize=TEXT, color=GREY)
    axes.tick_params(labelsize=TEXT, color=_LINE, length=3)
    for side, spine in axes.spines.items():
        spine.set_color(_LINE)
        spine.set_visible(side in ("left", "bottom"))
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=_LINE, linewidth=0.6)
    return axes


def remark(axes: Axes, right: float, up: float, text: str, **style: Any) -> None:
    """Write a remark within a chart, readable over lines and columns; its place as shares of the axes."""
    blank = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(right, up, text, transform=axes.transAxes, fontsize=TEXT, bbox=blank, **style)


def columns(axes: Axes, bins: Sequence[Bin]) -> None:
    """Draw counts as columns on a scale where each line is ten times the last; an empty bin stays empty."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    full = [b for b in bins if b.count]  # the logarithm of nothing has no place
    if full:
        axes.bar(
            [b.low for b in full], [b.count for b in full], width=[b.high - b.low for b in full], align="edge",
            color=DARK_BLUE, edgecolor="white", linewidth=0.4,
        )  # fmt: skip
    axes.set_xlim(bins[0].low, bins[-1].high)
    axes.set_ylim(0.7, max(b.count for b in bins) * 2 + 10)
    axes.yaxis.set_major_locator(LogLocator(base=10, numticks=20))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.short_count(value)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))


def line(points: Sequence[object]) -> dict[str, Any]:
    """Return how a line through points is drawn; a point alone is a dot."""
    return {"color": DARK_BLUE, "linewidth": 2.2, "marker": "o" if len(points) == 1 else None}


def up_to_one(limit: Callable[[float, float], Any], shares: Sequence[float]) -> None:
    """Set the range of an axis of shares from the least of them to 1, and never less than a hundredth of it."""
    span = max(1 - min(shares), 0.01)
    limit(1 - 1.08 * span, 1 + 0.08 * span)


def wrapped(text: str) -> list[str]:
    """Return a text as one or two lines that are no longer than a chart is wide.

    Examples
    --------
    >>> wrapped("forename up to nickname, first letter of the surname, month and day of birth")
    ['forename up to nickname, first letter of the', 'surname, month and day of birth']
    """
    return textwrap.wrap(text, _LINE_LENGTH, max_lines=2, placeholder="…") or [""]
