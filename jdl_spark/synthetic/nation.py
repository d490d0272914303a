"""Make a synthetic nation: national extracts, requests, and the truth about them.

No real record was used: names come from short lists of common names, everything else from published
rates and a generator of random numbers. Any likeness to a living person is chance.

Everything is simulated to a fixed last day and then cut at `as_of`, so the same seed with a later
`as_of` is the same nation, a data year older.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from jdl_spark.errors import UsageError
from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic import careers, catalogue, registers, truth
from jdl_spark.synthetic.calendar import from_date
from jdl_spark.synthetic.cohorts import Cohort, Nation, form_cohort, plant_effects
from jdl_spark.synthetic.extracts import Records, write_extracts
from jdl_spark.synthetic.names import Ints, NameModel
from jdl_spark.synthetic.people import Places, draw_people
from jdl_spark.synthetic.registers import Claimants
from jdl_spark.synthetic.spells import Spells, cut_by_custody, simulate_spells
from jdl_spark.synthetic.submissions import write_request
from jdl_spark.synthetic.treatment import Candidates, apply_effects

LAST_DAY = date(2015, 12, 31)
"""Simulation ends here; `as_of` must not be later."""
_FEMALE_SHARE = 0.19
_LATE_SHARE = 0.05  # of identities, whose first offence lies after June 2013
_FEWEST = 1_000  # identities
_OTHERS_SPELLS = 0.45  # spells kept of claimants who never offended


def generate(
    out: Path, identities: int = 100_000, seed: int = 2013, as_of: date = date(2013, 6, 30), requests: str = "demo"
) -> dict[str, Any]:
    """Write a nation below `out`: `extracts/`, `mappings/`, `requests/` and `truth/`.

    Parameters
    ----------
    out : Path
        Folder; what an earlier call left in those four is replaced.
    identities : int
        People with a criminal record by the end of 2015; some 95 % of them have one in June 2013.
    seed : int
        The same seed gives the same bytes.
    as_of : date
        The extracts hold what was known on this day.
    requests : str
        `demo` (twelve of different character), `many:N` or `none`.

    Returns
    -------
    dict
        identities, as_of, rows per table, and per request its rows, planted and realised effect.

    Raises
    ------
    UsageError
        If there are too few identities, `as_of` lies outside the simulation or `requests` names nothing.
    """
    if identities < _FEWEST:
        raise UsageError(f"a synthetic nation needs at least {_FEWEST:,} identities")
    if not date(2000, 1, 1) <= as_of <= LAST_DAY:
        raise UsageError(f"as_of must lie between 2000-01-01 and {LAST_DAY}")
    specs = catalogue.requests(requests, seed)
    for name in ("extracts", "mappings", "requests", "truth"):
        shutil.rmtree(out / name, ignore_errors=True)
    last_day = from_date(LAST_DAY)
    born, onset = careers.draw_onset(identities, last_day, int(identities * _LATE_SHARE), seed)
    places = Places(max(200, identities // 3), seed)
    names = NameModel()
    people = draw_people(names, places, born, _FEMALE_SHARE, seed, "offender")
    ability = generator("synthetic", seed, "ability").standard_normal(identities)
    work, benefit = simulate_spells(people.born, ability, last_day, seed, "offender")
    before = careers.simulate(people, onset, ability, work, benefit, last_day, seed)
    claimants = registers.claimant_register(people, places, names, seed)
    nation = Nation(people, places, names, before, registers.pnc_ids(onset))
    recorded = _of_claimants(_without_custody(work, before), claimants, identities)
    candidates = Candidates(people, before, recorded, last_day)
    cohorts: dict[str, Cohort] = {}
    for spec in specs:
        cohorts[spec.id] = form_cohort(spec, nation, candidates, cohorts, seed)
    plant_effects(cohorts.values(), identities, seed)
    after = apply_effects(before, [(cohort.spec, cohort.served) for cohort in cohorts.values()], seed)
    for name, cohort in cohorts.items():
        write_request(out / "requests" / name, cohort, seed)
    (out / "requests").mkdir(parents=True, exist_ok=True)
    planted = truth.write_truth(out / "truth", list(cohorts.values()), before, after, candidates, claimants)
    spells = _claimants_spells(work, benefit, after, claimants, identities, last_day, seed)
    records = Records(
        people, places, after, registers.offender_register(people, places, seed), nation.pnc_ids, claimants, *spells
    )
    rows = write_extracts(out / "extracts", out / "mappings", records, from_date(as_of), seed)
    return {"identities": identities, "seed": seed, "as_of": as_of.isoformat(), "rows": rows, "requests": planted}


def _without_custody(spells: Spells, history: careers.Careers) -> Spells:
    inside = history.sentences.take(np.flatnonzero(history.sentences.disposal == careers.CUSTODY))
    inside = inside.take(np.lexsort((inside.start, inside.person)))
    return cut_by_custody(spells, inside.person, inside.start, inside.release)


def _holders(claimants: Claimants, identities: int) -> tuple[Ints, Ints]:
    """Return each offender's claimant number and, for people with two records, the second; -1 for none."""
    of = np.flatnonzero(claimants.offender >= 0)
    order = of[np.argsort(claimants.offender[of], kind="stable")]
    person = claimants.offender[order]
    first, second = np.full(identities, -1), np.full(identities, -1)
    again = np.concatenate([[False], person[1:] == person[:-1]])
    first[person[~again]] = order[~again]
    second[person[again]] = order[again]
    return first, second


def _of_claimants(spells: Spells, claimants: Claimants, identities: int) -> Spells:
    """Return the spells of people whom the benefit and employment records know."""
    first, _ = _holders(claimants, identities)
    return spells.take(np.flatnonzero(first[spells.person] >= 0))


def _claimants_spells(
    work: Spells,
    benefit: Spells,
    history: careers.Careers,
    claimants: Claimants,
    identities: int,
    last_day: int,
    seed: int,
) -> tuple[Spells, Spells]:
    """Return work and benefit spells by claimant number, of offenders and of everybody else."""
    random = generator("synthetic", seed, "claimants spells")
    first, second = _holders(claimants, identities)
    number_of_other = np.empty(len(claimants.others), dtype=np.int64)
    mine = np.flatnonzero(claimants.other >= 0)
    number_of_other[claimants.other[mine]] = mine
    ability = random.standard_normal(len(claimants.others)) + 0.4
    others = simulate_spells(claimants.others.born, ability, last_day, seed, "claimant")
    out = []
    for own, strangers in zip((work, benefit), others, strict=True):
        own = _of_claimants(_without_custody(own, history), claimants, identities)
        odd = (np.arange(len(own.person)) % 2 == 1) & (second[own.person] >= 0)
        own = Spells(np.where(odd, second[own.person], first[own.person]), own.start, own.end)
        kept = strangers.take(np.flatnonzero(random.random(len(strangers.person)) < _OTHERS_SPELLS))
        person = np.concatenate([own.person, number_of_other[kept.person]])
        start, end = np.concatenate([own.start, kept.start]), np.concatenate([own.end, kept.end])
        order = np.lexsort((start, person))
        out.append(Spells(person[order], start[order], end[order]))
    return out[0], out[1]
