"""Every setting, typed, with its unit and its source. `conf/methodology.toml` gives the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jdl_spark.errors import UsageError

MINIMUM_COHORT = 60  # distinct people with all required fields; Justice Data Lab FAQ (2013)
MINIMUM_ANALYSED = 30  # treated people after matching; practice of the published reports
MINIMUM_AGE = 14  # completed years on the index date; Justice Data Lab FAQ (2013)
FOLLOW_UP_MONTHS = 12  # an offence in this time ...
PROOF_MONTHS = 18  # ... proven within this time from the index date; Justice Data Lab FAQ (2013)


@dataclass(frozen=True)
class LinkageSettings:
    """Record linkage; see linkage/ for what each field steers."""

    link_precision: float = 0.999
    """Share of links that should be right: training sets the operating point by it."""
    link_probability: float | None = None
    """Posterior of the best identity from which a person is linked, in place of the trained operating point."""
    ambiguous_margin: float = 0.1
    """A second identity within this posterior of the best makes the person ambiguous."""
    bar_probability: float = 0.01
    """Posterior from which an identity is kept out of the request's comparison pool."""
    floor_weight: float = -8.0
    """Bits against "not there at all"; pairs below (a posterior under 0.004) never leave the worker."""
    random_pairs: int = 200_000
    """Pairs drawn for the u probabilities."""
    em_tolerance: float = 1e-6
    """Largest change of any probability at which EM has converged."""
    em_iterations: int = 200
    largest_block: int = 250_000
    """National versions under one blocking key above which the key is left out, and counted."""


@dataclass(frozen=True)
class IndexEventSettings:
    """Which event belongs to an intervention."""

    community_window_days: int = 183
    """The intervention starts within these days after a community index date (six months)."""


@dataclass(frozen=True)
class CovariateSettings:
    """What is known about a person strictly before the index date."""

    history_days: int = 365
    """Length of the benefit and employment window before the index date."""


@dataclass(frozen=True)
class PropensitySettings:
    """Logistic regression of having been treated."""

    iterations: int = 30
    tolerance: float = 1e-10
    """Newton decrement at which a fit has converged."""
    minimum_treated: int = MINIMUM_ANALYSED


@dataclass(frozen=True)
class MatchingSettings:
    """Nearest neighbours on the score."""

    method: Literal["nearest", "radius"] = "nearest"
    ratio: int = 5
    """Comparison events per treated event (k:1)."""
    replace: bool = True
    caliper: float | None = 0.2
    """Largest distance, in units of `caliper_sd`; inclusive; None: no caliper. 0.2: Austin (2011)."""
    scale: Literal["logit", "probability"] = "logit"
    """Of the score that distances and the caliper are measured on; a supplied distance is taken as it is."""
    caliper_sd: Literal["pooled", "all", "none"] = "pooled"
    """pooled: sqrt((v1+v0)/2), Austin; all: standard deviation of all units, MatchIt; none: raw."""
    order: Literal["largest", "smallest", "data", "random", "closest"] = "largest"
    """Who chooses first without replacement: by score; data: by CovariateShard.data_order; closest: best pair."""
    seed: int = 1
    """For order = random."""
    max_reuse: int | None = None
    """With replacement: treated events that one comparison event may serve; None: any number."""
    covariate_calipers: Mapping[str, float] = field(default_factory=dict)
    """Covariate to the largest difference within a pair, inclusive, in its unit; 0: the same value (exact matching)."""
    mahalanobis: tuple[str, ...] = ()
    """Covariates whose Mahalanobis distance ranks the comparison events inside the caliper, in place of the score."""
    candidates: int = 16
    """Nearest candidates a shard returns per treated event in matching without replacement."""

    def __post_init__(self) -> None:
        if self.ratio < 1:
            raise UsageError("matching: ratio must be 1 or more")
        if self.caliper is not None and self.caliper < 0:
            raise UsageError("matching: caliper must not be negative; leave it out for none")
        if self.method == "radius" and self.caliper is None:
            raise UsageError("matching: method = radius needs a caliper")
        if self.max_reuse is not None and (self.max_reuse < 1 or not self.replace or self.method == "radius"):
            raise UsageError(
                "matching: max_reuse must be 1 or more, and goes with method = nearest and replace = true "
                "(replace = false is a max_reuse of 1)"
            )
        wrong = sorted(name for name, width in self.covariate_calipers.items() if not 0 <= width < float("inf"))
        if wrong:
            raise UsageError(f"matching: the covariate caliper of {wrong[0]} must be a number from 0 up")
        if self.method == "radius" and self.mahalanobis:
            raise UsageError("matching: mahalanobis ranks nearest neighbours; method = radius takes everybody inside")
        if self.method == "radius" and not self.replace:
            raise UsageError(
                "matching: method = radius uses every comparison inside the caliper, so replace must be true"
            )


@dataclass(frozen=True)
class BalanceSettings:
    """Traffic lights on the absolute standardised mean difference after matching."""

    green: float = 0.05
    amber: float = 0.10


@dataclass(frozen=True)
class InferenceSettings:
    """Multiplier bootstrap of influence terms (Otsu & Rai 2017)."""

    replicates: int = 9_999
    confidence: float = 0.95
    significance: float = 0.05
    minimum_analysed: int = MINIMUM_ANALYSED
    minimum_reoffenders: int = 30
    """Treated reoffenders for time to first reoffence."""
    horizon_days: int = 365
    """Restricted mean time without reoffending runs to here."""

    def __post_init__(self) -> None:
        if abs(self.significance - (1 - self.confidence)) > 1e-9:
            raise UsageError("inference: significance must be 1 - confidence, so that p-value and interval agree")
        if self.significance * (self.replicates + 1) < 1 - 1e-9:
            raise UsageError("inference: too few replicates for the significance; there must be 1/significance - 1")


@dataclass(frozen=True)
class DisclosureSettings:
    """Withholding of small counts in whatever is published."""

    threshold: int = 10
    """Counts from 1 to one below this are withheld."""


@dataclass(frozen=True)
class Methodology:
    """All settings of a run. `version` names them; the digest is taken over every value."""

    version: str
    linkage: LinkageSettings = LinkageSettings()
    index_events: IndexEventSettings = IndexEventSettings()
    covariates: CovariateSettings = CovariateSettings()
    propensity: PropensitySettings = PropensitySettings()
    matching: MatchingSettings = MatchingSettings()
    balance: BalanceSettings = BalanceSettings()
    inference: InferenceSettings = InferenceSettings()
    disclosure: DisclosureSettings = DisclosureSettings()
