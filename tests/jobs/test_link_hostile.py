"""`jdl link` on what real tables are like: the right links, no crash, no straggler."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from linkage_people import COLUMNS, SURNAMES, misspelt, person, town

from jdl_spark.adhoc.link import Wanted, document_path, link_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

People = dict[str, dict[str, Any]]
HOT = 100_000
"""People of one forename, date of birth and postcode."""
LONG = person("Wolfe" * 40, "Schlegel" * 25, "1960-12-02")
PAIRS = {
    "arabic": (person("محمد", "الأحمد", "1985-03-04"), person("محمد", "الأحمد", "1985-03-04")),
    "cyrillic": (person("Наталья", "Сергеева", "1979-11-23"), person("НАТАЛЬЯ", "СЕРГЕЕВА", "1979-11-23")),
    "chinese": (person("伟", "王", "1990-06-17"), person("伟", "王", "1990-06-17")),
    "one name": (person(None, "Quarshie", "1977-02-09", postcode="LS6 2AB"),
                 person(None, "QUARSHIE", "1977-02-09", postcode="LS62AB")),
    "initial": (person("T", "Featherstonehaugh", "1969-08-12"),
                person("Thaddeus", "Featherstonehaugh", "1969-08-12")),
    "title": (person("Dr. Sheelagh", "O'Hare", "1958-04-30"), person("SHEELAGH", "OHARE", "1958-04-30")),
    "200 letters": (LONG, LONG),
    "1 January": (person("Ottoline", "Whitworth", "1980-01-01"), person("Ottoline", "Whitworth", "1980-01-01")),
}  # fmt: skip
"""People as the left and the right table write them."""


def _link(
    spark: SparkSession, folder: Path, left: dict[str, Any], right: dict[str, Any], more: str = ""
) -> pd.DataFrame:
    for name, people in (("left", left), ("right", right)):
        pd.DataFrame(list(people.values()), columns=COLUMNS).assign(id=list(people)).to_parquet(
            folder / f"{name}.parquet"
        )
    columns = "\n".join(f'{name} = "{name}"' for name in ("id", *COLUMNS))
    (folder / "spec.toml").write_text(f"{more}\n[left]\n{columns}\n[right]\n{columns}\n")
    files = (str(folder / f"{name}.parquet") for name in ("left", "right"))
    link_tables(spark, Wanted(*files, folder / "spec.toml", folder / "links.parquet"))
    return pd.read_parquet(folder / "links.parquet")


def letters(number: int) -> str:
    """Return five letters that no other number has."""
    return "".join(chr(65 + number // 26**place % 26) for place in range(5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def links(spark: SparkSession, folder: Path) -> pd.DataFrame:
    nation = [one | {"surname": one["surname"] + letters(i)} for i, one in enumerate(town(1_500, seed=11))]
    hot = [person("John", SURNAMES[i % 16] + letters(i % 500), "1980-05-05", postcode="LS1 1AA", pnc=f"1999/{i:07}C")
           for i in range(HOT)]  # fmt: skip
    unknown = person("BABY", "UNKNOWN", "1990-01-01", postcode="NFA")
    left = {f"town {i}": one for i, one in enumerate(misspelt(nation[:300]))}
    left |= {f"twice {i}": one for i, one in enumerate(misspelt(nation[:20], seed=5))}
    left |= {name: pair[0] for name, pair in PAIRS.items()}
    left |= {"nobody": unknown, "empty": person(), "no number": hot[99] | {"pnc_id": None}}
    left |= {f"hot {i}": hot[i] for i in (7, 77, 777)}
    right = {f"town {i}": one for i, one in enumerate(nation)}
    right |= {name: pair[1] for name, pair in PAIRS.items()}
    right |= {f"new year {i}": one | {"date_of_birth": date(1980, 1, 1)}
              for i, one in enumerate(town(400, seed=12))}  # fmt: skip
    right |= {f"unknown {i}": unknown for i in range(30)} | {"nothing": person()}
    right |= {f"hot {i}": one for i, one in enumerate(hot)}
    return _link(spark, folder, left, right, "[linkage]\nlargest_block = 50_000")


def _linked(links: pd.DataFrame) -> dict[str, str]:
    found = links[links.status == "linked"]
    return dict(zip(found.left_id, found.right_id, strict=True))


@pytest.mark.parametrize("name", PAIRS)
def test_people_are_found_however_they_are_written(links: pd.DataFrame, name: str) -> None:
    assert _linked(links).get(name) == name


def test_the_town_is_found_and_nobody_is_taken_for_another(links: pd.DataFrame) -> None:
    found = {left: right for left, right in _linked(links).items() if left.startswith("town")}
    assert len(found) > 250
    assert all(left == right for left, right in found.items())


def test_who_is_listed_twice_has_one_link_in_all(links: pd.DataFrame) -> None:
    found = _linked(links)
    assert len(set(found.values())) == len(found)
    losers = [f"twice {i}" for i in range(20) if f"twice {i}" not in found]
    winners = [f"town {i}" for i in range(20) if f"town {i}" not in found]
    assert len(losers) + len(winners) >= 20
    assert set(links[links.left_id.isin(losers + winners)].status) <= {"ambiguous", "candidate"}


def test_placeholders_and_empty_rows_are_nobody(links: pd.DataFrame) -> None:
    assert {"nobody", "empty"}.isdisjoint(_linked(links))


def test_a_hot_key_is_left_out_and_its_people_are_found_by_their_identifiers(links: pd.DataFrame, folder: Path) -> None:
    assert {_linked(links).get(f"hot {i}") for i in (7, 77, 777)} == {"hot 7", "hot 77", "hot 777"}
    assert "no number" not in _linked(links)  # two hundred people have all that is known of him
    document = json.loads(document_path(folder / "links.parquet").read_text())
    assert {row["key"] for row in document["left_out"]} >= {
        "date of birth, first letter of the forename", "postcode, forename up to nickname",
    }  # fmt: skip
    assert all(row["versions"] >= HOT for row in document["left_out"])
    assert max(row["largest_key"] for row in document["blocking"]) < HOT


def test_everybody_with_one_surname_and_an_empty_column(spark: SparkSession, tmp_path: Path) -> None:
    nation = [one | {"surname": "SMITH", "postcode": None} for one in town(400, seed=21)]
    left = {f"{i}": one for i, one in enumerate(misspelt(nation[:150]))}
    links = _link(spark, tmp_path, left, {f"{i}": one for i, one in enumerate(nation)})
    found = _linked(links)
    assert len(found) > 60
    assert all(left == right for left, right in found.items())
