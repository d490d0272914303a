"""The lab's propensity model and matching as scikit-learn estimators, for use without Spark.

Thin over the kernels of `stats/`: the rows are in memory as one shard, and everything is decided by the
code that decides in a national run. Not here: landmarks (who may be compared with whom in time), and the
quasi-Newton passes, which reach Newton's coefficients to a small fraction of their standard errors.
"""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Tags, check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from jdl_spark.errors import UsageError
from jdl_spark.settings import MatchingSettings
from jdl_spark.stats.firth import firth
from jdl_spark.stats.greedy import assign, processing_order
from jdl_spark.stats.logistic import caliper_sds, linear_predictor, moments, partial, per_unit, spread
from jdl_spark.stats.nearest import Candidates, Nearest, Pool, Search, Treated, within
from jdl_spark.stats.newton import LogisticFit, independent_columns
from jdl_spark.stats.shard import NEVER, BoolArray, FloatArray, IntArray

RIDGE_GRADIENT = 1e-8  # largest element of the mean gradient at which the ridge has converged
FIRTH_STEPS = 10  # times as many steps as Newton's: each of Firth's leaves a fixed share of the way, up to 3/4
LONGER = 4  # times, when a candidate list was used up
GAVE_UP = "all columns together: no step raises the likelihood, as where the groups separate"
ORDERS = ("largest", "smallest", "data", "random", "closest")
PAIR = np.dtype(
    [("treated", np.intp), ("comparison", np.intp), ("rank", np.int64), ("distance", float), ("weight", float)]
)


class SeparationError(ValueError):
    """The columns tell the groups apart, so that there is no maximum likelihood estimate; names the columns."""


class SeparationWarning(UserWarning):
    """There is no maximum likelihood estimate, and a penalised one stands in its place; names the columns."""


class PropensityModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Logistic regression by maximum likelihood, without a penalty wherever the estimate exists.

    Constant columns and columns that the ones before them explain are left out and named. Where the
    groups separate (Albert & Anderson 1984) the likelihood has no maximum, and `on_separation` decides.

    Parameters
    ----------
    on_separation : {"ridge", "firth", "lab", "raise"}
        What to do when there is no maximum likelihood estimate.

        - ridge: warn, and fit all independent columns with `ridge`.
        - firth: warn, and fit all independent columns by Firth's penalised likelihood.
        - lab: do as a national run does. A column in which no row of one class differs from some value sets
          apart the rows that differ: they leave the fit, and their logit is moved by 100 or more. Of
          columns that separate together in part the heaviest is left out. Complete separation raises.
        - raise: always raise.
    ridge : float
        Half of it times the sum of squared coefficients (log-odds per standard deviation of the column) is
        taken from the log-likelihood. The intercept is free. 1.0 is scikit-learn's default, C = 1.
    max_iter : int
        Most Newton steps. Firth's likelihood, whose steps are shorter, may take ten times as many.
    tol : float
        Newton decrement at which the fit has converged. The ridge is scikit-learn's solver with its own limits.

    Attributes
    ----------
    classes_ : shape (2,). Sorted; the second is the treated's.
    coef_ : float64, shape (1, n_features). Log-odds per unit of the column; 0 for a column left out.
    intercept_ : float64, shape (1,). Log-odds.
    n_iter_ : int. Steps taken.
    dropped_ : tuple of str, "name: cause". Columns left out, and in `on_separation="lab"` those that set
        rows apart. After a penalised fit, the constant and collinear columns only.
    separation_ : tuple of str, "name: cause". The columns found to separate; empty where the estimate exists.
    penalty_ : {None, "ridge", "firth"}. The penalty that was used; None for maximum likelihood.
    n_features_in_ : int.
    feature_names_in_ : shape (n_features,). Only if X had column names, all of them strings.

    References
    ----------
    Albert, A. & Anderson, J. A. (1984), Biometrika 71, 1-10;
    le Cessie, S. & van Houwelingen, J. C. (1992), Applied Statistics 41, 191-201, for the ridge;
    Firth, D. (1993), Biometrika 80, 27-38; Heinze, G. & Schemper, M. (2002), Statistics in Medicine 21, 2409-2419.

    Examples
    --------
    >>> X = np.array([[20.0], [25.0], [30.0], [35.0], [40.0], [45.0]])
    >>> model = PropensityModel().fit(X, [0, 1, 0, 1, 0, 1])
    >>> model.coef_.round(4)
    array([[0.0723]])
    >>> model.penalty_ is None
    True
    """

    def __init__(
        self, *, on_separation: str = "ridge", ridge: float = 1.0, max_iter: int = 30, tol: float = 1e-10
    ) -> None:
        self.on_separation = on_separation
        self.ridge = ridge
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> PropensityModel:
        """Fit the model.

        Parameters
        ----------
        X : float64, shape (n, n_features). Finite.
        y : shape (n,). Two classes.
        sample_weight : float64, shape (n,), or None for 1. A row of weight 2 counts as two rows, one of weight
            0 as none. Not negative.

        Returns
        -------
        PropensityModel
            Itself.

        Raises
        ------
        SeparationError
            If there is no estimate and `on_separation` does not give another.
        ValueError
            If a setting is not one of those above, X, y or the weights are not as above, or only one class
            has weight.

        Warns
        -----
        SeparationWarning
            If a penalised estimate stands in for the maximum likelihood estimate.
        ConvergenceWarning
            If the steps ran out; the attributes then hold the last one's.
        """
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.classes_ = np.unique(y)
        matrix, treated, weight = X[weight > 0], y[weight > 0] == self.classes_[-1], weight[weight > 0]
        if len(self.classes_) < 2 or treated.all() or not treated.any():
            raise ValueError("there are rows with weight of one class only; a propensity model needs two")
        names = self._names()
        fit = LogisticFit(names, self.max_iter, self.tol, minimum_treated=1)
        while fit.result is None:
            fit.take([partial(matrix, treated, weight, fit.task)])
        result = fit.result
        self.penalty_: str | None = None
        self.n_iter_, self.dropped_ = result.iterations, result.dropped
        self.separation_ = tuple(cause for cause in result.dropped if ": separation" in cause)
        gave_up = result.reason == "not_converged" and result.iterations < self.max_iter
        if gave_up:  # nearly always a separation so close to the limit of float64 that it is not seen as one
            self.separation_ += (GAVE_UP,)
        if result.reason == "separation" or gave_up or (self.separation_ and self.on_separation != "lab"):
            if self.on_separation in ("lab", "raise"):
                raise SeparationError(f"the groups separate, so there is no estimate: {'; '.join(self.separation_)}")
            self._fit_penalised(matrix, treated, weight, names)
        elif result.reason == "not_converged":
            self._warn_of_steps()
            self._keep(fit.task.columns, per_unit(fit.task.coefficients, fit.task.mean, fit.task.sd))
        else:
            columns = [names.index(name) for name in result.columns[1:]]
            self._keep(columns, np.array(result.coefficients))
        return self

    def decision_function(self, X: Any) -> FloatArray:
        """Return the logit of the propensity score, the score that people are matched on.

        Parameters
        ----------
        X : float64, shape (n, n_features).

        Returns
        -------
        float64, shape (n,)
            Log-odds of `classes_[1]`. Equal rows have equal bits, so that ties are true ties.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        coefficients = np.concatenate([self.intercept_, self.coef_[0]])
        return linear_predictor(X, range(self.n_features_in_), coefficients)

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the probability of each class, shape (n, 2), in the order of `classes_`."""
        logit = self.decision_function(X)
        return np.column_stack([expit(-logit), expit(logit)])

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likelier class of each row, shape (n,); the first of `classes_` where both are as likely."""
        treated = self.decision_function(X) > 0
        return cast("NDArray[Any]", self.classes_[treated.astype(int)])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _check_settings(self) -> None:
        known = ("ridge", "firth", "lab", "raise")
        if self.on_separation not in known:
            raise ValueError(f"on_separation must be one of {', '.join(known)}; it is {self.on_separation!r}")
        if not self.ridge > 0:
            raise ValueError("ridge must be above 0")
        if self.max_iter < 1 or not self.tol > 0:
            raise ValueError("max_iter must be 1 or more, and tol above 0")

    def _names(self) -> tuple[str, ...]:
        """Return the columns' names, or x0, x1, ... where they have none."""
        names = tuple(str(name) for name in getattr(self, "feature_names_in_", ()))
        if len(set(names)) < len(names):
            raise ValueError("column names must be distinct")
        return names or tuple(f"x{j}" for j in range(self.n_features_in_))

    def _fit_penalised(
        self, matrix: FloatArray, treated: BoolArray, weight: FloatArray, names: tuple[str, ...]
    ) -> None:
        total = moments(matrix, treated, weight, np.array([np.sum(~treated), np.sum(treated)], dtype=np.int64))
        columns, causes = independent_columns(total, range(len(names)), names)
        mean, sd = total.mean[columns], np.sqrt(np.diag(total.cross)[columns] / total.weight.sum())
        self.penalty_, self.dropped_ = self.on_separation, tuple(causes)
        warnings.warn(
            f"the groups separate, so there is no maximum likelihood estimate, and one with a penalty "
            f"({self.penalty_}) stands in its place: {'; '.join(self.separation_)}",
            SeparationWarning,
            stacklevel=3,
        )
        if self.penalty_ == "firth":
            coefficients, self.n_iter_, converged = firth(
                matrix[:, columns], treated, weight, mean, sd, FIRTH_STEPS * self.max_iter, self.tol
            )
            if not converged:
                self._warn_of_steps()
        else:
            model = LogisticRegression(C=1.0 / self.ridge, solver="newton-cholesky", tol=RIDGE_GRADIENT)
            model.fit((matrix[:, columns] - mean) / sd, treated, weight)
            coefficients, self.n_iter_ = np.concatenate([model.intercept_, model.coef_[0]]), int(model.n_iter_[0])
        self._keep(columns, per_unit(coefficients, mean, sd))

    def _warn_of_steps(self) -> None:
        warnings.warn(f"not converged after {self.n_iter_} steps", ConvergenceWarning, stacklevel=3)

    def _keep(self, columns: Any, coefficients: FloatArray) -> None:
        self.intercept_, self.coef_ = coefficients[:1], np.zeros((1, self.n_features_in_))
        self.coef_[0, list(columns)] = coefficients[1:]


class NearestMatcher(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Match each treated row to its nearest comparison rows on one score.

    The caliper is inclusive. Ties go to the lower comparison score, then to the lower id. Without
    replacement the treated choose in rounds: everybody has a first before anybody has a second.

    Parameters
    ----------
    method : {"nearest", "radius"}. The nearest `ratio`, or everyone inside the caliper.
    ratio : int. Comparison rows per treated row; not used by radius.
    replace : bool. Whether a comparison row may be used again.
    caliper : float or None. Largest distance, in units of `caliper_sd`; None for none. 0.2: Austin (2011).
    caliper_sd : {"pooled", "all", "none"}. pooled: sqrt((v1 + v0)/2) of the score's n - 1 variances in the two
        groups; all: the score's n - 1 standard deviation over all rows; none: the score's own unit.
    order : {"largest", "smallest", "data", "random", "closest"}. Who chooses first without replacement: by
        score; by row; at random; or always the closest pair that is left. Ties by id.
    seed : int. For order = random. A national run draws by the request's name too.

    Attributes
    ----------
    pairs_ : structured, shape (n_pairs,), sorted by treated and rank
        treated, comparison: rows of what was fitted; rank: from 1, the nearest or the round; distance: in
        the score's unit; weight: 1/k of a treated row with k pairs.
    weights_ : float64, shape (n,). 1 for a matched treated row, the sum of its pairs' weights for a comparison
        row, 0 for whoever is in no pair. Both groups' sums are the number of matched treated rows (ATT).
    caliper_ : float. Largest distance in the score's unit; infinite for none.

    References
    ----------
    Austin, P. C. (2011), Pharmaceutical Statistics 10, 150-161, for the caliper.

    Examples
    --------
    >>> matcher = NearestMatcher(ratio=1, caliper=None).fit([0.1, 0.9, 0.2, 0.6], [True, True, False, False])
    >>> matcher.pairs_[["treated", "comparison"]].tolist()
    [(0, 2), (1, 3)]
    >>> matcher.weights_
    array([1., 1., 1., 1.])
    """

    def __init__(
        self,
        *,
        method: str = "nearest",
        ratio: int = 5,
        replace: bool = True,
        caliper: float | None = 0.2,
        caliper_sd: str = "pooled",
        order: str = "largest",
        seed: int = 1,
    ) -> None:
        self.method = method
        self.ratio = ratio
        self.replace = replace
        self.caliper = caliper
        self.caliper_sd = caliper_sd
        self.order = order
        self.seed = seed

    def fit(self, distance: Any, treated: Any, strata: Any = None, ids: Any = None) -> NearestMatcher:
        """Find the pairs.

        Parameters
        ----------
        distance : float64, shape (n,). The score, for instance `PropensityModel.decision_function`. Finite.
        treated : bool or 0/1, shape (n,).
        strata : shape (n,), or None. Rows are matched only to rows with the same value.
        ids : shape (n,), or None for the row's number. Distinct; they break ties.

        Returns
        -------
        NearestMatcher
            Itself. No treated or no comparison rows give no pairs.

        Raises
        ------
        ValueError
            If a setting is not one of those above, lengths differ, a score is not finite, `treated` holds
            something else than 0 and 1, or an id occurs twice.
        """
        settings = self._settings()
        score = column_or_1d(check_array(distance, dtype=np.float64, ensure_2d=False, ensure_min_samples=0))
        is_treated = column_or_1d(np.asarray(treated))
        check_consistent_length(score, is_treated, strata, ids)
        if not np.isin(is_treated, (0, 1)).all():
            raise ValueError("treated must hold 0 and 1, or False and True, only")
        stratum = _ranks(np.zeros(len(score)) if strata is None else strata)
        number = _ranks(np.arange(len(score)) if ids is None else ids)
        if len(np.unique(number)) < len(number):
            raise ValueError("an id occurs twice")
        # in the order of the ids, so that the answer is the same in any order of rows
        by_id = np.argsort(number)
        ours, theirs = by_id[is_treated[by_id] == 1], by_id[is_treated[by_id] == 0]
        people = Treated(
            event_id=number[ours], score=score[ours], stratum=stratum[ours],
            landmark=np.zeros(len(ours), np.int32), data_order=ours.astype(np.int64),
        )  # fmt: skip
        known, code = np.unique(stratum[theirs], return_inverse=True)
        pool = Pool(
            event_id=number[theirs], offender_id=number[theirs], score=score[theirs], strata=known,
            code=code.astype(np.int64), first_reoffence=np.full(len(theirs), NEVER),
            columns=np.zeros((len(theirs), 0)), rows=np.arange(len(theirs)),
        )  # fmt: skip
        self.n_samples_in_ = len(score)
        self.caliper_ = _caliper(settings, score[ours], score[theirs])
        if settings.method == "radius":
            found = within(people, pool, Search(self.caliper_))
            rank = found.rank + 1
        elif settings.replace:
            found = _lists(people, pool, settings.ratio, self.caliper_)
            rank = found.rank + 1
        else:
            found, rank = _without_replacement(people, pool, settings, self.caliper_)
        self._keep(found, rank, ours, by_id)
        return self

    def _settings(self) -> MatchingSettings:
        """Return the parameters as the lab's settings, which check how they go together."""
        allowed = {"method": ("nearest", "radius"), "caliper_sd": ("pooled", "all", "none"), "order": ORDERS}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {', '.join(values)}; it is {getattr(self, name)!r}")
        try:
            return MatchingSettings(**self.get_params(deep=False))
        except UsageError as error:
            raise ValueError(str(error)) from error

    def _keep(self, found: Candidates, rank: IntArray, ours: NDArray[np.intp], by_id: NDArray[np.intp]) -> None:
        pairs = np.empty(len(found), PAIR)
        pairs["treated"], pairs["comparison"] = ours[found.treated], by_id[found.event_id]
        pairs["rank"], pairs["distance"] = rank, found.distance
        per_treated = np.bincount(found.treated, minlength=len(ours))
        pairs["weight"] = 1.0 / per_treated[found.treated]
        self.pairs_ = pairs[np.lexsort((pairs["rank"], pairs["treated"]))]
        self.weights_ = np.bincount(self.pairs_["comparison"], self.pairs_["weight"], self.n_samples_in_)
        self.weights_[self.pairs_["treated"]] = 1.0


def _ranks(values: Any) -> IntArray:
    """Return each value's place among the distinct ones: integers in the values' order."""
    return np.unique(column_or_1d(np.asarray(values)), return_inverse=True)[1].astype(np.int64)


def _caliper(settings: MatchingSettings, treated: FloatArray, pool: FloatArray) -> float:
    if settings.caliper is None:
        return float("inf")
    pooled, everyone = caliper_sds(spread(pool), spread(treated))
    return settings.caliper * {"pooled": pooled, "all": everyone, "none": 1.0}[settings.caliper_sd]


def _lists(treated: Treated, pool: Pool, limit: int, caliper: float) -> Candidates:
    found = Nearest(treated, limit, Search(caliper))
    found.meet(pool)
    return found.candidates()


def _without_replacement(
    treated: Treated, pool: Pool, settings: MatchingSettings, caliper: float
) -> tuple[Candidates, IntArray]:
    """Run the greedy algorithm, with longer candidate lists until none was used up."""
    order = processing_order(treated, settings.order, ("matching", settings.seed))
    limit = max(settings.candidates, settings.ratio)
    while True:
        lists = _lists(treated, pool, limit, caliper)
        cut = np.bincount(lists.treated, minlength=len(treated)) >= limit
        rows, rank, short = assign(lists, order, settings.ratio, cut, closest=settings.order == "closest")
        if not len(short):
            return lists.take(rows), rank
        limit *= LONGER
