"""The covariates by name, with what a reader of the report calls them. No Spark.

A missing fact is 0 in its own column and 1 in an indicator, so that the matrix has no gaps; the level
that is left out of a set of yes/no columns is named with its group.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Covariate:
    """One column of the covariate matrix."""

    name: str
    label: str
    unit: str
    group: str


def _yes_no(group: str, *pairs: tuple[str, str]) -> tuple[Covariate, ...]:
    return tuple(Covariate(name, label, "yes/no", group) for name, label in pairs)


def _log_counts(group: str, *pairs: tuple[str, str]) -> tuple[Covariate, ...]:
    return tuple(Covariate(name, f"{label} (log of 1 + number)", "log count", group) for name, label in pairs)


DEMOGRAPHICS = (
    Covariate("age", "Age at index date", "years", "demographics"),
    Covariate("age_squared", "Age at index date, squared", "hundreds of years squared", "demographics"),
    *_yes_no(
        "demographics (other ethnicity: White; nationality: UK)",
        ("age_unknown", "Age not known"),
        ("female", "Female"),
        ("ethnicity_asian", "Asian"),
        ("ethnicity_black", "Black"),
        ("ethnicity_other", "Other ethnicity"),
        ("ethnicity_unknown", "Ethnicity not known"),
        ("nationality_foreign", "Foreign national"),
        ("nationality_unknown", "Nationality not known"),
    ),
)

INDEX_OFFENCE_GROUPS = (
    "violence", "robbery", "public_order", "burglary", "fraud", "drugs", "motoring", "sexual", "criminal_damage",
    "other",
)  # fmt: skip
"""Groups with a column of their own; theft is the level left out, terrorism counts as other."""

INDEX_OFFENCE = (
    *_yes_no(
        "index offence (left out: theft)",
        *((f"index_{name}", f"Index offence: {name.replace('_', ' ')}") for name in INDEX_OFFENCE_GROUPS),
        ("index_offence_unknown", "Index offence not known"),
        ("index_most_serious", "Index offence of the most serious tier"),
        ("index_least_serious", "Index offence of the least serious tier"),
    ),
)

SENTENCE = _yes_no(
    "sentence (left out: community order; custody up to 6 months)",
    ("custody", "Custodial sentence"),
    ("suspended", "Suspended sentence"),
    ("custody_6_12_months", "Custody over 6 and up to 12 months"),
    ("custody_1_4_years", "Custody over 1 and up to 4 years"),
    ("custody_4_10_years", "Custody over 4 and up to 10 years"),
    ("custody_over_10_years", "Custody over 10 years"),
)

CRIMINAL_HISTORY = (
    Covariate("age_first_offence", "Age at first proven offence", "years", "criminal history"),
    Covariate("copas_rate", "Copas rate (sanctions over time)", "log rate", "criminal history"),
    *_log_counts(
        "criminal history",
        ("previous_offences", "Proven offences before the index date"),
        ("previous_convictions", "Convictions before the index date"),
        ("previous_cautions", "Cautions before the index date"),
        ("previous_custody", "Custodial sentences before the index date"),
        ("previous_orders", "Community and suspended sentences before the index date"),
        ("previous_violence", "Violent offences before the index date"),
        ("previous_theft", "Thefts before the index date"),
        ("previous_drugs", "Drug offences before the index date"),
        ("previous_breaches", "Breaches before the index date"),
        ("offences_last_year", "Proven offences in the year before the index date"),
        ("offences_last_two_years", "Proven offences in the two years before the index date"),
    ),
)

PROGRAMMES = _yes_no(
    "accredited programmes",
    ("programme_started", "Accredited programme started"),
    ("programme_completed", "Accredited programme completed"),
)

BENEFITS = (
    Covariate("benefit_days", "Days on out-of-work benefits in the year before", "days", "benefits and employment"),
    Covariate("employment_days", "Days in employment in the year before", "days", "benefits and employment"),
    *_yes_no(
        "benefits and employment",
        ("benefit_month_before", "On out-of-work benefits in the month before"),
        ("employment_month_before", "In employment in the month before"),
        ("benefits_record_missing", "No benefit or employment record found"),
    ),
)

COVARIATES: tuple[Covariate, ...] = (
    *DEMOGRAPHICS, *INDEX_OFFENCE, *SENTENCE, *CRIMINAL_HISTORY, *PROGRAMMES, *BENEFITS,
)  # fmt: skip
NAMES: tuple[str, ...] = tuple(covariate.name for covariate in COVARIATES)
LABELS: dict[str, str] = {covariate.name: covariate.label for covariate in COVARIATES}
