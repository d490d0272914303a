"""Read a linkage model from a file: one of ours, or the settings that Splink saves."""

from __future__ import annotations

import json
from pathlib import Path

from jdl_spark.adhoc.linking.spec import FIELDS, Spec
from jdl_spark.errors import InputError, UsageError
from jdl_spark.linkage import comparison
from jdl_spark.linkage.splink_settings import read_settings
from jdl_spark.stats.fellegi_sunter import Model


def read_model(path: Path, spec: Spec, identities: int) -> Model:
    """Return the model in a file.

    Parameters
    ----------
    path : what `jdl link --train` wrote, or the JSON that Splink's `save_model_to_json` writes
    spec : names the columns of the left table as Splink knew them
    identities : people on the right, for the prior of an imported model

    Raises
    ------
    InputError
        If there is no such file, or it is not JSON.
    UsageError
        If it is no linkage model, compares no field that the tables have, or holds what cannot be imported.
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
        model = _ours(path, text)
    known = {FIELDS[field] for field in spec.fields}
    if not known & {field.name for field in model.fields}:
        raise UsageError(f"{path} compares {', '.join(f.name for f in model.fields)}; the tables share none of these")
    return model


def _columns(spec: Spec) -> dict[str, str]:
    return {column: FIELDS[field] for field, column in spec.sides[0].columns.items()}


def _ours(path: Path, text: str) -> Model:
    try:
        model = Model.from_json(text)
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
