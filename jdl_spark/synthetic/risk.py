"""How likely somebody is to reoffend within a year: the published form, and what we add to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jdl_spark.schemas import OFFENCE_GROUPS
from jdl_spark.synthetic.names import Ints
from jdl_spark.synthetic.people import Bools

Floats = NDArray[np.float64]

# OGRS 3, one-year equation: Howard, Francis, Soothill and Humphreys (2009), Ministry of Justice
# Research Summary 7/09. Ages in completed years.
_INTERCEPT = 1.402562384
_COPAS = 1.251124464
_FIRST_SANCTION = 0.126142106
_REPEAT_SANCTION = 0.463062792
_AGE_BOUNDS = np.array([12, 14, 16, 18, 21, 25, 30, 35, 40, 50])
_MEN = np.array([0, 0.083922902, 0.075775765, -0.061594199, -0.625103618, -1.051515067, -1.166679288, -1.325976554,
                 -1.368045933, -1.499690953, -2.025261458])  # fmt: skip
_WOMEN = np.array([-0.785038489, -0.613852078, -0.669521331, -0.959179629, -0.897480934, -1.028488454, -1.052777806,
                   -1.129127959, -1.42187494, -1.524652221, -2.44983716])  # fmt: skip
_OFFENCE = {  # the instrument's twenty categories, averaged into our groups
    "violence": 0.0, "robbery": -0.59, "public_order": 0.18, "theft": 0.6, "burglary": 0.08, "fraud": 0.16,
    "drugs": -0.05, "motoring": 0.1, "sexual": -0.3, "criminal_damage": 0.2, "terrorism": -0.5, "other": -0.06,
}  # fmt: skip
_OFFENCE_TERMS = np.array([_OFFENCE[group] for group in OFFENCE_GROUPS])

# Ours: proven *recordable* offences are a part of all simulated ones, and work protects.
_LEVEL = 0.30
_EMPLOYED_YEAR = -0.75  # log-odds for a whole year in work before the index date
_BENEFIT_YEAR = 0.25  # likewise on out-of-work benefits
DAYS_SHAPE = 1.0
"""Shape of the Weibull waiting time: the first weeks are the riskiest."""


def one_year_logit(
    sanctions: Ints, age: Floats, age_first: Floats, man: Bools, group: Ints, employed: Floats, on_benefit: Floats
) -> Floats:
    """Return the log-odds of an offence within a year.

    Parameters
    ----------
    sanctions : int64. Sanctions so far, the present one included; at least 1.
    age, age_first : float64, years. Now, and at the first sanction.
    group : int64. Index into schemas.OFFENCE_GROUPS of the present offence.
    employed, on_benefit : float64 in [0, 1]. Shares of the year before.
    """
    copas = np.log(sanctions / (10.0 + np.maximum(age - age_first, 0.0)))
    band = np.searchsorted(_AGE_BOUNDS, age, side="right")
    return np.asarray(
        _LEVEL
        + _INTERCEPT
        + _COPAS * copas
        + np.where(sanctions == 1, _FIRST_SANCTION, _REPEAT_SANCTION)
        + np.where(man, _MEN[band], _WOMEN[band])
        + _OFFENCE_TERMS[group]
        + _EMPLOYED_YEAR * employed
        + _BENEFIT_YEAR * on_benefit
    )


def waiting_days(random: np.random.Generator, logit: Floats) -> Floats:
    """Draw days until the next offence so that P(within 365 days) is the logistic of `logit`."""
    hazard = np.logaddexp(0.0, logit)  # -log(1 - p)
    with np.errstate(over="ignore"):
        return np.asarray(365.0 * (random.standard_exponential(len(logit)) / hazard) ** (1.0 / DAYS_SHAPE))
