"""The linkage page: its structure, its numbers, what it says where a part is missing, and what it refuses."""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from reports import linkage_samples as samples
from reports.test_render import Page

from jdl_spark.errors import InputError
from jdl_spark.linkage import comparison, explain, training
from jdl_spark.linkage.counting import Census, Counts
from jdl_spark.linkage.records import pack
from jdl_spark.reports import linkage_charts, linkage_page, linkage_reading
from jdl_spark.reports import linkage_words as words
from jdl_spark.reports.linkage_document import Session
from jdl_spark.stats import em, fellegi_sunter

PARTS = sorted(set(samples.whole()) - {"title"})
CHARTS = (
    "match-weights", "m-and-u", "weight-histogram", "probabilities", "waterfall-1", "waterfall-2", "completeness",
    "unlinkable", "blocking", "calibration", "precision-recall",
)  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def whole() -> str:
    return linkage_page.render_linkage(samples.whole())


def caption(page: Page, start: str) -> list[list[str]]:
    """Return the rows below the head of the table whose head begins so."""
    return next(table[1:] for table in page.tables if "|".join(table[0]).startswith(start))


@pytest.mark.parametrize("kind", ["whole", "bare"])
def test_structure(kind: str) -> None:
    text = linkage_page.render_linkage(getattr(samples, kind)())
    page = Page(text)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    ids = Counter(a["id"] for _, a in page.tags if "id" in a)
    assert set(ids.values()) == {1}
    for _, attributes in page.tags:
        assert attributes.get("aria-labelledby", "main") in ids
        if (attributes.get("href") or "").startswith("#"):
            assert str(attributes["href"])[1:] in ids
    assert len(page.named("caption")) == len(page.named("table"))
    assert all(a.get("scope") in ("row", "col") for a in page.named("th"))
    assert all(len({len(row) for row in table}) == 1 for table in page.tables)
    assert len(page.named("img")) == (len(CHARTS) if kind == "whole" else 0)
    assert all(len(str(a["alt"])) > 40 and str(a["src"]).startswith("data:image/svg+xml") for a in page.named("img"))
    assert not page.named("script")
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", text)


def test_the_same_document_gives_the_same_bytes(whole: str, tmp_path: Path) -> None:
    assert linkage_page.render_linkage(json.loads(json.dumps(samples.whole()))) == whole
    document = linkage_reading.parse(samples.whole())
    first, second = (linkage_charts.write_charts(document, tmp_path / name) for name in "ab")
    assert [path.name for path in first] == [f"{name}.svg" for name in CHARTS]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    pictures = [base64.b64decode(str(a["src"]).partition(",")[2]) for a in Page(whole).named("img")]
    assert sorted(pictures) == sorted(path.read_bytes() for path in first)


def test_each_chart_is_sound_and_says_what_it_shows(tmp_path: Path) -> None:
    document = linkage_reading.parse(samples.whole())
    for path in linkage_charts.write_charts(document, tmp_path):
        root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
        chart = linkage_charts.charts(document)[path.stem]
        assert root[0].tag == f"{SVG}title"
        assert (root[0].text, root[1].text) == (chart.title, chart.alt)
        assert "Arial" in path.read_text(encoding="utf-8")
        width, height = chart.size
        for text in root.iter(f"{SVG}text"):  # names stand at the left edge, nothing above or below the picture
            place = re.search(r"(?:rotate\(\S+|translate\() ?([-\d.]+) ([-\d.]+)\)", text.get("transform") or "")
            assert place
            assert -1 <= float(place[1]) <= width
            assert 0 <= float(place[2]) <= height + 1


def test_tables_hold_the_numbers_of_the_document(whole: str) -> None:
    page, content = Page(whole), samples.whole()
    weights, chances = caption(page, "Field|Level|Bits"), caption(page, "Field|Level|m|u")
    expected = [
        (field["name"], level, m, u)
        for field in content["model"]["fields"]
        for level, m, u in reversed(list(zip(field["levels"], field["m"], field["u"], strict=True)))
    ]
    assert weights == [[words.field(f), words.level(v), words.bits(math.log2(m / u))] for f, v, m, u in expected]
    for row, (_, _, m, u) in zip(chances, expected, strict=True):
        assert float(row[2]) == pytest.approx(m, rel=0.05)
        assert float(row[3]) == pytest.approx(u, rel=0.05)
    assert caption(page, "Field|Left|Right")[2] == ["Middle names", "22.0%", "41.0%"]
    assert caption(page, "Rule|Pairs|People|Largest key")[-1] == ["PNC", "18,330", "18,330", "1"]
    assert caption(page, "Rule|Keys|Name versions") == [["Names", "3", "41,202"]]
    assert caption(page, "Promised|Right|People")[-1] == ["0.9991", "0.9988", "48,220"]
    assert caption(page, "Bits|Pairs")[0] == ["−40.0 to −38.0", "13,550"]
    assert caption(page, "Pairs that share")[-1] == ["Postcode surname", "20,114", "18,007", "60", "No"]
    linked, best, *_ = caption(page, "Point|Linked from")
    assert (linked[:2], best[:2]) == (["Where people are linked", "0.941"], ["Best F1", "0.5"])
    steps = caption(page, "Field|Level|Level adds")
    assert steps[0] == ["Prior", "–", "−19.2", "–"]
    assert steps[1] == ["Forename", "Same", "+6.3", "+3.1"]
    assert "0.1% are expected to be wrong" in page.text
    assert "2.1% are expected to be missed" in page.text


def test_a_missing_part_says_so_and_names_the_command() -> None:
    page = Page(linkage_page.render_linkage(samples.bare()))
    text = " ".join(page.text.split())
    for section in linkage_page.SECTIONS:
        assert f"This document holds {section.missing}. To get it: {section.command}" in text
    assert "holds no expected shares of wrong and missed links" in text
    assert page.tables == []


@pytest.mark.parametrize("part", PARTS)
def test_each_part_may_be_missing_or_empty_or_alone(part: str) -> None:
    content = samples.whole()
    empty: Any = [] if isinstance(content[part], list) else None
    without = [{key: value for key, value in content.items() if key != part}, {**content, part: empty}]
    assert linkage_page.render_linkage(without[0]) == linkage_page.render_linkage(without[1])
    if part != "left_out":
        assert "This document holds no" in linkage_page.render_linkage(without[0])
    Page(linkage_page.render_linkage({"title": "One part", part: content[part]}))


def test_keys_that_were_left_out_are_told_even_without_counts_of_rules() -> None:
    page = Page(linkage_page.render_linkage({"title": "Keys", "left_out": samples.whole()["left_out"]}))
    assert caption(page, "Rule|Keys|Name versions") == [["Names", "3", "41,202"]]
    assert "This document holds no counts of blocking rules" in page.text


def test_a_trained_model_is_shown_as_it_is_stored() -> None:
    model = fellegi_sunter.Model(training.starting_fields(), 0.8, 1000, training={"sessions": {}})
    document = linkage_reading.parse({"title": "Start", "model": json.loads(model.to_json())})
    assert document.model is not None
    weights = fellegi_sunter.level_weights(model.fields)
    for field, expected in zip(document.model.fields, weights, strict=True):
        assert field.bits == pytest.approx(expected[:-1].tolist())
    page = Page(linkage_page.render(document))
    assert len(caption(page, "Field|Level|Bits")) == sum(len(field.levels) for field in model.fields)


def test_the_report_of_training_is_read_with_its_own_keys() -> None:
    """Sessions as training writes them, from the counts and fits of one."""
    fields = training.starting_fields()
    equal = np.array([[field.levels.index("exact") for field in fields]] * 3, np.int8)
    counts = Counts(*fellegi_sunter.count_patterns(equal, comparison.sizes(fields)))
    unequal = Counts(*fellegi_sunter.count_patterns(np.zeros_like(equal), comparison.sizes(fields)))
    nobody = np.zeros(0, np.int64)
    left = pack(pa.table({"forename": pa.array([], pa.string())}), nobody)
    fit = em.Fit(fields, 2.5, 0.8, (2.5,) * len(fields), tuple(f.u for f in fields), 7, True)
    report = training._report("cohort", left, Census(9, 1.0, unequal, counts, {}, {}, True), {"date": fit})
    model = fellegi_sunter.Model(fields, 0.8, 9, training=report)
    found = linkage_reading.parse({"title": "Trained", "model": json.loads(model.to_json())}).model
    assert found is not None
    assert found.sessions == (Session("date", 3, 2.5, 7, True),)
    assert (found.present, found.identities, found.link_probability) == (0.8, 9, model.link_probability)


def test_a_model_holds_no_chance_of_0_and_bears_the_least_there_is() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        fellegi_sunter.Field("sex", ("else", "exact"), (0.0, 1.0), (0.5, 0.5))
    field = {"name": "pnc", "levels": ["else", "exact"], "m": [5e-324, 1.0], "u": [1.0, 5e-324]}
    text = linkage_page.render_linkage({"title": "T", "model": {"fields": [field], "present": 0.5, "identities": 2}})
    rows = caption(Page(text), "Field|Level|Bits")
    assert rows == [["PNC number", "Same", "+1074.0"], ["PNC number", "Different", "−1074.0"]]


def test_every_level_and_field_has_words_of_its_own() -> None:
    kinds = {kind for known in comparison.KINDS.values() for kind in known} | {"else", explain.MISSING}
    kinds |= {explain.WITH_FORENAME, explain.RELATIVES, explain.VERSIONS}
    said = {kind: words.level(f"{kind} 3" if kind in words.NUMBERED else kind) for kind in kinds}
    assert [kind for kind, text in said.items() if text == words.named(kind) or "_" in text] == []
    assert all(len(words.level(level)) <= 22 for levels in comparison.LEVELS.values() for level in levels)
    fields = {*comparison.FIELDS, explain.RELATIVES, explain.VERSIONS}
    assert {words.field(name) for name in fields}.isdisjoint(fields)
    assert all(words.field(name) != words.named(name) for name in (explain.RELATIVES, explain.VERSIONS, "birth"))


@pytest.mark.parametrize(
    "content",
    [
        {"histogram": [{"from": 0.0, "to": 1.0, "pairs": 0}]},
        {"histogram": [{"from": -1.0, "to": 1.0, "pairs": 0}, {"from": 1.0, "to": 2.0, "pairs": 1}]},
        {"probabilities": [{"from": 0.0, "to": 1.0, "people": 1}]},
        {"unlinkable": [{"weight": 3.0, "share": 0.0}]},
        {"completeness": [{"field": "town", "left": 0.0, "right": 0.0}]},
        {"blocking": [{"rule": "x" * 90, "pairs": 0, "people": 0, "largest_key": 0}]},
        {"calibration": [{"promised": 1.0, "observed": 0.0, "n": 1}]},
        {"waterfall": [{"title": "t", "prior": 0.0, "fields": [], "total": 0.0, "probability": 0.5}]},
        {"model": {"fields": [{"name": "a", "levels": ["else"], "m": [1], "u": [1]}], "present": 1, "identities": 0}},
        {"model": {"fields": [], "present": 0.5, "identities": 3}},
        {"labels": {"precision_recall": [{"threshold": 0.5, "precision": 1, "recall": 1, "f1": 1}], "best": None}},
        {"labels": {"precision_recall": []}},
    ],
)  # fmt: skip
def test_extremes_are_drawn(content: dict[str, Any]) -> None:
    text = linkage_page.render_linkage({"title": "Small", **content})
    Page(text)
    for picture in re.findall(r"base64,([^\"]+)", text):
        assert "nan" not in base64.b64decode(picture).decode().lower()


def test_the_points_that_are_marked_lie_within_the_picture() -> None:
    content = samples.whole()["labels"]
    content["at_operating_point"] |= {"recall": 0.2, "precision": 0.6}
    labels = linkage_reading.parse({"title": "Labels", "labels": content})
    root = ElementTree.fromstring(linkage_charts.charts(labels)["precision-recall"].draw())
    width, height = linkage_charts.charts(labels)["precision-recall"].size
    marks = [use for use in root.iter(f"{SVG}use") if "#f46a25" in (use.get("style") or "")]
    assert len(marks) == 4  # both in the plot and in the legend
    assert all(0 < float(use.attrib["x"]) < width and 0 < float(use.attrib["y"]) < height for use in marks)


def test_thresholds_as_good_as_1_are_shown_once() -> None:
    rates = {"precision": 1.0, "f1": 0.9}
    thresholds = {1.0: 0.2, 0.9999999: 0.8, 0.5: 0.95, 0.99999999: 0.7}
    curve = [{"threshold": at, "recall": recall, **rates} for at, recall in thresholds.items()]
    page = Page(linkage_page.render_linkage({"title": "Easy", "labels": {"precision_recall": curve}}))
    shown = [row[1:4] for row in caption(page, "Point|Linked from")]
    assert shown == [["0.5", "100.00%", "95.00%"], ["over 0.999999", "100.00%", "80.00%"]]


def test_counts_of_nothing_are_a_table_with_a_nought() -> None:
    bins = [{"from": 0.0, "to": 0.5, "people": 0}, {"from": 0.5, "to": 1.0, "people": 0}]
    page = Page(linkage_page.render_linkage({"title": "Nobody", "probabilities": bins}))
    assert caption(page, "Probability|People") == [["0 to 1", "0"]]


def test_hostile_text_stays_text() -> None:
    content = samples.whole()
    content["title"] = "<script>alert('x')</script>{{ 7 * 7 }}"
    content["blocking"][0]["rule"] = "</title><b>&\"'"
    content["waterfall"][0]["title"] = "</desc><script>"
    text = linkage_page.render_linkage(content)
    assert "<script" not in text
    assert "{{ 7 * 7 }}" in text
    for picture in re.findall(r"base64,([^\"]+)", text):
        ElementTree.fromstring(base64.b64decode(picture).decode())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": 3}, "the linkage document: `title` must be a text"),
        ({"title": "x" * 201}, "`title` must be a text of at most 200 characters"),
        ({"model": {"present": 0.5, "identities": 1, "training": {"sessions": {"date": {
            "pairs": 1, "matches": 1, "iterations": 1, "converged": "no"}}}}}, "`converged` must be true or false"),
        ({"histogram": {"from": 1}}, "`histogram` must be a list"),
        ({"histogram": [7]}, "histogram[0] must be a mapping"),
        ({"histogram": [{"from": 0, "to": 1}]}, "histogram[0] lacks `pairs`"),
        ({"histogram": [{"from": 2, "to": 1, "pairs": 1}]}, "histogram[0]: `from` must be below `to`"),
        ({"histogram": [{"from": 0, "to": 2, "pairs": 1}, {"from": 1, "to": 3, "pairs": 1}]}, "must rise"),
        ({"histogram": [{"from": 0, "to": 1, "pairs": -1}]}, "histogram[0]: `pairs` must lie between 0 and inf"),
        ({"histogram": [{"from": 0, "to": 1, "pairs": 1.5}]}, "`pairs` must be a whole number"),
        ({"probabilities": [{"from": 0, "to": 1.5, "people": 1}]}, "`to` must lie between 0 and 1"),
        ({"unlinkable": [{"weight": float("nan"), "share": 0.1}]}, "unlinkable[0]: `weight` must be a number"),
        ({"completeness": [{"field": "sex", "left": True, "right": 1}]}, "`left` must be a number"),
        ({"rates": {"expected_false_links": 2, "expected_missed_links": 0}}, "rates: `expected_false_links` must lie"),
        ({"waterfall": [{"title": "t", "prior": 0, "fields": [{"name": "surname", "level": "PETERSON", "bits": 1}],
                         "total": 1, "probability": 0.5}]}, "fields[0]: `level` must be an agreement level"),
        ({"model": {"fields": [{"name": "sex", "levels": ["else", "exact"], "m": [0.1, 0.9], "u": [0.5]}],
                    "present": 0.5, "identities": 1}}, "must give one m and one u for each of its levels"),
        ({"model": {"fields": [{"name": "sex", "levels": ["else"], "m": [0], "u": [1]}], "present": 0.5,
                    "identities": 1}}, "`m[0]` must be above 0: a level that can never occur"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_without_its_value(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        linkage_page.render_linkage({"title": "T", **change})
    assert said in str(error.value)
    assert "PETERSON" not in str(error.value)


def test_a_file_is_read_or_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "linkage.json"
    with pytest.raises(InputError, match=r"there is no linkage document at .*linkage\.json"):
        linkage_reading.read(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        linkage_reading.read(path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match=r"linkage\.json: the linkage document must be a mapping"):
        linkage_reading.read(path)
    path.write_text(json.dumps(samples.whole()), encoding="utf-8")
    assert linkage_reading.read(path) == linkage_reading.parse(samples.whole())
