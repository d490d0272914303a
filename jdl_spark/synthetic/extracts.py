"""The national extracts as their keepers would send them on the day `as_of`.

What was not known by that day is not there: later offences and sentences are absent, a charge that
was still open has no outcome, a person still inside has no release. Identifiers do not depend on the
day, so a later extract repeats every row of an earlier one, some with more known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from jdl_spark.schemas import DISPOSALS, OFFENCE_GROUPS, OUTCOME_KINDS
from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic import defects
from jdl_spark.synthetic.calendar import NEVER, to_dates
from jdl_spark.synthetic.careers import NO_SENTENCE, PROGRAMMES, Attendances, Careers, Offences, Sentences
from jdl_spark.synthetic.corruption import NO_DATE
from jdl_spark.synthetic.names import ETHNICITY_OF, Ints, Texts
from jdl_spark.synthetic.people import AREAS, Bools, People, Places
from jdl_spark.synthetic.registers import Claimants, Register
from jdl_spark.synthetic.sources import SOURCES
from jdl_spark.synthetic.spells import Spells

_CHARGE_DAYS = 30  # an open offence shows up in the register after this many days
_NONE = OUTCOME_KINDS.index("none")


@dataclass
class Records:
    """Everything the extracts are made of, up to the last simulated day."""

    people: People
    places: Places
    careers: Careers
    offenders: Register
    pnc_ids: Texts
    claimants: Claimants
    work: Spells
    benefit: Spells
    """Spells by claimant number."""


def identifiers(prefix: str, numbers: Ints, width: int = 9) -> pa.Array:
    """Return source identifiers: a letter and a padded number; null for negative numbers."""
    text = pc.utf8_lpad(pa.array(numbers.astype(np.int64)).cast(pa.string()), width=width, padding="0")
    return pc.if_else(
        pa.array(numbers >= 0), pc.binary_join_element_wise(prefix, text, ""), pa.scalar(None, pa.string())
    )


def write_extracts(folder: Path, mappings: Path, records: Records, as_of: int, seed: int) -> dict[str, int]:
    """Write all extracts and their mapping files.

    Parameters
    ----------
    as_of : day up to which things are known.

    Returns
    -------
    dict
        Rows per table, broken rows included.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mappings.mkdir(parents=True, exist_ok=True)
    sentenced = records.careers.sentences
    sentenced = sentenced.take(np.flatnonzero(sentenced.start <= as_of))
    offences = _known(records.careers.offences, sentenced, as_of)
    attendances = records.careers.attendances
    attendances = attendances.take(np.flatnonzero(attendances.start <= as_of))
    known = np.zeros(len(records.people), dtype=bool)
    known[offences.person] = True
    known[sentenced.person] = True
    tables: dict[str, Callable[[], pa.Table]] = {
        "offender_identities": lambda: _offender_identities(records, known),
        "benefit_identities": lambda: _benefit_identities(records.claimants.register),
        "offenders": lambda: _offenders(records.people, known, seed),
        "sentences": lambda: _sentences(sentenced, records.people, records.places, as_of),
        "offences": lambda: _offences(offences),
        "programme_attendance": lambda: _attendance(attendances, as_of),
        "benefit_spells": lambda: _spells("benefit_spells", records.benefit, as_of, seed),
        "employment_spells": lambda: _spells("employment_spells", records.work, as_of, seed),
    }
    counts: dict[str, int] = {}
    for name, make in tables.items():
        source = SOURCES[name]
        table = defects.add(make(), source, generator("synthetic", seed, "defects", name))
        path = folder / source.file
        if source.format == "csv":
            options = pyarrow.csv.WriteOptions(delimiter=source.delimiter)
            pyarrow.csv.write_csv(table, path, options)
        else:
            pyarrow.parquet.write_table(table, path, compression="zstd")
        (mappings / f"{name}.toml").write_text(source.mapping(), encoding="utf-8")
        counts[name] = table.num_rows
    return counts


def _known(offences: Offences, sentences: Sentences, as_of: int) -> Offences:
    """Return the offences on record by the day; an outcome that came later is not there yet."""
    settled = offences.outcome_day <= as_of
    charged = np.where(
        offences.outcome_day < NEVER, np.minimum(offences.day + _CHARGE_DAYS, offences.outcome_day), offences.day
    )
    out = offences.take(np.flatnonzero((offences.day <= as_of) & (settled | (charged <= as_of))))
    open_ = out.outcome_day > as_of
    out.outcome[open_] = _NONE
    out.outcome_day[open_] = NEVER
    out.sentence[~np.isin(out.sentence, sentences.number)] = NO_SENTENCE
    return out


def _offender_identities(records: Records, known: Bools) -> pa.Table:
    register = records.offenders
    rows = np.flatnonzero(known[register.identity])
    columns = _written(register, rows, {0: "2", 1: "1", -1: "9"}, "%Y-%m-%d")
    pnc = records.pnc_ids[register.identity[rows]]
    pnc[register.version[rows] != 1] = None
    columns["pnc_id"] = pa.array(pnc, pa.string())
    return _named("offender_identities", {"offender_id": identifiers("P", register.identity[rows]), **columns})


def _benefit_identities(register: Register) -> pa.Table:
    rows = np.arange(len(register.identity))
    columns = _written(register, rows, {0: "FEMALE", 1: "MALE", -1: "NOT KNOWN"}, "%Y%m%d")
    return _named("benefit_identities", {"claimant_id": identifiers("C", register.identity), **columns})


def _written(register: Register, rows: Ints, sexes: dict[int, str], pattern: str) -> dict[str, pa.Array]:
    w = register.written
    words = np.array([sexes[0], sexes[1], sexes[-1]], dtype=object)
    born = np.where(w.born == NO_DATE, NEVER, w.born)[rows]
    return {
        "version_no": pa.array(register.version[rows], pa.int32()),
        "forename": _text(w.forename[rows]),
        "middle_names": _text(w.middle_names[rows]),
        "surname": _text(w.surname[rows]),
        "date_of_birth": _days(born, pattern),
        "sex": pa.array(words[w.sex[rows]], pa.string()),
        "postcode": _text(w.postcode[rows]),
    }


def _offenders(people: People, known: Bools, seed: int) -> pa.Table:
    random = generator("synthetic", seed, "offenders")
    rows = np.arange(len(people))
    codes = SOURCES["offenders"].code_of("ethnicity")
    ethnicity = np.array([codes[name] for name in ETHNICITY_OF], dtype=object)[people.community]
    ethnicity[random.random(len(rows)) < 0.03] = "IC9"
    nationality = np.where(people.foreign, "XX", "GB").astype(object)
    nationality[random.random(len(rows)) < 0.04] = "ZZ"
    sex = np.where(people.man, "1", "2").astype(object)
    sex[random.random(len(rows)) < 0.002] = "9"
    rows = np.flatnonzero(known)
    return _named("offenders", {
        "offender_id": identifiers("P", rows), "sex": pa.array(sex[rows], pa.string()),
        "ethnicity": pa.array(ethnicity[rows], pa.string()), "nationality": pa.array(nationality[rows], pa.string()),
    })  # fmt: skip


def _sentences(sentences: Sentences, people: People, places: Places, as_of: int) -> pa.Table:
    codes = SOURCES["sentences"].code_of("disposal")
    area = np.array(AREAS, dtype=object)[places.area[people.postcode[sentences.person]]]
    release = np.where(sentences.release <= as_of, sentences.release, NEVER)
    return _named("sentences", {
        "sentence_id": identifiers("S", sentences.number), "offender_id": identifiers("P", sentences.person),
        "disposal": _coded(sentences.disposal, [codes[name] for name in DISPOSALS]),
        "sentence_date": _days(sentences.day, "%d/%m/%Y"), "start_date": _days(sentences.start, "%d/%m/%Y"),
        "release_date": _days(release, "%d/%m/%Y"), "length_days": pa.array(sentences.length, pa.int32()),
        "area": pa.array(area, pa.string()),
    })  # fmt: skip


def _offences(offences: Offences) -> pa.Table:
    source = SOURCES["offences"]
    groups, outcomes = source.code_of("offence_group"), source.code_of("outcome_kind")
    return _named("offences", {
        "offence_id": identifiers("F", offences.number), "offender_id": identifiers("P", offences.person),
        "offence_date": _days(offences.day, "%Y-%m-%d"),
        "offence_group": _coded(offences.group, [groups[name] for name in OFFENCE_GROUPS]),
        "severity": pa.array(offences.severity, pa.int32()),
        "outcome_kind": _coded(offences.outcome, [outcomes[name] for name in OUTCOME_KINDS]),
        "outcome_date": _days(offences.outcome_day, "%Y-%m-%d"),
        "recordable": _coded(offences.recordable.astype(np.int64), ["N", "Y"]),
        "breach": _coded(offences.breach.astype(np.int64), ["N", "Y"]),
        "sentence_id": identifiers("S", offences.sentence),
    })  # fmt: skip


def _attendance(attendances: Attendances, as_of: int) -> pa.Table:
    over = attendances.end <= as_of
    completed = _coded(attendances.completed.astype(np.int64), ["N", "Y"])
    return _named(
        "programme_attendance",
        {
            "attendance_id": identifiers("A", attendances.number),
            "offender_id": identifiers("P", attendances.person),
            "programme": _coded(attendances.programme, list(PROGRAMMES)),
            "start_date": _days(attendances.start, "%d/%m/%Y"),
            "end_date": _days(np.where(over, attendances.end, NEVER), "%d/%m/%Y"),
            "completed": pc.if_else(pa.array(over), completed, pa.scalar(None, pa.string())),
        },
    )


def _spells(table: str, spells: Spells, as_of: int, seed: int) -> pa.Table:
    """Spells keep their number whatever the day: it is their place among all."""
    number = np.arange(len(spells.person))
    kind = generator("synthetic", seed, "benefit kind").choice(5, size=len(number), p=[0.55, 0.13, 0.12, 0.15, 0.05])
    rows = np.flatnonzero(spells.start <= as_of)
    pattern = "%Y%m%d" if table == "benefit_spells" else "%Y-%m-%d"
    columns = {
        "spell_id": identifiers("B" if table == "benefit_spells" else "E", number[rows]),
        "claimant_id": identifiers("C", spells.person[rows]),
        "benefit": _coded(kind[rows], ["JSA", "ESA", "IB", "IS", "PIB"]),
        "start_date": _days(spells.start[rows], pattern),
        "end_date": _days(np.where(spells.end <= as_of, spells.end, NEVER)[rows], pattern),
    }
    return _named(table, columns)


def _named(table: str, columns: dict[str, pa.Array]) -> pa.Table:
    """Give the columns the source's names, in the mapping's order."""
    return pa.table({theirs: columns[ours] for ours, theirs in SOURCES[table].columns.items()})


def _text(values: Texts) -> pa.Array:
    array = pa.array(values, pa.string())
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)


def _days(days: Ints, pattern: str) -> pa.Array:
    return pc.strftime(pa.array(to_dates(days).astype("datetime64[s]")), format=pattern)


def _coded(codes: Ints, words: list[str]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(codes.astype(np.int64)))
