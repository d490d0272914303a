"""Data for the benchmark of linkage: an index of identities, cohorts drawn from it, and the truth.

Made of the pieces that the synthetic nation is made of, but without careers, so that ten million
identities take minutes. The nation comes in chunks of a million people, each with random numbers of
its own: memory is bounded by a chunk. The same arguments give the same bytes.

No real record was used; any likeness to a living person is chance.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic.calendar import from_date, to_dates
from jdl_spark.synthetic.careers import draw_onset
from jdl_spark.synthetic.cohorts import PNC_SHARE, copied_pnc
from jdl_spark.synthetic.corruption import COHORT_RATES, Written, write_down
from jdl_spark.synthetic.names import Ints, NameModel, Texts
from jdl_spark.synthetic.people import People, Places, draw_people, make_relatives
from jdl_spark.synthetic.registers import Register, offender_register, pnc_ids

IDENTITIES, COHORT, TRUTH, ABOUT = "identities", "cohort.parquet", "truth.parquet", "about.json"
PRESENT, ABSENT, ABSENT_RELATIVE = "present", "absent", "absent_relative"
CHUNK = 1_000_000
"""People made at a time."""
ABSENT_SHARE = 0.10
RELATIVE_SHARE = 1 / 3
"""Of the absent: siblings, twins, namesakes and partners of people in the index, at the same address."""
RATES = replace(COHORT_RATES, forename_typo=0.0255, forename_sound=0.0123, nickname=0.085, surname_typo=0.029,
                surname_sound=0.0123, swapped=0.0103, birth_date=0.033)  # fmt: skip
"""COHORT_RATES are chances of a slip; some slips change nothing (a forename without short forms has no nickname). Here
they are raised until the share of rows *changed* is at least what the trial of peers had: forename typo 2.5 %, nickname
3.6 %, phonetic 1.2 %; surname typo 2.8 %; swapped 1.0 %; birth date 3.2 %."""
REHOUSED = 0.25
"""Of the people present, those who moved to an address that no register knows, so that with the older and newer
addresses of the others two in five supplied postcodes differ from the main record's."""
_LAST_DAY = date(2015, 12, 31)
_FEMALE_SHARE = 0.19
_SEXES = np.array(["F", "M", None], dtype=object)
_COMPARED = ("forename", "middle_names", "surname", "born", "sex", "postcode")


@dataclass(frozen=True)
class Size:
    """How much to make."""

    identities: int = 1_000_000
    people: int = 60_000
    cohorts: int = 200
    pnc: bool = True


@dataclass
class Chunk:
    """One part of the nation and the cohort people that go with it.

    Attributes
    ----------
    first : number of the first person of the chunk.
    register : name versions; `identity` counts from 0 within the chunk.
    pnc : identifier of each person of the chunk.
    written : what the organisations wrote of their people.
    person : int64, shape (cohort people,). Who each is, counted within the chunk, or -1 for somebody absent.
    kind : str, shape (cohort people,). PRESENT, ABSENT or ABSENT_RELATIVE.
    supplied_pnc : str, shape (cohort people,). Empty where not supplied.
    """

    first: int
    register: Register
    pnc: Texts
    written: Written
    person: Ints
    kind: Texts
    supplied_pnc: Texts


def generate(out: Path, size: Size, seed: int) -> dict[str, Any]:
    """Write the index, the cohorts and the truth below `out`; what an earlier call left there is replaced.

    Parameters
    ----------
    out : Path
        Folder for `identities/` (columns of schemas.OFFENDER_IDENTITIES), `cohort.parquet` (of schemas.COHORT_MEMBERS),
        `truth.parquet` (request_id, person_ref, offender_id or NULL, kind) and `about.json`.

    Returns
    -------
    dict
        The content of `about.json`: counts, and shares of the present rows that differ from their main record.
    """
    shutil.rmtree(out / IDENTITIES, ignore_errors=True)
    (out / IDENTITIES).mkdir(parents=True)
    differences, cohorts, truths, versions = [], [], [], 0
    for number, chunk in enumerate(chunks(size, seed)):
        index = _index_table(chunk)
        pyarrow.parquet.write_table(index, out / IDENTITIES / f"part-{number:03d}.parquet", row_group_size=100_000)
        versions += index.num_rows
        differences.append(_differences(chunk))
        cohorts.append(_person_table(chunk.written, chunk.supplied_pnc))
        at = np.where(chunk.person < 0, -1, chunk.person + chunk.first)
        truths.append(pa.table({"offender_id": pa.array(at, mask=at < 0), "kind": pa.array(chunk.kind, pa.string())}))
    order = generator("benchmark linkage", seed, "order").permutation(size.people)
    references = _references(size)
    for name, parts in ((COHORT, cohorts), (TRUTH, truths)):
        rows = pa.concat_tables(parts).take(pa.array(order))
        for column, values in reversed(references.items()):
            rows = rows.add_column(0, column, values)
        pyarrow.parquet.write_table(rows, out / name)
    shares = {name: round(float(np.concatenate([d[name] for d in differences]).mean()), 4) for name in differences[0]}
    about = {"seed": seed, **vars(size), "versions": versions, "present_rows_that_differ": shares}
    (out / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return about


def chunks(size: Size, seed: int, chunk: int = CHUNK) -> Iterator[Chunk]:
    """Make the nation part by part.

    Parameters
    ----------
    chunk : people a part.

    Yields
    ------
    Chunk
    """
    places, names = Places(max(200, size.identities // 3), seed), NameModel()
    for number, first in enumerate(range(0, size.identities, chunk)):
        last = min(first + chunk, size.identities)
        wanted = size.people * last // size.identities - size.people * first // size.identities
        yield _make_chunk(names, places, first, last - first, wanted, size.pnc, seed * 1_000 + number)


def _make_chunk(
    names: NameModel, places: Places, first: int, count: int, wanted: int, supply_pnc: bool, seed: int
) -> Chunk:
    born, onset = draw_onset(count, from_date(_LAST_DAY), count // 20, seed)
    people = draw_people(names, places, born, _FEMALE_SHARE, seed, "offender")
    register, pnc = offender_register(people, places, seed), pnc_ids(onset, first)
    random = generator("benchmark linkage", seed, "cohort")
    absent = round(wanted * ABSENT_SHARE)
    person = random.permutation(count)[: wanted - absent]
    others, near = _absent(random, names, places, people, absent, seed)
    parts = [
        write_down(random, _rehoused(random, people, person, places), np.arange(len(person)), places, RATES),
        write_down(random, others, np.arange(absent), places, RATES),
    ]
    supplied = np.full(wanted, "", dtype=object)
    if supply_pnc:
        for row in np.flatnonzero(random.random(len(person)) < PNC_SHARE):
            supplied[row] = copied_pnc(random, pnc[person[row]])
    kind = np.array([PRESENT] * len(person) + [ABSENT] * absent, dtype=object)
    kind[len(person) + near] = ABSENT_RELATIVE
    whose = np.concatenate([person, np.full(absent, -1)])
    return Chunk(first, register, pnc, Written.stack(parts), whose, kind, supplied)


def _absent(
    random: np.random.Generator, names: NameModel, places: Places, people: People, count: int, seed: int
) -> tuple[People, Ints]:
    """Draw people who are in no register, and make some of them relatives of people who are: who, and which rows."""
    born, _ = draw_onset(count, from_date(_LAST_DAY), count // 20, seed + 500)
    others = draw_people(names, places, born, _FEMALE_SHARE, seed, "absent")
    near = random.permutation(count)[: round(count * RELATIVE_SHARE)]
    make_relatives(random, names, others, near, people, random.integers(0, len(people), len(near)))
    return others, near


def _rehoused(random: np.random.Generator, people: People, rows: Ints, places: Places) -> People:
    """Return some of the people, REHOUSED of them at an address that nobody knew before."""
    out = People(*(getattr(people, f.name)[rows] for f in fields(People)))
    moved = np.flatnonzero(random.random(len(rows)) < REHOUSED)
    out.postcode[moved] = out.later_postcode[moved] = places.draw(random, len(moved))
    return out


def _index_table(chunk: Chunk) -> pa.Table:
    """Return one row per name version; like the register's extract, the main record only has the PNC identifier."""
    register = chunk.register
    pnc = np.where(register.version == 1, chunk.pnc[register.identity], "").astype(object)
    rows = _person_table(register.written, pnc)
    rows = rows.add_column(0, "version_no", pa.array(register.version, pa.int32()))
    return rows.add_column(0, "offender_id", pa.array(register.identity + chunk.first, pa.int64()))


def _person_table(written: Written, pnc: Texts) -> pa.Table:
    return pa.table(
        {
            "forename": _text(written.forename),
            "middle_names": _text(written.middle_names),
            "surname": _text(written.surname),
            "date_of_birth": pa.array(to_dates(written.born)),
            "sex": pa.array(_SEXES[written.sex], pa.string()),
            "postcode": _text(written.postcode),
            "pnc_id": _text(pnc),
        }
    )


def _text(values: Texts) -> pa.Array:
    array = pa.array(values, pa.string())
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)


def _references(size: Size) -> dict[str, pa.Array]:
    """Return request and person of each cohort row; the cohorts are of one size, give or take a person."""
    start = np.arange(size.cohorts + 1) * size.people // size.cohorts
    request = np.repeat(np.arange(1, size.cohorts + 1), np.diff(start))
    place = np.arange(size.people) - start[request - 1] + 1
    return {
        "request_id": pa.array([f"R-{number:04d}" for number in request]),
        "person_ref": pa.array([f"{number:05d}" for number in place]),
    }


def _differences(chunk: Chunk) -> dict[str, np.ndarray]:
    """Return per present row and field whether it differs from the main record, letter case apart."""
    present = np.flatnonzero(chunk.person >= 0)
    main = chunk.register.written.take(np.flatnonzero(chunk.register.version == 1)).take(chunk.person[present])
    cohort = chunk.written.take(present)
    found = {}
    for name in _COMPARED:
        left, right = getattr(cohort, name), getattr(main, name)
        if left.dtype == object:
            left, right = (np.array([text.upper() for text in side], dtype=object) for side in (left, right))
        found[name] = np.asarray(left != right, dtype=bool)
    supplied = (cohort.postcode != "") & (main.postcode != "")
    found["any"] = np.logical_or.reduce([found[name] for name in _COMPARED])
    return found | {"supplied_postcode": found["postcode"][supplied]}


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and generate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=Size.identities)
    parser.add_argument("--people", type=int, default=Size.people)
    parser.add_argument("--cohorts", type=int, default=Size.cohorts)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--no-pnc", dest="pnc", action="store_false", help="supply no PNC identifiers")
    parser.add_argument("--out", type=Path, required=True)
    told = vars(parser.parse_args(arguments))
    out, seed = told.pop("out"), told.pop("seed")
    print(json.dumps(generate(out, Size(**told), seed)))


if __name__ == "__main__":
    main()
