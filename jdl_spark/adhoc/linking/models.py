"""The models of `jdl link`: cut to the fields of the tables, and read from files, of ours or of Splink.

Why cut: what the tables do not have was not learned from them, and is not passed on as if it had been.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from jdl_spark.adhoc.linking.spec import FIELDS, Spec
from jdl_spark.errors import InputError, UsageError
from jdl_spark.linkage import comparison, training
from jdl_spark.linkage.splink_settings import read_settings
from jdl_spark.stats.fellegi_sunter import Model


def read_model(path: Path, spec: Spec, identities: int) -> Model:
    """Return the model in a file.

    Parameters
    ----------
    path : what `jdl link --train` wrote, a model of a lake (documents/_models), or the JSON that Splink's
        `save_model_to_json` writes
    spec : names the columns of the tables, by which those of Splink are known
    identities : people on the right: prior and frequencies are for so many

    Raises
    ------
    InputError
        If there is no such file, or it is not JSON.
    UsageError
        If it is no linkage model, compares a field that the tables do not have, was trained for the other kind of
        linkage, or holds what cannot be imported.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except FileNotFoundError as error:
        raise InputError(f"there is no model at {path}; train one with: jdl link LEFT RIGHT --train {path}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} (model) cannot be read as JSON") from error
    if isinstance(content, dict) and "comparisons" in content:
        model = read_settings(text, _columns(spec), identities=identities)
    else:
        model = _ours(path, content)
    weighed = {field.name for field in model.fields}
    if lacking := [name for name, field in FIELDS.items() if field in weighed and name not in spec.fields]:
        raise UsageError(
            f"{path} compares {', '.join(lacking)}, which the spec does not name for these tables; name the columns, "
            "or leave --model out to train a model on what there is"
        )
    purpose = model.training.get("purpose")
    if purpose is not None and (purpose == training.DUPLICATES) != spec.itself:
        kinds = ("two tables", "one table with itself")
        raise UsageError(f"{path} was trained to link {kinds[not spec.itself]}, and this is {kinds[spec.itself]}")
    return replace(model, identities=max(identities, 1))


def restricted(model: Model, names: Collection[str]) -> Model:
    """Return a model of some of its fields; pairs that know only these weigh the same under both."""
    kept = [at for at, field in enumerate(model.fields) if field.name in names]
    relatives = tuple(
        replace(
            kind,
            probabilities=tuple(kind.probabilities[at] for at in kept),
            inherited=tuple(name for name in kind.inherited if name in names),
        )
        for kind in model.relatives
    )
    return replace(
        model,
        fields=tuple(model.fields[at] for at in kept),
        relatives=relatives,
        birth_of_namesakes=model.birth_of_namesakes if {"forename", "birth"} <= set(names) else (),
        frequencies=tuple(name for name in model.frequencies if name in names),
    )


def _columns(spec: Spec) -> dict[str, str]:
    return {column: FIELDS[field] for side in reversed(spec.sides) for field, column in side.columns.items()}


def _ours(path: Path, content: Any) -> Model:
    try:
        model = Model.from_json(json.dumps(content.get("parameters", content)))
        known = all(
            level == "else" or comparison.parsed(level)[0] in comparison.KINDS[field.name]
            for field in model.fields
            for level in field.levels
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is no linkage model, neither of `jdl link --train` nor of Splink") from error
    if not known:
        raise UsageError(f"{path} has agreement levels that are not known here; train the model again")
    return model
