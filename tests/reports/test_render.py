from __future__ import annotations

import base64
import csv
import io
import itertools
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from reports import samples

from jdl_spark.errors import InputError
from jdl_spark.reports import charts, files, html, render, render_index
from jdl_spark.reports import csv as csv_table
from jdl_spark.results import ResultDocument

VOID = {"meta", "img", "br", "link", "hr"}


class Page(HTMLParser):
    """What the tests ask of a page: its tags, headings, table rows, and that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            return
        self.text += data
        if any(tag in self._open for tag in ("th", "td")):
            self.tables[-1][-1][-1] += data

    @property
    def rows(self) -> list[list[str]]:
        return [row for table in self.tables for row in table]

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def table_of(document: ResultDocument) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_table.table(document))))


@pytest.mark.parametrize("kind", samples.all_kinds())
def test_page_structure(kind: str) -> None:
    text = html.report(samples.all_kinds()[kind])
    page = Page(text)
    assert page.named("html") == [{"lang": "en-GB"}]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    ids = Counter(a["id"] for _, a in page.tags if "id" in a)
    assert set(ids.values()) == {1}
    for _, attributes in page.tags:
        assert attributes.get("aria-labelledby", "main") in ids
        if (attributes.get("href") or "").startswith("#"):
            assert str(attributes["href"])[1:] in ids
        assert not {"colspan", "rowspan"} & set(attributes)
    assert len(page.named("caption")) == len(page.named("table"))
    assert all(a.get("scope") in ("row", "col") for a in page.named("th"))
    assert all(a.get("alt") and str(a["src"]).startswith("data:image/svg+xml") for a in page.named("img"))
    assert all(a.get("tabindex") == "0" and a.get("aria-label") for a in page.named("div") if a.get("role") == "region")
    assert all(len({len(row) for row in table}) == 1 for table in page.tables)
    assert page.tags[[t for t, _ in page.tags].index("body") + 1][1]["class"] == "skip"
    assert "default-src 'none'" in text
    assert not page.named("script")
    assert "GDS Transport" not in text
    assert not re.search(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", text)


def test_hostile_text_stays_text() -> None:
    name = "<script>alert('x')</script>"
    document = samples.published(
        request=samples.request(
            organisation={"name": name}, service={"name": "=cmd()", "description": "{{ 7 * 7 }}<b>"}
        )
    )
    text = html.report(document)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "{{ 7 * 7 }}&lt;b&gt;" in text
    row = table_of(document)[0]
    assert row["organisation"] == name
    assert row["service"] == "'=cmd()"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0"])
def test_no_text_cell_is_a_formula(start: str) -> None:
    assert csv_table.safe_text(f"{start}SUM(A1)").startswith("'")


def test_numbers_stay_numbers_in_csv() -> None:
    assert [csv_table.safe_text(text) for text in ("-12", "-0.54", "1,204")] == ["-12", "-0.54", "1,204"]


@pytest.mark.parametrize("kind", ["reduction", "null", "increase"])
def test_page_csv_and_json_give_the_same_numbers(kind: str) -> None:
    document = samples.all_kinds()[kind]
    content = json.loads(document.to_json())
    page = Page(html.report(document))
    rows = table_of(document)
    for measure in content["measures"]:
        printed = {r["statistic"] + r["group"]: r for r in rows if r["item"] == measure["outcome"]}
        names = {
            "peopletreatment": "n_treated", "peoplecomparison": "n_comparison", "meantreatment": "treated",
            "meancomparison": "comparison", "estimatedifference": "difference", "interval fromdifference": "ci_low",
            "interval todifference": "ci_high", "p-valuedifference": "p_value",
        }  # fmt: skip
        for key, name in names.items():
            figure = measure[name]
            assert printed[key]["text"] == figure["text"]
            assert (printed[key]["value"] == "") == (figure["value"] is None)
            if figure["value"] is not None:
                assert float(printed[key]["value"]) == figure["value"] == float(figure["text"].replace(",", ""))
        row = next(r for r in page.rows if r[0] == measure["title"])
        interval = f"{measure['ci_low']['text']} to {measure['ci_high']['text']}"
        if measure["status"] == "withheld":
            interval = measure["ci_low"]["text"]
        shown = [measure[name]["text"] for name in ("n_treated", "n_comparison", "treated", "comparison", "difference")]
        assert row[2:8] == [*shown, interval]
        assert row[9] == measure["p_value"]["text"]
        assert row[8] == {True: "Yes", False: "No", None: measure["p_value"]["text"]}[measure["significant"]]
    for line in content["attrition"]["rows"]:
        row = next(r for r in page.rows if r[0] == line["label"])
        assert row[1].split(" ")[0] == line["people"]["text"]
        assert row[2].strip() == line["left"]["text"]


def test_no_unrounded_number_is_printed() -> None:
    document = samples.published()
    text = html.report(document) + csv_table.table(document)
    for measure in document.measures:
        assert measure.unrounded is not None
        for value in (measure.unrounded.att, measure.unrounded.ci_low, measure.unrounded.ci_high):
            assert repr(value) not in text


def test_charts_are_the_same_bytes_and_say_the_figures() -> None:
    for measure in samples.published().measures:
        svg = charts.draw(measure)
        assert svg == charts.draw(measure)
        root = ElementTree.fromstring(svg)
        texts = {"".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("text")}
        figures = (measure.treated, measure.comparison, measure.difference, measure.ci_low, measure.ci_high)
        assert {figure.text for figure in figures} <= texts
        assert {"Treatment group", "Comparison group"} <= texts
        assert "DejaVu" not in svg
        assert "Arial, Helvetica, sans-serif" in svg
        assert "<dc:date>" not in svg
        assert measure.difference.text in measure.chart_alt


def test_a_withheld_measure_has_no_chart() -> None:
    document = samples.all_kinds()["null"]
    assert len(Page(html.report(document)).named("img")) == 3
    with pytest.raises(ValueError, match="without a number"):
        charts.draw(document.measures[2])


def test_extreme_figures_can_be_drawn() -> None:
    row = samples.estimate("reoffences", 0.0, 0.0, 0.0, 1.0)
    measure = samples.published([samples.REDUCTION[0], row]).measures[1]
    assert "0.00" in charts.draw(measure)


def test_synthetic_runs_carry_a_banner_and_others_do_not() -> None:
    assert "Every person, organisation and result on this page is invented" in html.report(samples.published())
    real = samples.published(run={**samples.RUN, "synthetic": False, "published_on": "2026-11-26"})
    text = Page(html.report(real)).text
    assert "invented" not in text
    assert "Official statistics" in text
    assert "Published 26 November 2026." in text


def test_render_writes_the_files(tmp_path: Path) -> None:
    document = samples.published()
    source = tmp_path / "result.json"
    source.write_text(document.to_json(), encoding="utf-8")
    written = render(source, tmp_path / "out" / "deep")
    assert [path.name for path in written] == ["index.html", "results.csv", "csv-metadata.json", "result.json"]
    assert (tmp_path / "out/deep/result.json").read_bytes() == source.read_bytes()
    content = (tmp_path / "out/deep/results.csv").read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n")
    described = json.loads((tmp_path / "out/deep/csv-metadata.json").read_text(encoding="utf-8"))
    header = content.split(b"\r\n", 1)[0].decode().split(",")
    assert [column["name"] for column in described["tableSchema"]["columns"]] == header
    before = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in render(source, tmp_path / "out" / "deep")] == before


def test_what_cannot_be_rendered_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no result document at"):
        render(tmp_path / "missing.json", tmp_path)
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match=re.escape("bad.json")):
        render(tmp_path / "bad.json", tmp_path)
    with pytest.raises(InputError, match="there are no documents"):
        render_index(tmp_path, tmp_path / "out")


def keep(folder: Path, document: ResultDocument) -> None:
    path = folder / document.request.request_id / document.provenance.run_id / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(document.to_json(), encoding="utf-8")


def test_index_lists_every_request_alphabetically_and_newest_first(tmp_path: Path) -> None:
    documents, out = tmp_path / "documents", tmp_path / "out"
    (documents / "_runs" / "r1").mkdir(parents=True)
    named = {"zebra": "Z-1", "Alpha": "A-1", "beta": "B-1"}
    for organisation, request_id in named.items():
        request = samples.request(request_id=request_id, organisation={"name": organisation})
        keep(documents, samples.published(request=request))
    alpha = samples.request(request_id="A-1", organisation={"name": "Alpha"})
    again = {**samples.RUN, "run_id": "again", "started_at": "2026-11-21T09:30:00+00:00"}
    newer = {**samples.RUN, "run_id": "newer", "release_id": "2012", "outcomes_to": "2014-06-30"}
    keep(documents, samples.published(samples.INCREASE, request=alpha, run=again))
    keep(documents, samples.unpublished("waiting", "follow_up_not_complete", "x", request=alpha, run=newer))
    written = render_index(documents, out)
    assert written[0] == out / "index.html"
    text = (out / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    links = [str(a["href"]) for a in page.named("a")]
    assert links == ["#main", "A-1/index.html", "A-1/2011/index.html", "B-1/index.html", "Z-1/index.html"]
    assert all((out / link).is_file() for link in links[1:])
    assert "Waiting for data" in text
    newest = files.read(out / "A-1/result.json")
    earlier = files.read(out / "A-1/2011/result.json")
    assert (newest.provenance.run_id, earlier.provenance.run_id) == ("newer", "again")


def test_no_name_of_a_folder_leaves_the_folder(tmp_path: Path) -> None:
    document = samples.published(run={**samples.RUN, "release_id": "../../x"})
    keep(tmp_path / "documents", document)
    other = samples.published(run={**samples.RUN, "run_id": "r2", "release_id": "z"})
    keep(tmp_path / "documents", other)
    with pytest.raises(InputError, match="cannot name a folder"):
        render_index(tmp_path / "documents", tmp_path / "out")


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("ink", "paper", "least"),
    [("#0b0c0c", "#ffffff", 7), ("#484f54", "#ffffff", 7), ("#484f54", "#f2f5f9", 7), ("#12436d", "#f2f5f9", 7),
     ("#ffffff", "#12436d", 7), ("#0b4f9c", "#ffffff", 7), ("#00703c", "#ffffff", 4.5), ("#b35900", "#ffffff", 4.5),
     ("#b3122a", "#ffffff", 4.5), ("#0b0c0c", "#fff3d6", 7), ("#f46a25", "#ffffff", 3), ("#505a5f", "#ffffff", 4.5)],
)  # fmt: skip
def test_colours_of_the_style_sheet_contrast(ink: str, paper: str, least: float) -> None:
    css = str(html.environment().globals["css"]) + Path(charts.__file__).read_text(encoding="utf-8")
    assert ink.lower() in css.lower() or ink == "#ffffff"
    assert contrast(ink, paper) >= least


def test_chart_uri_is_the_chart() -> None:
    measure = samples.published().measures[0]
    uri = html.chart_uri(measure)
    assert base64.b64decode(uri.split(",", 1)[1]).decode() == charts.draw(measure)


def test_a_page_is_titled_by_its_service_and_offers_figures_only_where_there_are_any() -> None:
    kinds = samples.all_kinds()
    page = html.report(kinds["reduction"])
    assert "support from Bridge Trust: Bridge mentoring</title>" in page
    assert 'href="results.csv"' in page
    assert 'href="results.csv"' in html.report(kinds["too_few"])  # its attrition
    assert 'href="results.csv"' not in html.report(kinds["refused"])


def test_shares_in_the_table_of_figures_carry_their_unit() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_table.table(samples.all_kinds()["reduction"]))))
    means = {row["item"]: row for row in rows if row["section"] == "balance" and row["statistic"] == "mean"}
    assert (means["ethnicity_black"]["unit"], means["ethnicity_black"]["value"]) == ("per cent", "54")
    assert means["age"]["unit"] == ""
