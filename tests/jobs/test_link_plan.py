"""`jdl link plan` within one table, and models that must fit the tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from linkage_people import COLUMNS, misspelt, packed, person, table, town

from jdl_spark.adhoc.link import plan_tables
from jdl_spark.adhoc.linking.answers import Told
from jdl_spark.adhoc.linking.evaluate import Truth, never_met
from jdl_spark.adhoc.linking.models import read_model, restricted
from jdl_spark.adhoc.linking.spec import FIELDS, Spec, read_spec
from jdl_spark.adhoc.linking.tables import People
from jdl_spark.errors import UsageError
from jdl_spark.linkage import blocking, comparison, link, relatives, training
from jdl_spark.linkage.comparison import Pairs, compare
from jdl_spark.linkage.index import BLOCK
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.stats.fellegi_sunter import Model, match_weights

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def _spec(folder: Path, columns: tuple[str, ...], tables: tuple[str, ...] = ("left", "right")) -> Path:
    named = "\n".join(f'{name} = "{name}"' for name in ("id", *columns))
    path = folder / "spec.toml"
    path.write_text("\n".join(f"[{name}]\n{named}" for name in tables))
    return path


# --- plan ---------------------------------------------------------------------------------------


def test_the_plan_of_one_table_counts_other_people_only(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = town(60, seed=3) + misspelt(town(60, seed=3)) + town(60, seed=3)[:20]
    ids = [*range(60), *range(100, 160), *range(20)]  # the last are second versions of the first
    pd.DataFrame(people).assign(id=ids).to_csv(tmp_path / "people.csv", index=False)
    spec = _spec(tmp_path, COLUMNS, ("left",))
    content = plan_tables(spark, str(tmp_path / "people.csv"), None, spec).as_json()
    records = packed(people, ids)
    expected, union = [], set()
    for rule in blocking.RULES:
        sought, there = (pd.DataFrame({"row": rows, "key": keys, "person": records.person[rows]})
                         for rows, keys in (rule.probe(records), blocking.KEYS[rule.key](records)))  # fmt: skip
        if rule.key in blocking.RARE_KEYS:
            there = there[there.groupby("key").key.transform("size") <= blocking.RARE]
        met = sought.merge(there, on="key").query("person_x != person_y")
        expected.append((rule.words, len(met), met.person_x.nunique(),
                         int(met.groupby("key").size().max() if len(met) else 0)))  # fmt: skip
        union |= set(zip(met.row_x, met.row_y, strict=True))
    assert [(r["rule"], r["pairs"], r["people"], r["largest_key"]) for r in content["blocking"]] == expected
    assert content["pairs"] == len(union)
    monkeypatch.setattr(link, "LEFT_VERSIONS", 40)  # the left side goes through in chunks
    assert plan_tables(spark, str(tmp_path / "people.csv"), None, spec).as_json() == content


# --- models -------------------------------------------------------------------------------------


def _model(**changes: Any) -> Model:
    fields = training.starting_fields()
    kinds = relatives.starting(fields)
    return replace(Model(fields, 0.5, 1_000, kinds, training={"purpose": "tables"}), **changes)


def _asked(folder: Path, columns: tuple[str, ...], tables: int = 2) -> Spec:
    return read_spec(_spec(folder, columns, ("left", "right")[:tables]), tables == 1)


def test_a_model_of_some_fields_weighs_pairs_that_know_these_alike() -> None:
    known = ("forename", "surname", "birth")
    bare = [one | dict.fromkeys(("middle_names", "sex", "postcode", "pnc_id")) for one in town(40)]
    left, right = packed(bare), packed(misspelt(bare))
    rows, other = (part.ravel() for part in np.meshgrid(np.arange(40), np.arange(40)))
    births = tuple(next(f for f in training.starting_fields() if f.name == "birth").u)
    whole = _model(birth_of_namesakes=births)
    cut = restricted(whole, known)
    assert [field.name for field in cut.fields] == ["forename", "surname", "birth"]
    pairs = Pairs(left, right, rows, other, np.empty(0, np.int64))
    weights = [match_weights(model, compare(pairs, model.fields), {}) for model in (whole, cut)]
    assert weights[1] == pytest.approx(weights[0], abs=1e-12)
    assert Model.from_json(cut.to_json()) == cut


def test_a_model_must_not_compare_what_the_tables_lack(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(_model().to_json())
    with pytest.raises(UsageError, match="compares middle_names, sex, pnc_id, which the spec does not name"):
        read_model(tmp_path / "m.json", _asked(tmp_path, ("forename", "surname", "date_of_birth", "postcode")), 50)


def test_a_model_is_used_for_as_many_people_as_there_are(tmp_path: Path) -> None:
    spec = _asked(tmp_path, COLUMNS)
    (tmp_path / "m.json").write_text(_model().to_json())
    assert read_model(tmp_path / "m.json", spec, 50) == _model(identities=50)
    card = {"model_id": "x", "parameters": json.loads(_model().to_json())}  # as a lake keeps it
    (tmp_path / "card.json").write_text(json.dumps(card))
    assert read_model(tmp_path / "card.json", spec, 50) == _model(identities=50)


@pytest.mark.parametrize(("purpose", "tables"), [("duplicates", 2), ("tables", 1)])
def test_a_model_is_for_one_kind_of_linkage(purpose: str, tables: int, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(_model(training={"purpose": purpose}).to_json())
    with pytest.raises(UsageError, match="was trained to link"):
        read_model(tmp_path / "m.json", _asked(tmp_path, COLUMNS, tables), 50)


def test_every_field_of_a_spec_is_one_of_the_models() -> None:
    assert set(FIELDS.values()) == set(comparison.LEVELS)


# --- truth and answers --------------------------------------------------------------------------


def _people(rows: list[dict[str, Any]]) -> People:
    places = pa.array(range(len(rows)), pa.int64())
    columns = table(rows).append_column("offender_id", places)
    return People(places, columns.append_column("version_no", pa.array([1] * len(rows), pa.int32())), 0)


def test_true_pairs_are_lost_in_blocking_or_for_being_too_unlike() -> None:
    left = _people([person("Ann", "Bell", "1980-03-07"), person("Carl", "Drew", "1971-11-21"), person("Eve", "Fry")])
    right = _people([person("Ann", "Bell", "1980-03-07"), person("Zoe", "Moss", "1971-11-21"), person("Ian", "Orr")])
    none = np.empty(0, np.int64)
    nobody = Candidates(none, none, none.astype(float), none.astype(bool))
    counted = {BLOCK + key: (none, none) for key in blocking.KEYS}
    truth = Truth(np.array([0, 4, 8]), 3)
    assert never_met(nobody, truth, left, right, counted) == 1  # only Eve Fry and Ian Orr share nothing
    ann = Candidates(np.array([0]), np.array([0]), np.array([9.0]), np.array([False]))
    assert never_met(ann, truth, left, right, counted) == 1


def test_a_linkage_is_told_in_words() -> None:
    at = {"threshold": 0.9, "precision": 1.0, "recall": 0.5, "f1": 2 / 3}
    side = {"rows": 1_200, "people": 1_000, "unreadable_dates": 3}
    content: dict[str, Any] = {
        "left": side, "right": side, "fields": ["surname"], "not_weighed": ["sex"], "out": "l.parquet",
        "document": "l.linkage.json", "linked": 900, "ambiguous": 10, "not_linked": 90, "linked_from": 0.9,
        "expected_false_links": 0.001, "expected_missed_links": 0.02,
        "left_out": [{"key": "postcode surname", "keys": 1, "versions": 100_000}],
        "truth, true pairs": 50, "truth, best": at, "truth, at operating point": at, "truth, wrong": 0,
        "truth, lost": {"no_blocking_rule": 1, "too_unlike": 2, "outranked": 0, "not_sure_enough": 4},
    }  # fmt: skip
    text = "\n".join(Told(content).lines())
    for words in (
        "left: 1,200 rows, 1,000 people; 3 dates could not be read", "does not weigh sex", "900  people linked",
        "1 values of postcode surname, which 100,000 rows share", "expects 0.10% of the links to be wrong",
        "50 true pairs", "1  true pairs are missed: no blocking rule", "jdl link report l.parquet",
    ):  # fmt: skip
        assert words in text
    assert Told(content).as_json() == content
