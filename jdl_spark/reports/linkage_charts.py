"""Every chart of a linkage that its document has the figures for, each as one SVG with its words.

Why drawn small and tall: a chart is as wide as a phone's page, so its text keeps its size there; what has
many rows gets its room downwards. Nothing rests on colour: bars carry numbers, lines carry names, and
every chart has a text that says what is to be seen.
"""

from __future__ import annotations

from pathlib import Path

from jdl_spark.reports.linkage_document import LinkageDocument
from jdl_spark.reports.linkage_drawing import Chart
from jdl_spark.reports.linkage_found_charts import blocking, completeness, histogram, probabilities, unlinkable
from jdl_spark.reports.linkage_model_charts import m_and_u, waterfall, weights
from jdl_spark.reports.linkage_trust_charts import accuracy, calibration


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
