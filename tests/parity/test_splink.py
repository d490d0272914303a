"""A model exchanged with Splink gives every pair of records the weight that Splink gives it.

Splink runs on DuckDB in memory and sees the standardised texts: what is compared here is what
both programs make of the same values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from linkage_people import misspelt, packed, person, town
from splink import DuckDBAPI, Linker, SettingsCreator

from jdl_spark.linkage import splink_conditions
from jdl_spark.linkage.comparison import Pairs, compare
from jdl_spark.linkage.records import NO_DATE, Records
from jdl_spark.linkage.scoring import LeftSide, score_shard
from jdl_spark.linkage.splink_settings import read_settings, write_settings
from jdl_spark.stats.fellegi_sunter import Model

NAMES = ("forename", "middle", "surname")
COLUMNS = (*NAMES, "birth", "sex", "postcode", "pnc")
COUNTED = ("forename", "surname", "birth")
NOBODY = np.empty(0, np.int64)

SLIPS = [
    (person("Sarah", "Jones", "1980-02-03"), person("Jones", "Sarah", "1980-03-02")),
    (person("Lee", "Lee", "1980-02-03"), person("Lee", "Lee-Smith", "1980-03-05")),
    (person("Marhta", "Dwayne", "1970-12-31"), person("Martha", "Duane", "1971-01-01")),
    (person("Zoë", "O'Brien", "1970-01-01", sex="F"), person("Zoe", "OBrien", "1970-01-31", sex="Female")),
    (person("Dixon", "Abroms", "1999-09-09"), person("Dicksonx", "Abrams", "1999-10-10")),
    (person(None, "Smith", "1985-05-05", postcode="LS1 4AB"), person("Jim", "Smyth", None, postcode="LS1 4BA")),
    (person("Jim", None, "1985-05-05", pnc="99/123A"), person("Jim", "Smith", "1985-05-15", pnc="1999/124A")),
    (person("A", "B", "1980-02-03"), person("Ada", "Ba", "1980-02-03")),
    (person("Lee", "Lee", "1980-02-03"), person("Lee", "Lee", "1980-02-04")),
    (person("Hceacacffg", "Abcde", postcode="LS1"), person("Hedceacacffg", "Abcde", postcode="LS1 4AB")),
    (person("Ann", "Old", postcode="LS1"), person("Ann", "Old", postcode="LS1")),
    (person(), person()),
]


def _sides() -> tuple[Records, Records]:
    """Return people and the same misspelt, some with fields missing, and literal slips."""
    random = np.random.default_rng(5)
    people = town(60, seed=3)
    right = misspelt(people, seed=4) + [second for _, second in SLIPS]
    for number, one in enumerate(right[:60]):
        one["pnc_id"] = (people[number]["pnc_id"], f"2{number:03d}/{number}B", None)[number % 3]
    left = people[:50] + [first for first, _ in SLIPS]
    for one in (*left[:50], *right[:60]):
        one |= {name: None for name in one if random.random() < 0.05}
    return packed(left), packed(right)


def _frame(records: Records) -> pd.DataFrame:
    """Return standardised records as the table that Splink reads."""
    texts = {name: np.append(records.names.text, None)[getattr(records, name)] for name in NAMES}
    births = np.where(records.birth == NO_DATE, None, records.birth.astype("datetime64[D]").astype(str).astype(object))
    codes = {name: [code.decode() or None for code in getattr(records, name)] for name in ("postcode", "pnc")}
    sex = np.array([None, "F", "M"], object)[records.sex]
    return pd.DataFrame({"unique_id": range(len(records)), **texts, "birth": births, "sex": sex, **codes})


def _level(creator: Any, m: float, u: float) -> Any:
    return creator.configure(m_probability=m, u_probability=u)


def _comparison(column: str, *levels: tuple[Any, float, float]) -> cl.CustomComparison:
    """Return a comparison between its null level and ELSE, which has the rest of the probability."""
    rest = 1 - sum(m for _, m, _ in levels), 1 - sum(u for _, _, u in levels)
    known = [_level(*level) for level in (*levels, (cll.ElseLevel(), *rest))]
    return cl.CustomComparison([cll.NullLevel(column), *known], output_column_name=column)


def _comparisons() -> list[cl.CustomComparison]:
    exact = cll.ExactMatchLevel
    return [
        _comparison(
            "forename",
            (exact("forename", term_frequency_adjustments=True), 0.8, 0.01),
            (cll.ColumnsReversedLevel("forename", "surname", symmetrical=True), 0.02, 0.0001),
            (cll.JaroWinklerLevel("forename", 0.92), 0.07, 0.002),
            (cll.JaroWinklerLevel("forename", 0.7), 0.03, 0.03),
        ),
        _comparison(
            "surname",
            (exact("surname", term_frequency_adjustments=True), 0.85, 0.004),
            (cll.DamerauLevenshteinLevel("surname", 1), 0.07, 0.001),
            (cll.LevenshteinLevel("surname", 2), 0.03, 0.002),
            (cll.JaroWinklerLevel("surname", 0.8), 0.02, 0.01),
        ),
        _comparison("middle", (exact("middle"), 0.6, 0.02), (cll.DamerauLevenshteinLevel("middle", 2), 0.2, 0.01)),
        _comparison(
            "birth",
            (exact("birth", term_frequency_adjustments=True), 0.9, 0.0001),
            (cll.DamerauLevenshteinLevel("birth", 1), 0.05, 0.001),
            (_days(10), 0.01, 0.001),
            (_days(1, "month"), 0.01, 0.003),
            (_days(1, "year"), 0.01, 0.04),
        ),
        _comparison("sex", (exact("sex"), 0.98, 0.6)),
        _comparison("postcode", (exact("postcode"), 0.5, 0.001), (cll.LevenshteinLevel("postcode", 1), 0.05, 0.001)),
        _comparison("pnc", (exact("pnc"), 0.99, 1e-7), (cll.LevenshteinLevel("pnc", 1), 0.005, 1e-5)),
    ]


def _days(threshold: float, metric: str = "day", is_text: bool = True) -> Any:
    return cll.AbsoluteDateDifferenceLevel("birth", input_is_string=is_text, threshold=threshold, metric=metric)


def _linker(left: Records, right: Records, settings: Any) -> Linker:
    """Return Splink with both tables, and term frequencies of the right one."""
    db = DuckDBAPI()
    tables = [db.register(_frame(records), table_name=name) for records, name in ((left, "a"), (right, "b"))]
    linker = Linker(tables, settings)
    for name in COUNTED:
        shares = _frame(right)[name].value_counts() / len(right)
        lookup = pd.DataFrame({name: shares.index, f"tf_{name}": shares.to_numpy()})
        linker.table_management.register_term_frequency_lookup(db.register(lookup), name)
    return linker


def _splink_weights(linker: Linker, shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Return Splink's match weight of every pair, one row per left record."""
    found = linker.inference.predict().as_pandas_dataframe()
    weights = np.full(shape, np.nan)
    weights[found["unique_id_l"], found["unique_id_r"]] = found["match_weight"]
    return weights


def _side(left: Records, right: Records, model: Model, floor: float) -> LeftSide:
    """Return the left side, with frequencies counted on the right one."""
    frequencies = {
        "birth": np.unique(right.birth[right.birth != NO_DATE].astype(np.int64), return_counts=True),
        "postcode": (NOBODY, NOBODY),
    }
    for name in ("forename", "surname"):
        rows = getattr(right, name)
        frequencies[name] = np.unique(right.names.code[rows[rows >= 0]], return_counts=True)
    return LeftSide.build(left, frequencies, {}, model, floor)


def _weights(left: Records, right: Records, model: Model) -> np.ndarray[Any, Any]:
    rows, other = (grid.ravel() for grid in np.indices((len(left), len(right))))
    levels = compare(Pairs(left, right, rows, other, NOBODY), model.fields)
    return _side(left, right, model, 0.0).weigh(levels, rows).reshape(len(left), len(right))


@pytest.fixture(scope="module")
def sides() -> tuple[Records, Records]:
    return _sides()


@pytest.fixture(scope="module")
def saved(sides: tuple[Records, Records], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """Return what Splink saves of a model, and its weights of all pairs."""
    settings = SettingsCreator(
        "link_only",
        comparisons=_comparisons(),
        blocking_rules_to_generate_predictions=["1=1"],
        probability_two_random_records_match=0.8 / 72,
    )
    linker = _linker(*sides, settings)
    path = tmp_path_factory.mktemp("splink") / "model.json"
    linker.misc.save_model_to_json(str(path))
    return path.read_text(), _splink_weights(linker, (len(sides[0]), len(sides[1])))


def test_an_imported_model_weighs_every_pair_as_splink_does(
    sides: tuple[Records, Records], saved: tuple[str, Any]
) -> None:
    text, expected = saved
    model = read_settings(text, identities=len(sides[1]))
    found = _weights(*sides, model)
    assert expected.shape == (62, 72)
    assert not np.isnan(expected).any()
    assert np.abs(found - expected).max() < 1e-9
    assert len(np.unique(np.round(expected, 6))) > 300


def test_the_pairs_reach_every_level(sides: tuple[Records, Records], saved: tuple[str, Any]) -> None:
    model = read_settings(saved[0], identities=len(sides[1]))
    rows, other = (grid.ravel() for grid in np.indices((len(sides[0]), len(sides[1]))))
    levels = compare(Pairs(*sides, rows, other, NOBODY), model.fields)
    for column, field in enumerate(model.fields):
        assert set(np.unique(levels[:, column])) == set(range(-1, len(field.levels))), field.name


def test_linking_with_an_imported_model_states_splinks_weights(
    sides: tuple[Records, Records], saved: tuple[str, Any]
) -> None:
    """Every identity has one version here: the weight of an identity is that of its version."""
    text, expected = saved
    model = read_settings(text, identities=len(sides[1]))
    found = score_shard(_side(*sides, model, floor=0.0), sides[1])
    assert len(found["weight"]) > 40
    assert found["weight"] == pytest.approx(expected[found["person"], found["identity"]], abs=1e-9)


def test_an_exported_model_weighs_every_pair_the_same_in_splink(
    sides: tuple[Records, Records], saved: tuple[str, Any], tmp_path: Path
) -> None:
    model = read_settings(saved[0], identities=len(sides[1]))
    path = tmp_path / "model.json"
    path.write_text(write_settings(model))
    expected = _splink_weights(_linker(*sides, str(path)), (len(sides[0]), len(sides[1])))
    assert np.abs(_weights(*sides, model) - expected).max() < 1e-9


def _classes() -> list[tuple[Any, str]]:
    """Return levels of Splink, new ones each time (their SQL changes when it is asked for again), and ours."""
    return [
        (cll.NullLevel("birth"), "missing"),
        (cll.ExactMatchLevel("birth"), "exact"),
        (cll.ColumnsReversedLevel("forename", "surname", symmetrical=True), "reversed"),
        (cll.JaroWinklerLevel("birth", 0.925), "jaro_winkler 0.925"),
        (cll.LevenshteinLevel("birth", 1), "levenshtein 1"),
        (cll.DamerauLevenshteinLevel("birth", 2), "damerau 2"),
        (_days(31), "date_difference 31"),
        (cll.JaroWinklerLevel("birth", 1.0), "jaro_winkler 1"),
        (_days(1, "month"), "date_difference 30"),
        (_days(1, "year"), "date_difference 365"),
        (_days(10, is_text=False), "date_difference 10"),
        (
            cll.AbsoluteTimeDifferenceLevel("birth", input_is_string=False, threshold=2, metric="day"),
            "date_difference 2",
        ),
        (cll.ElseLevel(), "else"),
    ]


@pytest.mark.parametrize("dialect", splink_conditions.DIALECTS)
def test_every_class_of_splink_is_read_in_both_dialects(dialect: str) -> None:
    for creator, level in _classes():
        condition = splink_conditions.read(creator.get_comparison_level(dialect).sql_condition)
        assert condition is not None, level
        assert condition.level == level
        columns = {"reversed": ("forename", "surname"), "else": ()}.get(level, ("birth",))
        assert condition.columns == columns


@pytest.mark.parametrize("dialect", splink_conditions.DIALECTS)
def test_what_is_written_is_what_splink_writes(dialect: str) -> None:
    classes = _classes()
    for creator, level in (*classes[:7], classes[-1]):
        sql = creator.get_comparison_level(dialect).sql_condition
        assert splink_conditions.written(level, "birth", dialect) == sql


def test_other_classes_of_splink_are_not_read() -> None:
    others = [
        cll.JaroLevel("surname", 0.9),
        cll.JaccardLevel("surname", 0.9),
        cll.NullLevel("surname", valid_string_pattern="[A-Z]+"),
        cll.ColumnsReversedLevel("forename", "surname"),
        cll.And(cll.ExactMatchLevel("forename"), cll.ExactMatchLevel("surname")),
        cll.AbsoluteTimeDifferenceLevel("birth", input_is_string=True, threshold=2, metric="day"),
        cll.AbsoluteDateDifferenceLevel(
            "birth", input_is_string=True, threshold=2, metric="day", datetime_format="%d/%m/%Y"
        ),
        cll.LiteralMatchLevel("surname", "SMITH", "string"),
    ]
    for creator in others:
        assert splink_conditions.read(creator.get_comparison_level("duckdb").sql_condition) is None


def test_settings_of_both_dialects_load_in_splink(saved: tuple[str, Any]) -> None:
    model = read_settings(saved[0], identities=68)
    for dialect in splink_conditions.DIALECTS:
        settings = SettingsCreator.from_path_or_dict(json.loads(write_settings(model, dialect)))
        again = json.dumps(settings.get_settings(dialect).as_dict())
        assert read_settings(again, identities=68) == model
