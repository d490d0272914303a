"""The synthetic nation: reproducible, believable, and true to its own truth."""

from __future__ import annotations

import csv
import json
import tomllib
from bisect import bisect_left
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from jdl_spark import schemas
from jdl_spark.errors import InputError, UsageError
from jdl_spark.ingest import read_mapping
from jdl_spark.pseudonyms import pseudonym
from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic import catalogue, corruption, people, registers
from jdl_spark.synthetic.calendar import add_months, day_number, year_of
from jdl_spark.synthetic.evaluate import evaluate
from jdl_spark.synthetic.names import COMMUNITIES, NameModel
from jdl_spark.synthetic.nation import generate
from jdl_spark.synthetic.sources import SOURCES
from jdl_spark.synthetic.spells import Spells, cut_by_custody

AS_OF = date(2013, 6, 30)
KEY = b"a key for tests"


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("nation")
    generate(out, identities=20_000, seed=2013, as_of=AS_OF)
    return out


def _extract(nation: Path, table: str) -> dict[str, list[Any]]:
    """Read an extract by our column names, everything as text, as ingest does."""
    source = SOURCES[table]
    path = nation / "extracts" / source.file
    if source.format == "csv":
        names = list(source.columns.values())
        read = pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(delimiter=source.delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
            ),
        )
    else:
        read = pq.read_table(path)
    return {ours: read.column(theirs).to_pylist() for ours, theirs in source.columns.items()}


def _sound(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return the rows that are no planted defects: those have an X before their identifier, or stand twice."""
    seen, rows = set(), []
    for values in zip(*columns.values(), strict=True):
        if values not in seen and not str(values[0]).startswith("X"):
            seen.add(values)
            rows.append(dict(zip(columns, values, strict=True)))
    return rows


def _day(text: str | None, pattern: str = "yyyy-MM-dd") -> date | None:
    if text is None:
        return None
    if pattern == "dd/MM/yyyy":
        return date(int(text[6:]), int(text[3:5]), int(text[:2]))
    return date.fromisoformat(text)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(last, day.day))
        except ValueError:
            continue
    raise AssertionError


@pytest.fixture(scope="module")
def sentences(nation: Path) -> dict[str, dict[str, Any]]:
    rows = _sound(_extract(nation, "sentences"))
    for row in rows:
        for column in ("sentence_date", "start_date", "release_date"):
            row[column] = _day(row[column], "dd/MM/yyyy")
    return {row["sentence_id"]: row for row in rows}


@pytest.fixture(scope="module")
def proven(nation: Path) -> dict[str, list[tuple[date, date]]]:
    """Offence and outcome days that can count as proven reoffences, by offender, from the extract alone."""
    codes = SOURCES["offences"].codes["outcome_kind"]
    out: dict[str, list[tuple[date, date]]] = defaultdict(list)
    for row in _sound(_extract(nation, "offences")):
        if codes[row["outcome_kind"]] in schemas.PROVEN_OUTCOMES and row["recordable"] == "Y" and row["breach"] == "N":
            out[row["offender_id"]].append((_day(row["offence_date"]), _day(row["outcome_date"])))
    return {person: sorted(days) for person, days in out.items()}


def _reoffences(days: list[tuple[date, date]], index: date) -> list[date]:
    end, proof = _months_later(index, 12), _months_later(index, 18)
    return [day for day, outcome in days if index < day <= end and outcome <= proof]


@pytest.fixture(scope="module")
def truth(nation: Path) -> list[dict[str, Any]]:
    return pq.read_table(nation / "truth" / "persons.parquet").to_pylist()


@pytest.fixture(scope="module")
def effects(nation: Path) -> dict[str, dict[str, Any]]:
    return json.loads((nation / "truth" / "requests.json").read_text())


# --- reproducible ---------------------------------------------------------------------------


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate(tmp_path / name, identities=1_500, seed=5)
    one, two = _bytes(tmp_path / "one"), _bytes(tmp_path / "two")
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    generate(tmp_path / "two", identities=1_500, seed=6)
    assert _bytes(tmp_path / "two")["extracts/sentences.csv"] != one["extracts/sentences.csv"]


def test_a_later_day_repeats_every_row_and_knows_more(tmp_path: Path) -> None:
    for name, day in (("early", AS_OF), ("late", date(2014, 6, 30))):
        generate(tmp_path / name, identities=2_000, seed=5, as_of=day)
    for table, source in SOURCES.items():
        early, late = _extract(tmp_path / "early", table), _extract(tmp_path / "late", table)
        keys = [ours for ours in source.columns if ours in schemas.TABLES[table].key]
        later = set(zip(*(late[key] for key in keys), strict=True))
        assert set(zip(*(early[key] for key in keys), strict=True)) <= later, table
    assert _bytes(tmp_path / "early" / "requests") == _bytes(tmp_path / "late" / "requests")
    assert _bytes(tmp_path / "early" / "truth") == _bytes(tmp_path / "late" / "truth")
    before = {row["offence_id"]: row for row in _sound(_extract(tmp_path / "early", "offences"))}
    after = {row["offence_id"]: row for row in _sound(_extract(tmp_path / "late", "offences"))}
    assert len(after) > len(before)
    changed = {number for number, row in before.items() if after[number] != row}
    assert 0 < len(changed) < 0.05 * len(before)
    open_ = {number for number, row in before.items() if row["outcome_kind"] == "NFA"}
    assert all(number in open_ or before[number]["sentence_id"] != after[number]["sentence_id"] for number in changed)
    assert all(before[number]["offence_date"] == after[number]["offence_date"] for number in before)


def test_nothing_later_than_the_day_is_known(nation: Path, sentences: dict[str, dict[str, Any]]) -> None:
    assert max(row["start_date"] for row in sentences.values()) <= AS_OF
    assert max(row["release_date"] or AS_OF for row in sentences.values()) <= AS_OF
    inside = [row for row in sentences.values() if row["disposal"] == "IMP" and row["release_date"] is None]
    assert inside
    offences = _sound(_extract(nation, "offences"))
    assert max(row["offence_date"] for row in offences) <= AS_OF.isoformat()
    assert max(row["outcome_date"] or "" for row in offences) <= AS_OF.isoformat()
    linked = {row["sentence_id"] for row in offences} - {None}
    assert linked <= sentences.keys()


# --- extracts ------------------------------------------------------------------------------


@pytest.mark.parametrize("table", schemas.NATIONAL_TABLES)
def test_extract_satisfies_its_mapping(nation: Path, table: str) -> None:
    mapping = read_mapping(table, nation / "mappings" / f"{table}.toml")
    columns = _extract(nation, table)
    assert set(columns) == set(mapping.table.column_names) - {"row_hash"}
    for name, codes in mapping.codes.items():
        strange = [value for value in columns[name] if value is not None and value not in codes]
        assert set(strange) <= {"??"}
        assert set(codes.values()) - {""} <= set(_allowed(mapping.table, name))
    rows = len(next(iter(columns.values())))
    broken = rows - len(_sound(columns))
    assert 0.001 < broken / rows < 0.006


def _allowed(table: schemas.Table, name: str) -> list[str]:
    check = next(column.check for column in table.columns if column.name == name)
    return [part.strip(" '") for part in check.split("(")[1].rstrip(")").split(",")]


def test_both_doors_are_used() -> None:
    assert set(SOURCES) == set(schemas.NATIONAL_TABLES)
    assert {source.format for source in SOURCES.values()} == {"csv", "parquet"}
    assert any(pattern == "dd/MM/yyyy" for source in SOURCES.values() for pattern in source.dates.values())


def test_defects_break_rules(nation: Path) -> None:
    rows = list(zip(*_extract(nation, "sentences").values(), strict=True))
    broken = [row for row in rows if str(row[0]).startswith("X")]
    assert any(row[2] == "??" for row in broken)
    assert any(row[3] == "30/02/2009" for row in broken)
    assert any(row[1] is None for row in broken)
    assert any(row[5] == "01/01/1901" for row in broken)
    assert max(Counter(rows).values()) == 2


def test_identities_have_aliases_and_claimants_their_own(nation: Path) -> None:
    versions = _sound(_extract(nation, "offender_identities"))
    offenders = {row["offender_id"] for row in versions}
    assert 1.30 < len(versions) / len(offenders) < 1.40
    assert offenders == {row["offender_id"] for row in _sound(_extract(nation, "offenders"))}
    claimants = pq.read_table(nation / "truth" / "claimants.parquet").to_pydict()
    assert 0.75 < len(set(claimants["offender_id"])) / 20_000 < 0.85
    assert len(claimants["claimant_id"]) > len(set(claimants["offender_id"]))
    everyone = {row["claimant_id"] for row in _sound(_extract(nation, "benefit_identities"))}
    strangers = len(everyone) - len(claimants["claimant_id"])
    assert 0.9 < strangers / len(claimants["claimant_id"]) < 1.1
    assert {row["claimant_id"] for row in _sound(_extract(nation, "benefit_spells"))} <= everyone


def test_birth_dates_and_postcodes_are_as_messy_as_real_ones(nation: Path) -> None:
    main = [row for row in _sound(_extract(nation, "offender_identities")) if row["version_no"] == 1]
    new_year = sum(row["date_of_birth"].endswith("-01-01") for row in main) / len(main)
    assert 0.006 < new_year < 0.03  # 1/365 is 0.0027
    assert 0.08 < sum(row["postcode"] is None for row in main) / len(main) < 0.16
    homes = Counter((row["postcode"], row["surname"]) for row in main if row["postcode"])
    assert sum(count for count in homes.values() if count > 1) / len(main) > 0.05
    twins = Counter((row["postcode"], row["surname"], row["date_of_birth"]) for row in main if row["postcode"])
    assert sum(count > 1 for count in twins.values()) >= 5


# --- rates ---------------------------------------------------------------------------------


def test_reoffending_is_believable(
    sentences: dict[str, dict[str, Any]], proven: dict[str, list[tuple[date, date]]]
) -> None:
    rates = {}
    for kind in ("custody", "community"):
        outcomes = []
        for row in sentences.values():
            inside = row["disposal"] == "IMP"
            index = row["release_date"] if inside else row["start_date"]
            if index and index.year in (2008, 2009, 2010, 2011) and inside == (kind == "custody"):
                outcomes.append(bool(_reoffences(proven.get(row["offender_id"], []), index)))
        rates[kind] = float(np.mean(outcomes))
        assert 600 < len(outcomes) / 4 * 5 < 40_000 / 2  # events a year for 100,000 identities
    assert 0.25 < rates["community"] < rates["custody"] < 0.48


def test_index_events_suffice_for_matching(sentences: dict[str, dict[str, Any]]) -> None:
    per_year = Counter((row["release_date"] or row["start_date"]).year for row in sentences.values())
    for year in range(2007, 2012):
        assert 12_000 < per_year[year] * 5 < 30_000
    assert 0 < per_year[1995] < per_year[2005]


def test_outcomes_and_groups_are_all_there_and_the_rare_ones_are_rare(nation: Path) -> None:
    offences = _sound(_extract(nation, "offences"))
    outcomes, groups = (
        Counter(row["outcome_kind"] for row in offences),
        Counter(row["offence_group"] for row in offences),
    )
    assert set(outcomes) == {"CONV", "CAU", "RPD", "WNG", "PND", "NFA"}
    assert set(groups) >= {code for code in SOURCES["offences"].codes["offence_group"] if code != "TER"}
    assert groups["TER"] < 0.002 * len(offences)
    assert groups["SEX"] < 0.04 * len(offences)
    late = [
        row
        for row in offences
        if row["outcome_date"] and _months_later(_day(row["offence_date"]), 18) < _day(row["outcome_date"])
    ]
    assert 0.001 < len(late) / len(offences) < 0.06
    assert 0.005 < sum(row["breach"] == "Y" for row in offences) / len(offences) < 0.10
    assert 0.01 < sum(row["recordable"] == "N" for row in offences) / len(offences) < 0.10


def test_offence_and_sentence_dates_keep_their_order(nation: Path, sentences: dict[str, dict[str, Any]]) -> None:
    for row in _sound(_extract(nation, "offences")):
        assert row["outcome_date"] is None or row["outcome_date"] >= row["offence_date"]
        if row["sentence_id"]:
            assert sentences[row["sentence_id"]]["offender_id"] == row["offender_id"]
            assert sentences[row["sentence_id"]]["sentence_date"].isoformat() == row["outcome_date"]
    for row in sentences.values():
        assert row["sentence_date"] <= row["start_date"] <= (row["release_date"] or AS_OF)


# --- names and errors ----------------------------------------------------------------------


def test_names_are_skewed_by_decade_and_community() -> None:
    model, random = NameModel(), generator("test names")
    size = 30_000
    english = np.zeros(size, dtype=np.int64)
    man = np.ones(size, dtype=bool)
    old = Counter(model.forenames(random, english, man, np.full(size, 1951)))
    young = Counter(model.forenames(random, english, man, np.full(size, 1992)))
    assert old["Alan"] > 50 * (young["Alan"] + 1)
    assert young["Jordan"] > 50 * (old["Jordan"] + 1)
    surnames = Counter(model.surnames(random, english))
    assert surnames.most_common(1)[0][0] == "Smith"
    assert 0.01 < surnames["Smith"] / size < 0.05
    assert len(surnames) > 2_500
    sikh = np.full(size, COMMUNITIES.index("sikh"))
    assert Counter(model.surnames(random, sikh)).most_common(1)[0][0] == "Singh"


def test_cohort_error_rates_are_those_of_the_page() -> None:
    size = 20_000
    names, places = NameModel(), people.Places(2_000, 1)
    born = np.full(size, day_number(1960, 3, 14)) + np.arange(size) % 9_000
    crowd = people.draw_people(names, places, born, 0.2, 1, "errors")
    written = corruption.write_down(generator("errors"), crowd, np.arange(size), places, corruption.COHORT_RATES)
    assert 0.05 < np.mean(written.forename != crowd.forename) < 0.11
    same_surname = (written.surname == crowd.surname) | (written.surname == crowd.later_surname)
    assert 0.03 < np.mean(~same_surname) < 0.08
    assert 0.025 < np.mean(written.born != crowd.born) < 0.04
    assert 0.38 < np.mean(written.postcode == "") < 0.42
    moved = (written.postcode != "") & (written.postcode != places.postcodes[crowd.postcode])
    assert 0.08 < np.mean(moved) < 0.35
    nothing_wrong = (written.forename == crowd.forename) & (written.surname == crowd.surname)
    nothing_wrong &= (written.born == crowd.born) & (written.postcode == places.postcodes[crowd.postcode])
    assert np.mean(~nothing_wrong) > 0.5


def test_wrong_dates_are_real_days_near_the_right_one() -> None:
    days = np.arange(day_number(1940, 1, 1), day_number(1995, 1, 1), 3)
    wrong = corruption.wrong_dates(generator("dates"), days)
    assert np.mean(wrong != days) > 0.95
    assert np.abs(year_of(wrong) - year_of(days)).max() <= 10


def test_pnc_ids_carry_a_check_letter() -> None:
    ids = registers.pnc_ids(np.array([day_number(2001, 5, 1), day_number(1998, 5, 1)]))
    assert len(set(ids)) == 2
    for text in ids:
        year, serial = text.split("/")
        assert "ZABCDEFGHJKLMNPQRTUVWXY"[int(year[2:] + serial[:7]) % 23] == serial[7]


# --- requests ------------------------------------------------------------------------------


def _metadata(nation: Path, request: str) -> dict[str, Any]:
    return tomllib.loads((nation / "requests" / request / "request.toml").read_text(encoding="utf-8"))


def _fates(truth: list[dict[str, Any]], request: str, *fates: str) -> list[dict[str, Any]]:
    return [row for row in truth if row["request_id"] == request and row["fate"] in (fates or catalogue.FATES)]


def test_twelve_requests_of_different_character(nation: Path, effects: dict[str, dict[str, Any]]) -> None:
    ids = {path.name for path in (nation / "requests").iterdir()}
    assert ids == {spec.id for spec in catalogue.demo()} == set(effects)
    assert len(ids) == 12
    metadata = {name: _metadata(nation, name) for name in ids}
    assert all(metadata[name]["request"]["id"] == name for name in ids)
    assert metadata["SAFEHOME-2010"]["service"]["kind"] == "domestic_violence"
    assert metadata["CLEARWAY-2010"]["service"]["kind"] == "drugs_alcohol"
    assert len(metadata["PATHFINDER-0710"]["service"]["delivery_years"]) == 4
    assert len(metadata["PATHFINDER-0710"]["service"]["sites"]) == 4
    assert {item["cohort"]["file"] for item in metadata.values()} == {"cohort.csv", "cohort.ods", "cohort.xlsx"}
    assert {item["service"]["setting"] for item in metadata.values()} == {"custody", "community", "both"}
    assert effects["HARBOUR-2011"]["rows"] < 60
    assert all(effects[name]["rows"] >= 60 for name in ids - {"HARBOUR-2011"})
    lost = {name: 1 - item["treated"] / item["rows"] for name, item in effects.items()}
    assert min(lost.values()) < 0.35
    assert 0.6 < max(lost.values()) < 0.85


def test_womens_service_has_women_only(truth: list[dict[str, Any]], nation: Path) -> None:
    sexes = {row["offender_id"]: row["sex"] for row in _sound(_extract(nation, "offenders"))}
    served = [sexes[row["offender_id"]] for row in _fates(truth, "WILLOW-2009", "treated")]
    assert set(served) <= {"2", "9"}


def test_two_people_used_two_services_in_one_sentence(truth: list[dict[str, Any]]) -> None:
    requests: dict[str, set[str]] = defaultdict(set)
    for row in truth:
        if row["sentence_id"]:
            requests[row["sentence_id"]].add(row["request_id"])
    shared = {sentence for sentence, names in requests.items() if len(names) > 1}
    assert len(shared) == 2
    assert all(requests[sentence] == {"BRIDGE-2010", "OPENDOOR-2010"} for sentence in shared)
    changed = [row for row in truth if row["reoffences_with"] != row["reoffences_without"]]
    people_of = Counter(person for person, _ in {(row["offender_id"], row["request_id"]) for row in truth})
    assert changed
    assert all(people_of[row["offender_id"]] == 1 for row in changed)


def test_follow_up_of_the_latest_request_comes_with_the_next_data_year(truth: list[dict[str, Any]]) -> None:
    for row in _fates(truth, "HORIZON-2012", "treated"):
        assert _months_later(row["index_date"], 18) > AS_OF
    available = [
        _months_later(row["index_date"], 18) <= date(2014, 6, 30) for row in _fates(truth, "HORIZON-2012", "treated")
    ]
    assert np.mean(available) > 0.5


def test_dirty_file_is_dirty(nation: Path, truth: list[dict[str, Any]]) -> None:
    raw = (nation / "requests" / "LEDGER-2011" / "cohort.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    text = raw.decode("cp1252")
    assert "29/02/2011" in text
    lines = text.split("\r\n")
    assert "" in lines[:-1]
    rows = [row for row in csv.DictReader(lines) if any(row.values())]
    assert len(rows) == len(_fates(truth, "LEDGER-2011"))
    assert any(len(row["date_of_birth"]) == 8 for row in rows)
    assert any(row["gender"] == "" for row in rows)
    assert any(row["intervention_start"][3:5] > "12" for row in rows if len(row["intervention_start"]) == 10)
    assert _fates(truth, "LEDGER-2011", "duplicate")


def test_spreadsheets_open(nation: Path, truth: list[dict[str, Any]]) -> None:
    from odf.opendocument import load
    from odf.table import TableCell, TableRow
    from openpyxl import load_workbook

    book = load_workbook(nation / "requests" / "CANVAS-2010" / "cohort.xlsx")
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[0][:3] == ("forename", "middle_names", "surname")
    assert len(rows) == 1 + len(_fates(truth, "CANVAS-2010"))
    sheet = load(str(nation / "requests" / "WILLOW-2009" / "cohort.ods"))
    lines = sheet.spreadsheet.getElementsByType(TableRow)
    assert len(lines) == 1 + len(_fates(truth, "WILLOW-2009"))
    assert "surname" in str(lines[0].getElementsByType(TableCell)[2])
    assert {cell.getAttribute("valuetype") for cell in lines[1].getElementsByType(TableCell)} >= {"date", "string"}


def test_row_numbers_are_those_of_the_file(nation: Path, truth: list[dict[str, Any]]) -> None:
    main = {
        row["offender_id"]: row for row in _sound(_extract(nation, "offender_identities")) if row["version_no"] == 1
    }
    with (nation / "requests" / "BRIDGE-2010" / "cohort.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    same = []
    for person in _fates(truth, "BRIDGE-2010", "treated"):
        row, record = rows[person["row_number"] - 1], main[person["offender_id"]]
        born = "-".join(reversed(row["date_of_birth"].split("/")))
        same.append(row["surname"].upper() == record["surname"] and born == record["date_of_birth"])
    assert len(rows) == len(_fates(truth, "BRIDGE-2010"))
    assert np.mean(same) > 0.75


# --- truth ---------------------------------------------------------------------------------


def test_treated_people_have_the_index_event_that_the_rules_ask_for(
    truth: list[dict[str, Any]], sentences: dict[str, dict[str, Any]], proven: dict[str, list[tuple[date, date]]]
) -> None:
    settings = {spec.id: spec.setting for spec in catalogue.demo()}
    index_days: dict[str, list[date]] = defaultdict(list)
    for row in sentences.values():
        if row["release_date"] or row["disposal"] != "IMP":
            index_days[row["offender_id"]].append(row["release_date"] or row["start_date"])
    for row in (row for row in truth if row["fate"] == "treated"):
        sentence = sentences[row["sentence_id"]]
        assert sentence["offender_id"] == row["offender_id"]
        start, index = row["intervention_start"], row["index_date"]
        if sentence["release_date"] is None and sentence["disposal"] == "IMP":
            assert index > AS_OF
            continue
        assert index == (sentence["release_date"] or sentence["start_date"])
        if start is None:
            assert settings[row["request_id"]] == "custody"
        elif start < index:
            assert settings[row["request_id"]] != "community"
            assert sentence["start_date"] <= start
        else:
            assert (start - index).days <= 183
            assert settings[row["request_id"]] != "custody"
            days = sorted(index_days[row["offender_id"]])
            assert bisect_left(days, index) == bisect_left(days, start) - (start > index) * days.count(index)
            assert not [day for day in _reoffences(proven.get(row["offender_id"], []), index) if day <= start]


def test_outcomes_in_the_truth_are_those_of_the_extract(
    truth: list[dict[str, Any]], proven: dict[str, list[tuple[date, date]]]
) -> None:
    checked = 0
    for row in truth:
        if row["index_date"] and _months_later(row["index_date"], 18) <= AS_OF:
            found = _reoffences(proven.get(row["offender_id"], []), row["index_date"])
            assert len(found) == row["reoffences_with"]
            checked += 1
    assert checked > 500


def test_planted_effects_are_realised(effects: dict[str, dict[str, Any]], truth: list[dict[str, Any]]) -> None:
    for name, item in effects.items():
        assert abs(item["realised_effect"] - item["planted_effect"]) <= 0.5 / item["treated"] + 0.02, name
        changes = [
            (row["reoffences_with"] > 0) - (row["reoffences_without"] > 0) for row in _fates(truth, name, "treated")
        ]
        assert item["realised_effect"] == pytest.approx(float(np.mean(changes)), abs=1e-6)
        assert min(changes) >= (-1 if item["planted_effect"] < 0 else 0)
        assert max(changes) <= (1 if item["planted_effect"] > 0 else 0)
    assert effects["WAITLIST-2010"]["realised_effect"] == 0
    for row in truth:
        if row["fate"] in ("reoffended", "misaligned", "no_sentence", "absent") and row["reoffences_with"] is not None:
            assert row["reoffences_with"] == row["reoffences_without"]


def test_people_who_began_too_late_had_reoffended(
    truth: list[dict[str, Any]], proven: dict[str, list[tuple[date, date]]]
) -> None:
    late = [row for row in truth if row["fate"] == "reoffended"]
    assert late
    for row in late:
        days = _reoffences(proven[row["offender_id"]], row["index_date"])
        assert min(days) <= row["intervention_start"]


def test_an_unmatched_comparison_would_be_wrong(effects: dict[str, dict[str, Any]]) -> None:
    for name, sign in (("BRIDGE-2010", -1), ("PATHFINDER-0710", -1), ("WAITLIST-2010", -1), ("KICKSTART-2009", 1)):
        bias = effects[name]["naive_difference"] - effects[name]["realised_effect"]
        assert sign * bias > 0.02, name


def test_many_requests(tmp_path: Path) -> None:
    summary = generate(tmp_path, identities=4_000, seed=3, requests="many:5")
    assert sorted(summary["requests"]) == [f"MANY-{number:04d}" for number in range(1, 6)]
    assert all(60 <= item["rows"] <= 410 or item["treated"] < 400 for item in summary["requests"].values())
    assert len(list((tmp_path / "requests").iterdir())) == 5
    assert catalogue.many(5, 3) == catalogue.many(9, 3)[:5]


def test_no_requests_is_a_nation_all_the_same(tmp_path: Path) -> None:
    assert generate(tmp_path, identities=1_000, requests="none")["requests"] == {}
    empty = pa.table({})
    assert evaluate(tmp_path / "truth", KEY, empty, empty, empty).lines()


@pytest.mark.parametrize(
    "arguments", [{"identities": 10}, {"as_of": date(2020, 1, 1)}, {"requests": "some"}, {"requests": "many:0"}]
)
def test_wrong_arguments_are_explained(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        generate(tmp_path, **{"identities": 1_000, **arguments})


# --- small parts ---------------------------------------------------------------------------


def test_add_months_ends_with_the_month() -> None:
    days = np.array(
        [day_number(2012, 2, 29), day_number(2011, 8, 31), day_number(1969, 12, 15), day_number(2010, 1, 31)]
    )
    for months in (1, 6, 12, 18):
        want = [_months_later(date.fromordinal(date(1970, 1, 1).toordinal() + int(day)), months) for day in days]
        assert add_months(days, months).tolist() == [(day - date(1970, 1, 1)).days for day in want]


def test_spells_count_days_before_a_day_and_stop_at_custody() -> None:
    spells = Spells(np.array([0, 0, 2]), np.array([100, 300, 100]), np.array([199, 320, 1_000]))
    share = spells.days_before(np.array([0, 0, 1, 2, 2]), np.array([150, 1_000, 500, 100, 2_000]), 365)
    assert (share * 365).round().tolist() == [50, 0, 0, 0, 0]
    assert spells.days_before(np.array([0, 2]), np.array([310, 465])).tolist() == [110 / 365, 1.0]
    cut = cut_by_custody(spells, np.array([0, 2]), np.array([150, 90]), np.array([310, 120]))
    assert list(zip(cut.person.tolist(), cut.start.tolist(), cut.end.tolist(), strict=True)) == [(0, 100, 149)]
    none = np.empty(0, dtype=np.int64)
    assert Spells(none, none, none).days_before(np.array([0]), np.array([5])).tolist() == [0.0]


# --- evaluation ----------------------------------------------------------------------------


def _perfect(truth: list[dict[str, Any]], request: str) -> tuple[pa.Table, pa.Table]:
    rows = [row for row in truth if row["request_id"] == request]
    links = [
        {
            "request_id": request,
            "person_ref": f"{row['row_number']:05d}",
            "offender_id": pseudonym(KEY, "offender", row["offender_id"]),
            "status": "linked",
        }
        for row in rows
        if row["offender_id"] and row["fate"] != "incomplete"
    ]
    members = [
        {
            "request_id": request,
            "person_ref": f"{row['row_number']:05d}",
            "offender_id": pseudonym(KEY, "offender", row["offender_id"]),
            "index_event_id": pseudonym(KEY, "sentence", row["sentence_id"]),
            "reason": None,
        }
        for row in rows
        if row["fate"] == "treated"
    ]
    return pa.Table.from_pylist(links), pa.Table.from_pylist(members)


def test_evaluation_of_a_perfect_lab(
    nation: Path, truth: list[dict[str, Any]], effects: dict[str, dict[str, Any]]
) -> None:
    links, members = _perfect(truth, "BRIDGE-2010")
    att = effects["BRIDGE-2010"]["realised_effect"]
    estimate = {
        "request_id": "BRIDGE-2010",
        "outcome": "reoffended",
        "att": att,
        "ci_low": att - 0.01,
        "ci_high": att + 0.01,
    }
    result = evaluate(nation / "truth", KEY, links, members, pa.Table.from_pylist([estimate]))
    bridge = next(item for item in result.requests if item.request_id == "BRIDGE-2010")
    assert (bridge.link_precision, bridge.link_recall, bridge.index_event_right) == (1.0, 1.0, 1.0)
    assert bridge.true_att == pytest.approx(att, abs=1e-6)
    assert bridge.covered is True
    assert bridge.analysed == effects["BRIDGE-2010"]["treated"]
    assert bridge.attrition == pytest.approx(1 - bridge.analysed / bridge.submitted)
    other = next(item for item in result.requests if item.request_id == "CANVAS-2010")
    assert (other.estimate, other.covered, other.link_precision) == (None, None, None)
    lines = result.lines()
    assert len(lines) == 14
    assert lines[-1] == "1 of 1 intervals hold the true effect"
    assert json.loads(result.as_json())["requests"][0]["request_id"] == "BRIDGE-2010"


def test_evaluation_sees_wrong_links_and_missed_effects(nation: Path, truth: list[dict[str, Any]]) -> None:
    links, members = _perfect(truth, "BRIDGE-2010")
    ids = links.column("offender_id").to_pylist()
    ids[: len(ids) // 2] = [1] * (len(ids) // 2)
    links = links.set_column(links.column_names.index("offender_id"), "offender_id", pa.array(ids, pa.int64()))
    estimate = {"request_id": "BRIDGE-2010", "outcome": "reoffended", "att": 0.3, "ci_low": 0.2, "ci_high": 0.4}
    result = evaluate(nation / "truth", KEY, links, members, pa.Table.from_pylist([estimate]))
    bridge = next(item for item in result.requests if item.request_id == "BRIDGE-2010")
    assert bridge.link_precision == pytest.approx(0.5, abs=0.01)
    assert bridge.link_recall is not None
    assert bridge.link_recall < 0.7
    assert bridge.covered is False


def test_evaluation_without_truth_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        evaluate(tmp_path, KEY, pa.table({}), pa.table({}), pa.table({}))
