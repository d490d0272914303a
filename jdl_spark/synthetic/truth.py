"""The planted truth, kept apart from everything the lab may read: for tests and `jdl evaluate` only."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from jdl_spark.synthetic.calendar import year_of
from jdl_spark.synthetic.careers import Careers
from jdl_spark.synthetic.catalogue import TREATED
from jdl_spark.synthetic.cohorts import NOBODY, Cohort
from jdl_spark.synthetic.corruption import NO_DATE
from jdl_spark.synthetic.extracts import identifiers
from jdl_spark.synthetic.follow_up import follow
from jdl_spark.synthetic.names import Ints
from jdl_spark.synthetic.registers import Claimants
from jdl_spark.synthetic.treatment import Candidates

PERSONS, REQUESTS, CLAIMANTS = "persons.parquet", "requests.json", "claimants.parquet"


@dataclass
class Outcomes:
    """What became of a cohort's rows, without and with the service; meaningful where `event` is known."""

    without: Ints
    with_service: Ints

    def effect(self, rows: np.ndarray) -> float:
        """Return the mean change of the reoffending rate among the chosen rows."""
        if not len(rows):
            return 0.0
        return float(np.mean((self.with_service[rows] > 0).astype(float) - (self.without[rows] > 0)))


def write_truth(folder: Path, cohorts: list[Cohort], before: Careers, after: Careers, candidates: Candidates,
                claimants: Claimants) -> dict[str, dict[str, object]]:  # fmt: skip
    """Write links, outcomes and effects.

    Parameters
    ----------
    before, after : careers without and with the planted effects.

    Returns
    -------
    dict
        Per request what `requests.json` holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables, summaries = [], {}
    for cohort in cohorts:
        table, outcomes = _persons(cohort, before, after)
        tables.append(table)
        summaries[cohort.spec.id] = _summary(cohort, outcomes, after, candidates)
    if tables:
        pyarrow.parquet.write_table(pa.concat_tables(tables), folder / PERSONS)
    (folder / REQUESTS).write_text(json.dumps(summaries, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    holders = np.flatnonzero(claimants.offender >= 0)
    linked = {
        "claimant_id": identifiers("C", holders),
        "offender_id": identifiers("P", claimants.offender[holders]),
    }
    pyarrow.parquet.write_table(pa.table(linked), folder / CLAIMANTS)
    return summaries


def _persons(cohort: Cohort, before: Careers, after: Careers) -> tuple[pa.Table, Outcomes]:
    size = len(cohort)
    known = np.flatnonzero(cohort.event != NOBODY)
    index = np.full(size, NO_DATE)
    index[known] = _index_dates(before, cohort.event[known])
    without, with_service = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    without[known] = follow(before.offences, cohort.person[known], index[known]).reoffences
    with_service[known] = follow(after.offences, cohort.person[known], index[known]).reoffences
    has_event = pa.array(cohort.event != NOBODY)
    nothing = pa.scalar(None, pa.int32())
    table = pa.table({
        "request_id": pa.array([cohort.spec.id] * size), "row_number": pa.array(np.arange(1, size + 1), pa.int32()),
        "fate": pa.array(cohort.fate, pa.string()), "offender_id": identifiers("P", cohort.person),
        "sentence_id": identifiers("S", cohort.event), "index_date": _dates(index),
        "intervention_start": _dates(cohort.start),
        "reoffences_without": pc.if_else(has_event, pa.array(without, pa.int32()), nothing),
        "reoffences_with": pc.if_else(has_event, pa.array(with_service, pa.int32()), nothing),
    })  # fmt: skip
    return table, Outcomes(without, with_service)


def _index_dates(careers: Careers, event: Ints) -> Ints:
    release, start = careers.sentences.release[event], careers.sentences.start[event]
    return np.where(careers.sentences.disposal[event] == 0, release, start)


def _dates(days: Ints) -> pa.Array:
    return pa.array(days.astype("datetime64[D]"), mask=days == NO_DATE)


def _summary(cohort: Cohort, outcomes: Outcomes, after: Careers, candidates: Candidates) -> dict[str, object]:
    treated = np.flatnonzero(cohort.fate == TREATED)
    fates = Counter(cohort.fate.tolist())
    rate = float(np.mean(outcomes.with_service[treated] > 0)) if len(treated) else 0.0
    return {
        "planted_effect": cohort.spec.effect,
        "realised_effect": round(outcomes.effect(treated), 6),
        "realised_reoffences": round(
            float(np.mean(outcomes.with_service[treated] - outcomes.without[treated])) if len(treated) else 0.0, 6
        ),
        "rate_treated": round(rate, 6),
        "naive_difference": round(rate - _national_rate(cohort, after, candidates), 6),
        "rows": len(cohort),
        "treated": len(treated),
        "fates": dict(sorted(fates.items())),
    }


def _national_rate(cohort: Cohort, after: Careers, candidates: Candidates) -> float:
    """Return the rate of everybody else with an event of the same years, kind and sex: the unmatched comparison."""
    years = [*cohort.spec.years, max(cohort.spec.years) + 1] if cohort.spec.setting == "custody" else cohort.spec.years
    rows = np.isin(year_of(candidates.index), years) & ~np.isin(candidates.person, cohort.served.person)
    if cohort.spec.setting == "custody":
        rows &= candidates.custody
    if cohort.spec.women:
        rows &= candidates.woman
    at = np.flatnonzero(rows)
    return (
        float(np.mean(follow(after.offences, candidates.person[at], candidates.index[at]).reoffended))
        if len(at)
        else 0.0
    )
