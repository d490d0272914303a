"""Splink's side of the comparison: a model made by hand for this data, as good as we could make it.

It gets the same standardised texts and phonetic keys as our own linkage, the same eight kinds of
candidates, names compared by Jaro-Winkler with term frequencies, and dates of birth by digits and
days. Splink itself has no nicknames. The SQL stands without quotation marks: those of one engine
are not those of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import SettingsCreator
from splink.blocking_rule_library import CustomRule

from benchmarks.linkage_data import COHORT, IDENTITIES
from jdl_spark.linkage import standardise

Change = Callable[[str], str]

RANDOM_PAIRS = 1e7
SESSION_PAIRS = 5e6
DETERMINISTIC = (
    "l.forename = r.forename and l.surname = r.surname and l.dob = r.dob",
    "l.pnc = r.pnc and l.surname = r.surname",
)
DETERMINISTIC_RECALL = 0.7
_NAMES = "l.forename = r.forename and l.surname = r.surname"
SESSIONS = (f"{_NAMES} and l.postcode = r.postcode", f"{_NAMES} and l.dob = r.dob",
            "l.dob = r.dob and l.postcode = r.postcode")  # fmt: skip
SESSIONS_WITH_PNC = ("l.pnc = r.pnc",)
"""EM on pairs that share an identifier learns from nothing but matches: it was the best of all we tried, ahead of the
three sessions above (best F1 lower by 0.0005), of these with it, and of sessions on dates or names alone (by 0.017)."""
BLOCKING = (
    "l.dob = r.dob",
    "l.dob = r.dob_transposed and l.initial = r.initial",
    "l.surname_sound = r.surname_sound and l.initial = r.initial and l.birth_year = r.birth_year",
    "l.forename_sound = r.forename_sound and l.surname_sound = r.surname_sound",
    "l.forename = r.surname and l.surname = r.forename",
    "l.postcode = r.postcode and l.initial = r.initial",
    "l.postcode = r.postcode and l.surname_sound = r.surname_sound",
    "l.pnc = r.pnc",
)
_SWAPPED = "forename_l = surname_r and surname_l = forename_r"
_PART = "surname_first_l in (surname_first_r, surname_last_r) or surname_last_l in (surname_first_r, surname_last_r)"
_SAME_MIDDLE = 0.99
"""m of equal middle names, given since sessions of pure matches show no other level."""
_PNC_CHANCE = 1e-7
"""u of an equal PNC identifier: random pairs never show one, so it is given, as m is."""


def settings() -> SettingsCreator:
    """Return the model before training."""
    return SettingsCreator(
        link_type="link_only",
        blocking_rules_to_generate_predictions=[CustomRule(rule) for rule in BLOCKING],
        comparisons=[_forename(), _surname(), _birth(), _postcode(), _middle(), cl.ExactMatch("sex"), _pnc()],
        additional_columns_to_retain=["who"],
        retain_matching_columns=False,
        unique_id_column_name="row_id",
        em_convergence=0.0001,
        max_iterations=50,
    )


def _forename() -> cl.CustomComparison:
    return cl.CustomComparison(
        output_column_name="forename",
        comparison_levels=[
            cll.NullLevel("forename"),
            cll.ExactMatchLevel("forename", term_frequency_adjustments=True),
            cll.CustomLevel(_SWAPPED, "forename and surname swapped"),
            cll.JaroWinklerLevel("forename", 0.92),
            cll.JaroWinklerLevel("forename", 0.8),
            cll.CustomLevel("initial_l = initial_r", "same initial"),
            cll.ElseLevel(),
        ],
    )


def _surname() -> cl.CustomComparison:
    """Swapped names are judged with the forename, and count as missing here."""
    missing = f"surname_l is null or surname_r is null or ({_SWAPPED} and forename_l <> forename_r)"
    return cl.CustomComparison(
        output_column_name="surname",
        comparison_levels=[
            cll.CustomLevel(missing, "missing or swapped").configure(is_null_level=True),
            cll.ExactMatchLevel("surname", term_frequency_adjustments=True),
            cll.JaroWinklerLevel("surname", 0.92),
            cll.CustomLevel(_PART, "part of a double name"),
            cll.JaroWinklerLevel("surname", 0.8),
            cll.ElseLevel(),
        ],
    )


def _birth() -> cl.CustomComparison:
    days = "abs(day_number_l - day_number_r)"
    return cl.CustomComparison(
        output_column_name="dob",
        comparison_levels=[
            cll.NullLevel("dob"),
            cll.ExactMatchLevel("dob", term_frequency_adjustments=True),
            cll.CustomLevel("dob_l = dob_transposed_r", "day and month transposed"),
            cll.DamerauLevenshteinLevel("dob", 1),
            cll.CustomLevel(f"{days} <= 31", "within a month"),
            cll.CustomLevel("birth_year_l = birth_year_r", "same year"),
            cll.ElseLevel(),
        ],
    )


def _postcode() -> cl.CustomComparison:
    return cl.CustomComparison(
        output_column_name="postcode",
        comparison_levels=[
            cll.NullLevel("postcode"),
            cll.ExactMatchLevel("postcode"),
            cll.ExactMatchLevel("outward"),
            cll.ElseLevel(),
        ],
    )


def _middle() -> cl.CustomComparison:
    return cl.CustomComparison(
        output_column_name="middle",
        comparison_levels=[
            cll.NullLevel("middle"),
            cll.ExactMatchLevel("middle").configure(m_probability=_SAME_MIDDLE, fix_m_probability=True),
            cll.ElseLevel().configure(m_probability=1 - _SAME_MIDDLE, fix_m_probability=True),
        ],
    )


def _pnc() -> cl.CustomComparison:
    same = cll.ExactMatchLevel("pnc").configure(
        m_probability=0.99, u_probability=_PNC_CHANCE, fix_m_probability=True, fix_u_probability=True
    )
    other = cll.ElseLevel().configure(
        m_probability=0.01, u_probability=1 - _PNC_CHANCE, fix_m_probability=True, fix_u_probability=True
    )
    return cl.CustomComparison(output_column_name="pnc", comparison_levels=[cll.NullLevel("pnc"), same, other])


def sessions(cohort: pa.Table) -> tuple[str, ...]:
    """Return the blocking rules of the EM sessions: on the PNC identifier where the cohorts have any."""
    return SESSIONS_WITH_PNC if cohort.column("pnc").null_count < cohort.num_rows else SESSIONS


def tables(data: Path) -> tuple[pa.Table, pa.Table]:
    """Return cohort and index with standardised texts and every column that the model speaks of.

    `who` is the place of a cohort row in the order of (request_id, person_ref), and the offender_id of an index row,
    whose PNC identifier stands on all its versions.
    """
    cohort = pyarrow.parquet.read_table(data / COHORT)
    cohort = cohort.sort_by([("request_id", "ascending"), ("person_ref", "ascending")])
    index = pyarrow.parquet.read_table(data / IDENTITIES)
    main = index.filter(pc.equal(index.column("version_no"), 1))
    at = pc.index_in(index.column("offender_id"), main.column("offender_id").combine_chunks())
    index = index.set_column(index.column_names.index("pnc_id"), "pnc_id", main.column("pnc_id").take(at))
    return _prepared(cohort, pa.array(np.arange(cohort.num_rows))), _prepared(index, index.column("offender_id"))


def _prepared(rows: pa.Table, who: pa.Array) -> pa.Table:
    forename, surname = _mapped(rows, "forename", standardise.forename), _mapped(rows, "surname", standardise.surname)
    born = rows.column("date_of_birth")
    transposed = pc.if_else(
        pc.and_(pc.less_equal(pc.day(born), 12), pc.not_equal(pc.day(born), pc.month(born))),
        pc.strftime(born, "%Y-%d-%m"),
        pa.scalar(None, pa.string()),
    )
    table = {
        "row_id": pa.array(np.arange(rows.num_rows)),
        "who": who,
        "forename": forename,
        "initial": pc.utf8_slice_codeunits(forename, 0, 1),
        "surname": surname,
        "surname_first": _each(surname, lambda text: text.split(" ")[0]),
        "surname_last": _each(surname, lambda text: text.split(" ")[-1]),
        "forename_sound": _each(forename, lambda text: standardise.sound(text.split(" ")[0])),
        "surname_sound": _each(surname, lambda text: standardise.sound(text.split(" ")[0])),
        "middle": _mapped(rows, "middle_names", standardise.forename),
        "dob": pc.strftime(born, "%Y-%m-%d"),
        "dob_transposed": transposed,
        "day_number": born.cast(pa.int32()),
        "birth_year": pc.year(born).cast(pa.int32()),
        "sex": rows.column("sex"),
        "postcode": _mapped(rows, "postcode", lambda text: standardise.postcode(text)[0]),
        "outward": _mapped(rows, "postcode", lambda text: standardise.postcode(text)[1]),
        "pnc": _mapped(rows, "pnc_id", standardise.pnc_id),
    }
    return pa.table(table)


def _mapped(rows: pa.Table, column: str, change: Change) -> pa.Array:
    return _each(rows.column(column).combine_chunks(), change)


def _each(texts: pa.Array, change: Change) -> pa.Array:
    """Change each distinct text once; an empty result is missing."""
    coded = texts.dictionary_encode()
    changed = pa.array([change(text) or None for text in coded.dictionary.to_pylist()], pa.string())
    return changed.take(coded.indices)
