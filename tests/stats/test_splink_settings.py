"""Splink settings by hand: what is read, what is refused and how, and that nothing is lost on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.errors import UsageError
from jdl_spark.linkage import splink_conditions
from jdl_spark.linkage.splink_settings import read_settings, write_settings
from jdl_spark.stats.fellegi_sunter import Field, Model, Relatives

FIELDS = (
    Field("forename", ("else", "jaro_winkler 0.8", "jaro_winkler 0.92", "reversed", "exact"),
          (0.1, 0.1, 0.1, 0.02, 0.68), (0.9, 0.05, 0.03, 0.001, 0.019)),
    Field("surname", ("else", "damerau 1", "exact", "reversed"), (0.07, 0.2, 0.7, 0.03), (0.9, 0.05, 0.04, 0.01)),
    Field("birth", ("else", "date_difference 31", "levenshtein 1", "exact"),
          (0.1, 0.1, 0.1, 0.7), (0.7, 0.2, 0.09, 0.01)),
    Field("sex", ("else", "exact"), (0.02, 0.98), (0.4, 0.6)),
)  # fmt: skip
MODEL = Model(FIELDS, 0.9, 1_000_000, frequencies=("surname", "birth"), frequency_pseudo=0.0)


def _level(sql: str, m: float = 0.5, u: float = 0.5, **more: Any) -> dict[str, Any]:
    return {"sql_condition": sql, "label_for_charts": f"<{sql[:12]}>", "m_probability": m, "u_probability": u} | more


def _null(column: str) -> dict[str, Any]:
    return {"sql_condition": f'"{column}_l" IS NULL OR "{column}_r" IS NULL', "is_null_level": True}


def _text(*levels: dict[str, Any], column: str = "surname", **more: Any) -> str:
    """Return settings of one comparison: null, exact, some levels, ELSE."""
    exact = _level(f'"{column}_l" = "{column}_r"', 0.25, 0.25)
    share = 0.75 / (len(levels) + 1)
    others = [level | {"m_probability": share, "u_probability": share} for level in (*levels, _level("ELSE"))]
    comparison = {"output_column_name": column, "comparison_levels": [_null(column), exact, *others]}
    return json.dumps({"comparisons": [comparison], "probability_two_random_records_match": 0.01} | more)


def test_a_round_trip_is_exact() -> None:
    for dialect in splink_conditions.DIALECTS:
        assert read_settings(write_settings(MODEL, dialect), identities=MODEL.identities) == MODEL
    assert Model.from_json(MODEL.to_json()) == MODEL


@given(present=st.floats(0.5, 0.999), identities=st.integers(1, 10**8), cut=st.floats(1e-9, 0.999))
def test_a_round_trip_is_exact_whatever_the_numbers(present: float, identities: int, cut: float) -> None:
    sex = Field("sex", ("else", "exact"), (cut, 1 - cut), (1 - cut, cut))
    model = Model((sex,), present, identities, frequencies=(), frequency_pseudo=0.0)
    assert read_settings(write_settings(model), identities=identities) == model


@given(probability=st.floats(1e-9, 0.5), identities=st.integers(1, 10**6))
def test_the_prior_of_a_pair_is_splinks(probability: float, identities: int) -> None:
    text = _text(probability_two_random_records_match=probability)
    model = read_settings(text, identities=identities)
    assert model.prior_bits == pytest.approx(np.log2(probability / (1 - probability)), abs=1e-8)


def test_levels_are_read_from_the_lowest_and_columns_by_their_usual_names() -> None:
    text = _text(
        _level('levenshtein("date_of_birth_l", "date_of_birth_r") <= 1'),
        _level("ABS(EPOCH(try_strptime(\"date_of_birth_l\", '%Y-%m-%d')) "
               "- EPOCH(try_strptime(\"date_of_birth_r\", '%Y-%m-%d'))) <= 2629800.0"),
        column="date_of_birth",
    )  # fmt: skip
    model = read_settings(text, identities=100)
    assert model.fields == (
        Field("birth", ("else", "date_difference 30", "levenshtein 1", "exact"), (0.25,) * 4, (0.25,) * 4),
    )
    assert (model.relatives, model.calibration, model.frequencies, model.frequency_pseudo) == ((), (), (), 0.0)


def test_any_column_can_be_named() -> None:
    text = _text(column="Family Name")
    assert read_settings(text, {"Family name": "surname"}, identities=9).fields[0].name == "surname"
    with pytest.raises(UsageError, match='column "family name" is no field of ours: say which of forename'):
        read_settings(text, identities=9)
    with pytest.raises(UsageError, match="not shoe"):
        read_settings(text, {"size": "shoe"}, identities=9)


@pytest.mark.parametrize(
    ("sql", "level"),
    [
        ("surname_l=surname_r", "exact"),
        ("`surname_l`  =  `surname_r`", "exact"),
        ('LEVENSHTEIN( "surname_l" ,"surname_r" )<=2', "levenshtein 2"),
        ("jaro_winkler(`a name_l`, `a name_r`) >= 0.920", "jaro_winkler 0.92"),
        ('"a_l" = "b_r" and "b_l" = "a_r"', "reversed"),
        ("ABS(UNIX_TIMESTAMP(to_date(`b_l`, 'yyyy-MM-dd')) - UNIX_TIMESTAMP(to_date(`b_r`, 'yyyy-MM-dd'))) <= 864000",
         "date_difference 10"),
        ("else", "else"),
    ],
)  # fmt: skip
def test_spelling_does_not_matter(sql: str, level: str) -> None:
    condition = splink_conditions.read(sql)
    assert condition is not None
    assert condition.level == level


@pytest.mark.parametrize(
    "sql",
    [
        '"surname_l" = "forename_r"',
        '"surname_r" = "surname_r"',
        '"surname_l" <> "surname_r"',
        'lower("surname_l") = lower("surname_r")',
        '"surname_l" = "surname_r" and "sex_l" = \'F\'',
        'not "surname_l" = "surname_r"',
        'jaro_winkler_similarity("surname_l", "surname_r") > 0.9',
        'jaro_winkler_similarity("surname_l", "forename_r") >= 0.9',
        'jaro_similarity("surname_l", "surname_r") >= 0.9',
        'levenshtein("surname_l", "surname_r") >= 1',
        "ABS(EPOCH(try_strptime(\"b_l\", '%d-%m-%Y')) - EPOCH(try_strptime(\"b_r\", '%d-%m-%Y'))) <= 86400",
        "ABS(EPOCH(try_strptime(\"b_l\", '%y-%m-%d')) - EPOCH(try_strptime(\"b_r\", '%y-%m-%d'))) <= 86400",
    ],
)
def test_other_conditions_are_refused_by_name(sql: str) -> None:
    assert splink_conditions.read(sql) is None
    with pytest.raises(UsageError) as refusal:
        read_settings(_text(_level(sql, label_for_charts="my own level")), identities=9)
    message = str(refusal.value)
    assert f'comparison "surname": level "my own level", {sql}: this condition is not known' in message
    assert "Jaro-Winkler, Levenshtein or Damerau-Levenshtein at a threshold" in message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_text(_level('"middle_l" = "middle_r"')), 'another column than "surname"'),
        (_text(_level('levenshtein("sex_l", "sex_r") <= 1'), column="sex"), "sex has no such level here"),
        (_text(_level('"surname_l" = "sex_r" and "surname_r" = "sex_l"')), "only forename and surname"),
        (_text(_level('"surname_l" = "surname_r"', tf_adjustment_column="surname", tf_adjustment_weight=0.5)),
         'term frequencies of "surname" here, weight 0.5'),
        (_text(_level('"sex_l" = "sex_r"', tf_adjustment_column="sex"), column="sex"), 'term frequencies of "sex"'),
        (_text(_level('levenshtein("surname_l", "surname_r") <= 1', tf_adjustment_column="surname")), "term freq"),
        (_text(_level('"surname_l" = "surname_r"', tf_adjustment_column="surname", tf_minimum_u_value=0.01)),
         "minimum 0.01"),
        (_text(_null("surname")), "this condition is not known"),
        (_text(_level("ELSE")), "the last level must be ELSE"),
        (_text().replace('"is_null_level": true', '"is_null_level": false'), "the first level must be the null level"),
        (_text().replace('"m_probability": 0.75', '"m_probability": null'), "it needs an m and a u"),
        (_text().replace('"u_probability": 0.75', '"u_probability": 0.5'), "u probabilities add up to 0.75"),
        (_text().replace('\\"surname_l\\" = ', 'levenshtein(\\"surname_l\\", \\"surname_r\\") <= 1 --'), "not known"),
        (_text(sql_dialect="postgres"), "written for postgres"),
        (_text(probability_two_random_records_match=0), "not a Splink model"),
        ("{}", "not a Splink model"),
        ("[1]", "not a Splink model"),
        ('{"comparisons": []}', "not a Splink model"),
        ("", "not a Splink model"),
    ],
)  # fmt: skip
def test_what_cannot_be_the_same_here_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read_settings(text, identities=9)


def test_everything_that_is_refused_is_in_one_message() -> None:
    settings = json.loads(_text(_level("soundex(surname_l) = soundex(surname_r)"), _level("1=1")))
    settings["comparisons"] += [json.loads(_text(column="nino"))["comparisons"][0]]
    with pytest.raises(UsageError) as refusal:
        read_settings(json.dumps(settings), identities=9)
    lines = str(refusal.value).splitlines()
    assert [line.partition(":")[0] for line in lines[1:4]] == ['- comparison "surname"'] * 2 + ['- comparison "nino"']


def test_levels_above_the_exact_one_are_refused_both_ways() -> None:
    text = _text()
    settings = json.loads(text)
    settings["comparisons"][0]["comparison_levels"].insert(1, _level('levenshtein("surname_l", "surname_r") <= 1'))
    with pytest.raises(UsageError, match="before the exact match"):
        read_settings(json.dumps(settings), identities=9)
    odd = Field("surname", ("else", "exact", "levenshtein 1"), (0.1, 0.8, 0.1), (0.8, 0.1, 0.1))
    with pytest.raises(UsageError, match="surname: there are levels before the exact match"):
        write_settings(replace(MODEL, fields=(odd,)))


def test_what_splink_has_no_name_for_is_refused_in_one_message() -> None:
    forename = Field("forename", ("else", "initial", "nickname", "exact"), (0.1, 0.1, 0.1, 0.7), (0.7, 0.1, 0.1, 0.1))
    postcode = Field("postcode", ("else", "outward", "exact"), (0.2, 0.1, 0.7), (0.8, 0.1, 0.1))
    kin = Relatives("family", 0.1, (forename.u, postcode.u), ("forename",))
    model = Model((forename, postcode), 0.9, 1_000, (kin,), ((0.0, 0.0),), birth_of_namesakes=(0.9, 0.1))
    with pytest.raises(UsageError) as refusal:
        write_settings(model)
    assert str(refusal.value).splitlines()[1:] == [
        '- forename: level "initial"', '- forename: level "nickname"', '- postcode: level "outward"',
        "- relatives: family", "- calibration", "- dates of birth of namesakes",
        "- frequencies drawn towards the average by 100 identities",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="not for sqlite"):
        write_settings(MODEL, "sqlite")
