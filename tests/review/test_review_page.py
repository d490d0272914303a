"""The page and the file that a reviewer decides in: what is marked, what is escaped, what adds up."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_cases import HEADING, candidate, case, explanation, texts

from jdl_spark.linkage.comparison import KINDS, LEVELS
from jdl_spark.linkage.explain import MISSING, RELATIVES, WITH_FORENAME
from jdl_spark.review import page, table, words
from jdl_spark.review.people import FIELDS, differences, digest, shown

ANN = texts("Katherine", "Zoë", "O'Brien-MacDonald", "05/03/1980", "F", "LS1 4AB")
HOSTILE = texts("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "D'Arcy & Sons", "01/01/1970", "M",
                "{{ 7*7 }}", "=1+1")  # fmt: skip


class Seen(HTMLParser):
    """Elements, their attributes and the texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# --- marks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("submitted", "national", "mine", "theirs"),
    [
        ("Jon", "John", "", "h"),
        ("BRIAN", "brian", "", ""),
        ("05/03/1980", "05/03/1990", "8", "9"),
        ("Zoë", "Zoe", "ë", "e"),
        ("Zoe\u0308", "Zoë", "", ""),
        ("Smith", "Kowalczyk", "Smith", "Kowalczyk"),
        ("", "Smith", "", ""),
        ("Smith", "", "", ""),
    ],
)
def test_letters_that_differ_are_marked(submitted: str, national: str, mine: str, theirs: str) -> None:
    left, right = differences(shown(submitted), shown(national))
    assert "".join(text for text, marked in left if marked) == mine
    assert "".join(text for text, marked in right if marked) == theirs


@given(st.text(max_size=12), st.text(max_size=12))
def test_marks_change_no_text_and_unmarked_letters_are_common(submitted: str, national: str) -> None:
    left, right = differences(submitted, national)
    assert "".join(text for text, _ in left) == submitted
    assert "".join(text for text, _ in right) == national
    if submitted and national:
        common = ["".join(text for text, marked in side if not marked).casefold() for side in (left, right)]
        assert common[0] == common[1]


def test_what_cannot_be_seen_is_shown() -> None:
    assert shown("Ann\u202eA\x00\tB") == "Ann\ufffdA\ufffd B"
    assert shown(date(1980, 3, 5)) == "05/03/1980"


def test_a_digest_is_of_the_person_and_not_of_the_intervention() -> None:
    person = {"forename": "Ann", "surname": "Lee", "date_of_birth": date(1980, 3, 5), "site": "Leeds"}
    assert digest(person) == digest(person | {"site": "York"})
    assert len({digest(person), digest(person | {"surname": "Lea"}), digest(person | {"pnc_id": "1"})}) == 3


# --- page ---------------------------------------------------------------------------------


def test_nothing_that_a_name_holds_becomes_part_of_the_page() -> None:
    told = candidate("p1", HOSTILE, earlier="Cannot say, by <b>A. Lee</b>")
    seen = Seen(page.render(HEADING, [case("00001", HOSTILE, told)]))
    tags = [tag for tag, _ in seen.tags]
    assert tags.count("script") == 1
    assert not {"img", "b", "iframe", "link"} & set(tags)
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    for text in (*HOSTILE.values(), "Cannot say, by <b>A. Lee</b>"):
        assert text in "".join(seen.texts)


def test_the_content_policy_lets_nothing_in_or_out_but_our_own_script_and_style() -> None:
    text = page.render(HEADING, [case("00001", ANN, candidate("p1", ANN))])
    policy = next(
        attributes["content"] for tag, attributes in Seen(text).tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )  # fmt: skip
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for element, rule in (("style", "style-src"), ("script", "script-src")):
        body = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest_ = base64.b64encode(hashlib.sha256(body[0].encode()).digest()).decode()
        assert len(body) == 1
        assert rules[element + "-src"] == rules[rule] == f"'sha256-{digest_}'"
    assert not re.search(r"https?://|url\(|@import|\bstyle=", text)


def test_every_control_has_a_name_and_every_identifier_is_used_once() -> None:
    cases = [case(f"{row:05}", ANN, candidate(f"p{row}", ANN, HOSTILE), candidate(f"q{row}", ANN)) for row in (1, 2)]
    seen = Seen(page.render(HEADING, cases))
    ids = [str(attributes["id"]) for _, attributes in seen.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {str(attributes["for"]) for tag, attributes in seen.tags if tag == "label" and "for" in attributes}
    texts_ = [attributes for tag, attributes in seen.tags if tag == "input" and attributes.get("type") == "text"]
    assert {str(attributes["id"]) for attributes in texts_} <= named
    assert all(attributes["aria-labelledby"] in ids for tag, attributes in seen.tags if tag in ("section", "article"))
    radios = [attributes["value"] for tag, attributes in seen.tags if tag == "input" and attributes["type"] == "radio"]
    assert radios == [*words.DECISIONS] * 4
    assert not any("checked" in attributes for tag, attributes in seen.tags if attributes.get("type") == "radio")


def test_a_waterfall_adds_up_and_is_drawn_where_it_belongs() -> None:
    told = explanation(-18.0)
    lines = page.lines(
        case("00001", ANN, candidate("p1", ANN, explanation=told)), candidate("p1", ANN, explanation=told)
    )
    steps = [line for line in lines if line.kind in ("start", "field", "adjust")]
    assert sum(line.bits or 0 for line in steps) == pytest.approx(told["total"])
    assert [line.kind for line in lines].count("adjust") == 1
    assert lines[-1].kind == "total"
    assert lines[-1].bits == told["total"]
    reached, spread = 0.0, page.CHART_WIDTH / (4.5 + 18.0 - 0.0 - 0.8)  # from -18 to the highest sum, +3.7
    for line in steps:
        low, high = sorted((reached, reached + (line.bits or 0)))
        assert line.start == pytest.approx((low + 18.0) * spread, abs=0.02)
        assert line.width == pytest.approx((high - low) * spread, abs=0.02)
        reached += line.bits or 0


def test_a_field_that_the_model_does_not_compare_is_still_shown() -> None:
    told = explanation(levels=[("forename", "exact", 5.0, 0.0)])
    one = candidate("p1", ANN, explanation=told)
    lines = page.lines(case("00001", ANN, one), one)
    assert {line.name for line in lines} >= set(FIELDS.values())
    assert [line.words for line in lines].count("not compared") == len(FIELDS) - 1


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("else", "different"), ("exact", "the same"), ("swapped 0.92", "forename and surname are swapped"),
        ("levenshtein 1", "alike (at most 1 letter changed, added or left out)"),
        ("damerau 2", "alike (at most 2 letters changed, added, left out or swapped)"),
        ("date_difference 31", "at most 31 days apart"), ("some_new_level", "some new level"),
    ],
)  # fmt: skip
def test_levels_in_words(level: str, expected: str) -> None:
    assert words.level(level) == expected


def test_every_level_that_a_model_can_have_has_words() -> None:
    numbered = {"jaro_winkler": "0.8", "levenshtein": "1", "damerau": "1", "date_difference": "31", "swapped": "0.92"}
    known = {text for levels in LEVELS.values() for text in levels} | {MISSING, WITH_FORENAME, RELATIVES}
    known |= {f"{kind} {numbered.get(kind, '')}".strip() for kinds in KINDS.values() for kind in kinds}
    for level in known:
        assert words.level(level) != level.replace("_", " "), level


def test_an_address_of_another_version_says_so_and_what_is_no_field_has_its_own_line() -> None:
    moved = ANN | {"postcode": "YO1 7HH"}
    told = explanation(levels=[("postcode", "exact", 9.0, 0.0), ("relatives", "relatives", -2.0, 0.0)], version=1)
    told["fields"][0]["version"] = 0
    one = candidate("p1", ANN, moved, explanation=told)
    lines = {line.name: line for line in page.lines(case("00001", ANN, one), one)}
    assert lines["Postcode"].national == ((ANN["postcode"], False),)
    assert lines["Postcode"].words == "the same (version 1)"
    assert (lines["Relatives and namesakes"].kind, lines["Relatives and namesakes"].bits) == ("adjust", -2.0)


def test_nobody_to_decide_on() -> None:
    assert "Nobody is waiting" in page.render(replace(HEADING, left_out=0), [])


# --- file ---------------------------------------------------------------------------------


def test_the_file_has_a_row_per_pair_and_no_formula() -> None:
    cases = [case("00001", HOSTILE, candidate("p1", ANN, HOSTILE), candidate("p2", HOSTILE)), case("2", ANN)]
    text = table.write(cases)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [row["pair"][-2:] for row in rows] == ["p1", "p2"]
    assert {row["decision"] + row["reviewer"] + row["note"] for row in rows} == {""}
    assert rows[0]["submitted_pnc_id"] == "'=1+1"
    assert rows[1]["national_pnc_id"] == "'=1+1"
    assert rows[0]["national_surname"] == "O'Brien-MacDonald"
    assert "D'Arcy & Sons" in rows[0]["other_name_versions"]
    numbers = {"match_weight", "match_probability", "case", "candidate"}
    for row in rows:
        assert not any(value.startswith(("=", "+", "-", "@")) for name, value in row.items() if name not in numbers)
