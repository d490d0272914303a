"""How far two groups' covariates lie apart: means, spreads and whole distributions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jdl_spark.stats.balance_sums import Sums
from jdl_spark.stats.shard import FloatArray


@dataclass(frozen=True)
class Grouped:
    """One covariate in one group.

    Attributes
    ----------
    weight : float64, shape (k,). Weight of the group at each place of the covariate's grid.
    n, squares : float. Sums of weights and of squared weights.
    mean : float. NaN for an empty group.
    around : float. Sum of weight x (value - mean)^2.
    """

    weight: FloatArray
    n: float
    squares: float
    mean: float
    around: float

    @classmethod
    def of(cls, weight: FloatArray, sums: Sums, column: int, grid: FloatArray) -> Grouped:
        """Take a covariate out of a group's sums; their origin is the grid's first value."""
        if not sums.n:
            return cls(weight, 0.0, 0.0, float("nan"), 0.0)
        shift = sums.first[column] / sums.n
        around = max(float(sums.second[column] - shift * sums.first[column]), 0.0)
        return cls(weight, sums.n, sums.squares, float(grid[0] + shift), around)

    def variance(self, binary: bool) -> float:
        """Return the variance: p(1 - p) for a yes/no covariate, else with the n - 1 of its weights.

        The weighted form is sum w (x - mean)^2 * W / (W^2 - sum w^2) with W = sum w, which is the usual
        n - 1 where all weights are 1 (documented so in MatchIt and cobalt). NaN for fewer than two people.
        """
        if binary:
            return self.mean * (1 - self.mean)
        if self.n * self.n <= self.squares:
            return float("nan")
        return self.around * self.n / (self.n * self.n - self.squares)


def ecdf_distances(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """Return the mean and the largest distance of two groups' distribution functions.

    Parameters
    ----------
    one, other : float64, shape (k,). Weight of either group at each value that occurs in any group, ascending.
        The mean is over these values: MatchIt's summary takes them from everybody, matched or not.

    Returns
    -------
    tuple of float. NaN if a group is empty.
    """
    totals = one.sum(), other.sum()
    if not all(totals):
        return float("nan"), float("nan")
    gaps = np.abs(np.cumsum(one / totals[0]) - np.cumsum(other / totals[1]))
    return float(gaps.mean()), float(gaps.max())


def standardised_mean_difference(
    mean_treated: FloatArray, mean_comparison: FloatArray, var_treated_before: FloatArray
) -> FloatArray:
    """Return how far two groups' covariate means lie apart, in standard deviations of the treated.

    Parameters
    ----------
    mean_treated, mean_comparison : float64, shape (n_covariates,)
        Group means, each in its covariate's unit; weighted means after matching.
    var_treated_before : float64, shape (n_covariates,)
        Variance of the treated *before* matching, in that unit squared. The yardstick stays the same
        before and after; otherwise a shrinking spread would look like lost balance.

    Returns
    -------
    float64, shape (n_covariates,)
        Signed and unit-free; positive where the treatment group's mean is larger. Equal means give 0,
        unequal means without any spread give an infinity of the gap's sign.

    Raises
    ------
    ValueError
        If a variance is negative.

    References
    ----------
    Stuart, E. A. (2010), Statistical Science 25, 1-21: the treated's spread is the yardstick for the ATT.

    Examples
    --------
    >>> standardised_mean_difference(np.array([31.0, 0.5]), np.array([29.0, 0.5]), np.array([100.0, 0.0]))
    array([0.2, 0. ])
    """
    if np.nanmin(var_treated_before, initial=0) < 0:
        raise ValueError("a variance is negative")
    gap = mean_treated - mean_comparison
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is answered by the next line
        return np.where(gap == 0, 0.0, gap / np.sqrt(var_treated_before))
