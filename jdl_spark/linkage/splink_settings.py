"""Linkage models to and from the settings of Splink, the linker of the Ministry of Justice.

Why a model and not a file format: what Splink saves is m, u, a prior and conditions in SQL; where
the conditions are known here, both programs give a pair of records the same weight.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from jdl_spark.errors import UsageError
from jdl_spark.linkage import splink_conditions
from jdl_spark.linkage.comparison import FIELDS, KINDS, parsed
from jdl_spark.linkage.splink_conditions import DIALECTS, Condition
from jdl_spark.stats.fellegi_sunter import SUM_TOLERANCE, Field, Model

COLUMNS: dict[str, str] = {
    "first_name": "forename", "firstname": "forename", "given_name": "forename", "last_name": "surname",
    "lastname": "surname", "family_name": "surname", "middle_name": "middle", "middle_names": "middle",
    "dob": "birth", "date_of_birth": "birth", "birth_date": "birth", "gender": "sex", "post_code": "postcode",
    "pnc_id": "pnc", **{name: name for name in FIELDS},
}  # fmt: skip
"""Splink's columns that are a field of ours unless told otherwise."""
COUNTED = ("forename", "surname", "birth")
"""Fields whose frequencies every index holds."""
_IMPORTABLE = (
    "Each comparison must have a null level, an exact match and ELSE, in this order; in between Jaro-Winkler, "
    "Levenshtein or Damerau-Levenshtein at a threshold, or a difference of dates of birth; for names also forename and "
    "surname reversed (both directions). Term frequencies may adjust the exact match of "
    f"{', '.join(COUNTED)}, with weight 1 and no minimum."
)


class _Refused(Exception):
    """Its arguments are what cannot be imported, one sentence each."""


# --- reading -----------------------------------------------------------------------------


def read_settings(text: str, columns: Mapping[str, str] | None = None, *, identities: int) -> Model:
    """Return the linkage model that a Splink settings file describes.

    Parameters
    ----------
    text : JSON as `linker.misc.save_model_to_json` of Splink 4 or 5 writes it, for DuckDB or Spark
    columns : mapping, optional
        Splink's column names to fields of ours (`comparison.FIELDS`), before those of COLUMNS.
    identities : number of identities on the right side. Splink's prior is one of a random pair.

    Returns
    -------
    Model
        Weighs a pair as Splink does: the same m, u and prior, no relatives, no calibration, frequencies as they are.

    Raises
    ------
    UsageError
        If it is no such file, or holds what cannot be imported; every such level is named.
    """
    settings = _settings(text)
    names = COLUMNS | {column.lower(): field for column, field in (columns or {}).items()}
    if strange := sorted(set(names.values()) - set(FIELDS)):
        raise UsageError(f"Fields of a linkage model are {', '.join(FIELDS)}; not {', '.join(strange)}.")
    fields: list[Field] = []
    frequencies: list[str] = []
    refused: list[str] = []
    for comparison in settings["comparisons"]:
        try:
            field, adjusted = _comparison(comparison, names)
        except _Refused as error:
            title = comparison.get("output_column_name")
            refused.extend(f'comparison "{title}": {sentence}' for sentence in error.args)
            continue
        if field.name in (f.name for f in fields):
            refused.append(f"there are two comparisons of {field.name}")
        fields.append(field)
        frequencies += [field.name] if adjusted else []
    if refused:
        parts = "\n- ".join(refused)
        raise UsageError(f"These parts of the Splink settings cannot be imported:\n- {parts}\n{_IMPORTABLE}")
    present = _present(settings["probability_two_random_records_match"], identities)
    return Model(tuple(fields), present, identities, frequencies=tuple(frequencies), frequency_pseudo=0.0)


def _settings(text: str) -> dict[str, Any]:
    """Return the settings, once their outline is known to be right."""
    try:
        settings: dict[str, Any] = json.loads(text)
        levels = [comparison["comparison_levels"] for comparison in settings["comparisons"]]
        whole = levels and all(
            part and all(isinstance(level["sql_condition"], str) for level in part) for part in levels
        )
        if not whole or not 0 < settings["probability_two_random_records_match"] < 1:
            raise ValueError("not a model")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            "This is not a Splink model: expected is the JSON that Splink's linker.misc.save_model_to_json() writes."
        ) from error
    rules = settings.get("blocking_rules_to_generate_predictions") or []
    written_for = [rule.get("sql_dialect") for rule in rules if isinstance(rule, dict)] + [settings.get("sql_dialect")]
    if other := {str(dialect) for dialect in written_for if dialect} - set(DIALECTS):
        raise UsageError(
            f"The Splink settings are written for {', '.join(sorted(other))}: import those for DuckDB or Spark."
        )
    return settings


def _present(probability: float, identities: int) -> float:
    """Return the probability that a person has an identity at all, from that of a random pair, correctly rounded."""
    odds = Fraction(probability) / (1 - Fraction(probability)) * max(identities, 1)
    present = float(odds / (1 + odds))
    if present in (0.0, 1.0):
        raise UsageError(
            f"Splink's probability_two_random_records_match, {probability}, cannot be that of {identities} identities."
        )
    return present


def _comparison(comparison: Mapping[str, Any], names: Mapping[str, str]) -> tuple[Field, bool]:
    """Return one comparison as a field, and whether term frequencies adjust it."""
    null, *others = comparison["comparison_levels"]
    missing = splink_conditions.read(null["sql_condition"])
    if not missing or missing.level != "missing" or not null.get("is_null_level"):
        raise _Refused(_about(null, "the first level must be the null level of one column"))
    column = missing.columns[0]
    if column not in names:
        raise _Refused(f'column "{column}" is no field of ours: say which of {", ".join(FIELDS)} it is')
    name = names[column]
    refused: list[str] = []
    levels: list[str] = []
    adjusted = False
    for level in reversed(others):
        condition = splink_conditions.read(level["sql_condition"])
        reason = _unknown(level, condition, column, names) or _unknown_frequencies(level, condition, column, name)
        if condition is None or reason:
            refused.insert(0, _about(level, reason))
            continue
        levels.append(condition.level)
        adjusted |= bool(level.get("tf_adjustment_column"))
    if missing.of_dates and name != "birth":
        refused.append(_about(null, "only birth is a date"))
    if refused := refused or [*_misplaced(levels), *_untrained(others)]:
        raise _Refused(*refused)
    m, u = (tuple(float(level[f"{p}_probability"]) for level in reversed(others)) for p in "mu")
    return Field(name, tuple(levels), m, u), adjusted


def _about(level: Mapping[str, Any], reason: str) -> str:
    return f'level "{level.get("label_for_charts")}", {level["sql_condition"]}: {reason}'


def _unknown(level: Mapping[str, Any], condition: Condition | None, column: str, names: Mapping[str, str]) -> str:
    """Return why a level of the comparison of a column cannot be one of ours; "" where it can."""
    if condition is None or level.get("is_null_level"):
        return "this condition is not known"
    kind = parsed(condition.level)[0]
    if kind == "else":
        return ""
    if kind not in KINDS[names[column]] or (condition.of_dates and names[column] != "birth"):
        return f"{names[column]} has no such level here"
    if kind == "reversed":
        both = {names.get(one) for one in condition.columns} == {"forename", "surname"}
        return "" if both else "only forename and surname can be reversed"
    return "" if condition.columns == (column,) else f'it is about another column than "{column}"'


def _unknown_frequencies(level: Mapping[str, Any], condition: Condition | None, column: str, name: str) -> str:
    """Return why the term frequencies of a level cannot be ours; "" where they can, or there are none."""
    adjusted_by = level.get("tf_adjustment_column")
    weight, minimum = level.get("tf_adjustment_weight", 1.0), level.get("tf_minimum_u_value", 0.0)
    same = adjusted_by and adjusted_by.strip('"`').lower() == column and name in COUNTED
    if not adjusted_by or (same and condition and condition.level == "exact" and weight == 1 and not minimum):
        return ""
    return f'term frequencies of "{adjusted_by}" here, weight {weight}, minimum {minimum}, are not known'


def _misplaced(levels: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the order of levels, lowest first: values that are equal reach the highest."""
    kinds = [parsed(level)[0] for level in levels]
    if kinds.count("else") != 1 or kinds[0] != "else":
        yield "the last level must be ELSE"
    elif "exact" not in kinds:
        yield "there is no level for an exact match"
    elif set(kinds[kinds.index("exact") + 1 :]) - {"reversed"}:
        yield "there are levels before the exact match, which values that are equal reach as well"


def _untrained(levels: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the levels without probabilities, and that these do not add up to 1."""
    probabilities = [(level.get("m_probability"), level.get("u_probability")) for level in levels]
    for level, pair in zip(levels, probabilities, strict=True):
        if not all(isinstance(value, int | float) and value > 0 for value in pair):
            yield _about(level, "it needs an m and a u probability; train the model, or set them")
    for p, values in zip("mu", zip(*probabilities, strict=True), strict=True):
        total = sum(value or 0.0 for value in values)
        if all(values) and not abs(total - 1) <= SUM_TOLERANCE:
            yield f"the {p} probabilities add up to {total:.6f}, not to 1"


# --- writing -----------------------------------------------------------------------------


def write_settings(model: Model, dialect: str = "duckdb") -> str:
    """Return a model as Splink settings, which `splink.Linker` loads.

    Columns are named as the fields; `birth` is text, 2010-03-05. Rules of blocking are not the
    model's: none are written. Nor is its `link_probability`, a threshold of whoever uses it.

    Parameters
    ----------
    model : Model
        With levels that Splink knows, neither relatives nor calibration, and frequencies as they are.
    dialect : duckdb or spark

    Raises
    ------
    UsageError
        If the model holds what Splink does not know; everything of that kind is named.
    """
    if dialect not in DIALECTS:
        raise UsageError(f"Splink settings are written for {' or '.join(DIALECTS)}, not for {dialect}.")
    if unknown := list(_unknown_to_splink(model)):
        raise UsageError("Splink has no name for these parts of the model:\n- " + "\n- ".join(unknown))
    odds = Fraction(model.present) / (1 - Fraction(model.present)) / max(model.identities, 1)
    settings = {
        "link_type": "link_only",
        "sql_dialect": dialect,
        "probability_two_random_records_match": float(odds / (1 + odds)),
        "comparisons": [_splink_comparison(f, f.name in model.frequencies, dialect) for f in model.fields],
        "blocking_rules_to_generate_predictions": [],
    }
    return json.dumps(settings, indent=2)


def _unknown_to_splink(model: Model) -> Iterator[str]:
    for field in model.fields:
        strange = [level for level in field.levels if parsed(level)[0] not in splink_conditions.KINDS]
        yield from (f'{field.name}: level "{level}"' for level in strange)
        if not strange:
            yield from (f"{field.name}: {sentence}" for sentence in _misplaced(field.levels))
    yield from (f"relatives: {kind.name}" for kind in model.relatives)
    if model.calibration:
        yield "calibration"
    if model.birth_of_namesakes:
        yield "dates of birth of namesakes"
    if model.frequency_pseudo and set(model.frequencies) & {field.name for field in model.fields}:
        yield f"frequencies drawn towards the average by {model.frequency_pseudo:g} identities"


def _splink_comparison(field: Field, adjusted: bool, dialect: str) -> dict[str, Any]:
    def named(level: str) -> dict[str, Any]:
        return {"sql_condition": splink_conditions.written(level, field.name, dialect), "label_for_charts": level}

    levels = [named("missing") | {"is_null_level": True}]
    for level, m, u in list(zip(field.levels, field.m, field.u, strict=True))[::-1]:
        levels.append(named(level) | {"m_probability": m, "u_probability": u})
        if adjusted and level == "exact":
            levels[-1] |= {"tf_adjustment_column": field.name, "tf_adjustment_weight": 1.0}
    return {"output_column_name": field.name, "comparison_levels": levels}
