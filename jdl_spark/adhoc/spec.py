"""Read the TOML specification of `jdl analyse`, and say clearly what is wrong with one.

Defaults, for what the specification leaves out: a logit model of the treatment, nearest neighbour
matching 1:1 without replacement, largest score first, no caliper, no exact strata. A caliper without
`caliper_sd` is in Austin's pooled standard deviations. `method = "radius"` needs a caliper and
matches with replacement.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jdl_spark import methodology
from jdl_spark.errors import UsageError
from jdl_spark.settings import MatchingSettings

KINDS = ("binary", "count", "continuous", "time")
SECTIONS = ("id", "treatment", "covariates", "distance", "matching", "outcomes")


@dataclass(frozen=True)
class Outcome:
    """One outcome: the column `name`; for a time also the event's column and the horizon, in its unit."""

    name: str
    kind: str
    event: str | None = None
    horizon: float | None = None


@dataclass(frozen=True)
class AnalysisSpec:
    """What `jdl analyse` is asked to do. `distance_column` None: a logit model gives the score."""

    id: str
    treatment: str
    covariates: tuple[str, ...]
    distance_column: str | None
    exact: tuple[str, ...]
    matching: MatchingSettings
    outcomes: tuple[Outcome, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the table that is needed, each once."""
        events = (outcome.event for outcome in self.outcomes)
        names = (self.id, self.treatment, *self.covariates, self.distance_column, *self.exact,
                 *(outcome.name for outcome in self.outcomes), *events)  # fmt: skip
        return tuple(dict.fromkeys(name for name in names if name is not None))


def read(path: Path) -> AnalysisSpec:
    """Return the specification in a TOML file.

    Raises
    ------
    UsageError
        If the file is missing, is not TOML, or says something that cannot be; the message names the key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no specification at {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    _known(content, SECTIONS, str(path))
    matching, exact = _matching(_table(content, "matching", path), path)
    distance = _table(content, "distance", path)
    spec = AnalysisSpec(
        id=_text(content, "id", str(path)),
        treatment=_text(content, "treatment", str(path)),
        covariates=_texts(content, "covariates", str(path)),
        distance_column=_distance(distance, path),
        exact=exact,
        matching=matching,
        outcomes=tuple(_outcome(n, v, f"{path} [outcomes]") for n, v in _table(content, "outcomes", path).items()),
    )
    _sensible(spec, str(path))
    return spec


def _sensible(spec: AnalysisSpec, where: str) -> None:
    if not spec.covariates and spec.distance_column is None:
        raise UsageError(f"{where}: covariates must name at least one column, or [distance] a column with the distance")
    if spec.distance_column is not None and spec.matching.scale != "logit":
        raise UsageError(f"{where} [matching]: a supplied distance is taken as it is; leave scale out")
    if spec.id == spec.treatment:
        raise UsageError(f"{where}: id and treatment name the same column")
    for name in (spec.id, spec.treatment):
        if name in (*spec.covariates, *spec.exact, spec.distance_column, *(o.name for o in spec.outcomes)):
            raise UsageError(f"{where}: {name!r} is the id or the treatment and cannot be used as anything else")
    for outcome in spec.outcomes:
        if outcome.name in spec.covariates:
            raise UsageError(f"{where}: {outcome.name!r} cannot be an outcome and a covariate at once")


def _distance(content: Mapping[str, Any], path: Path) -> str | None:
    where = f"{path} [distance]"
    _known(content, ("model", "column"), where)
    if "column" in content:
        if "model" in content:
            raise UsageError(f"{where}: give either model or column, not both")
        return _text(content, "column", where)
    if content.get("model", "logit") != "logit":
        raise UsageError(f"{where}: model must be 'logit'")
    return None


def _matching(content: Mapping[str, Any], path: Path) -> tuple[MatchingSettings, tuple[str, ...]]:
    where = f"{path} [matching]"
    exact = _texts(content, "exact", where) if "exact" in content else ()
    radius = content.get("method") == "radius"
    values = {"ratio": 1, "replace": radius, "caliper": "none"}  # methodology.build reads "none" as no caliper
    values |= {key: value for key, value in content.items() if key != "exact"}
    try:
        return methodology.build(MatchingSettings, values, where), exact
    except UsageError as error:
        raise error if where in str(error) else UsageError(f"{where}: {error}") from error


def _outcome(name: str, value: object, where: str) -> Outcome:
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, Mapping):
        raise UsageError(f'{where}: {name} must be a kind, for instance {name} = "binary"')
    where = f"{where} {name}"
    kind = _text(value, "kind", where)
    if kind not in KINDS:
        raise UsageError(f"{where}: kind must be one of {', '.join(KINDS)}")
    if kind != "time":
        _known(value, ("kind",), where)
        return Outcome(name, kind)
    _known(value, ("kind", "event", "horizon"), where)
    horizon = value.get("horizon")
    if isinstance(horizon, bool) or not isinstance(horizon, int | float) or not 0 < horizon < float("inf"):
        raise UsageError(f"{where}: a time needs a horizon above 0, in the unit of the column")
    return Outcome(name, kind, _text(value, "event", where), float(horizon))


def _known(content: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(content) - set(names))
    if unknown:
        raise UsageError(f"{where}: unknown key {unknown[0]!r}; known here: {', '.join(names)}")


def _table(content: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, Mapping):
        raise UsageError(f"{path}: {name} must be a table, written [{name}]")
    return value


def _text(content: Mapping[str, Any], name: str, where: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{where}: {name} is missing; it must be a text")
    return value


def _texts(content: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = content.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise UsageError(f"{where}: {name} must be a list of column names")
    if len(set(value)) < len(value):
        raise UsageError(f"{where}: {name} names a column twice")
    return tuple(value)
