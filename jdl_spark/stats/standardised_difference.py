"""How far two groups' covariates lie apart: means, spreads and whole distributions.

A covariate's distribution is a table of distinct values with a weight per group. Such tables add up
over shards without loss, so the distances below are exact whatever the number of shards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jdl_spark.stats.shard import FloatArray


@dataclass(frozen=True)
class Distribution:
    """Distinct values of one covariate, ascending, with their weight in each group.

    Attributes
    ----------
    value : float64, shape (k,). In the covariate's unit.
    weight : float64, shape (k, groups). Weight of each value in each group.
    square : float64, shape (k, groups). Sum of squared weights, for weighted variances.
    """

    value: FloatArray
    weight: FloatArray
    square: FloatArray

    @classmethod
    def merge(cls, parts: list[Distribution]) -> Distribution:
        """Add up the tables of several shards, in their order."""
        value, place = np.unique(np.concatenate([part.value for part in parts]), return_inverse=True)
        weight = np.zeros((len(value), parts[0].weight.shape[1]))
        square = np.zeros_like(weight)
        np.add.at(weight, place, np.concatenate([part.weight for part in parts]))
        np.add.at(square, place, np.concatenate([part.square for part in parts]))
        return cls(value, weight, square)

    def mean(self, group: int) -> float:
        """Return a group's weighted mean; NaN for an empty group."""
        total = self.weight[:, group].sum()
        return float((self.weight[:, group] * self.value).sum() / total) if total else float("nan")

    def variance(self, group: int) -> float:
        """Return a group's variance: p(1 - p) for a yes/no covariate, else with the n - 1 of its weights.

        The weighted form is sum w (x - mean)^2 * W / (W^2 - sum w^2) with W = sum w, which is the usual
        n - 1 where all weights are 1 (documented so in MatchIt and cobalt). NaN for fewer than two people.
        """
        mean = self.mean(group)
        if self.is_binary:
            return mean * (1 - mean)
        weight = self.weight[:, group]
        total, squares = weight.sum(), self.square[:, group].sum()
        if total * total <= squares:
            return float("nan")
        return float((weight * (self.value - mean) ** 2).sum() * total / (total * total - squares))

    @property
    def is_binary(self) -> bool:
        """Whether the covariate is a yes/no one: no value but 0 and 1."""
        return bool(np.isin(self.value, (0.0, 1.0)).all())

    def distances(self, one: int, other: int) -> tuple[float, float]:
        """Return the mean and the largest distance of two groups' distribution functions.

        The mean is over all distinct values of the table: MatchIt's summary takes them from everybody, matched
        or not. For a yes/no covariate both are the absolute difference of the means. NaN if a group is empty.
        """
        totals = self.weight[:, [one, other]].sum(axis=0)
        if not totals.all():
            return float("nan"), float("nan")
        if self.is_binary:
            gap = abs(self.mean(one) - self.mean(other))
            return gap, gap
        steps = np.cumsum(self.weight[:, [one, other]] / totals, axis=0)
        gaps = np.abs(steps[:, 0] - steps[:, 1])
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
