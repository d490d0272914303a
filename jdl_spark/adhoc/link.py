"""`jdl link`: link any two tables of people, or find who is in one table twice, with the engine of the requests.

The same stages run here as on the road of a request; only the reading of the tables, and the model
trained on nothing but them, are this part's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from jdl_spark.adhoc.linking.answers import Plan
from jdl_spark.adhoc.linking.evaluate import Truth, evaluate, never_met, read_truth
from jdl_spark.adhoc.linking.models import read_model
from jdl_spark.adhoc.linking.spec import FIELDS, Spec, read_spec
from jdl_spark.adhoc.linking.stages import Tables
from jdl_spark.adhoc.linking.tables import People
from jdl_spark.errors import UsageError
from jdl_spark.linkage import resolution
from jdl_spark.linkage.records import IntArray
from jdl_spark.linkage.resolution import Resolved
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.progress import Progress
from jdl_spark.stats.fellegi_sunter import Model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Wanted:
    """What `jdl link` is asked for.

    Attributes
    ----------
    left, right : CSV (UTF-8, with a header) or Parquet; a file, or a folder of Parquet files. Without right, `left` is
        searched for people who are in it more than once.
    spec : TOML with the tables [left] and [right]: `id` and any of FIELDS, each naming a column; an optional
        `date_format` as in Python's strptime. An optional table [linkage] sets LinkageSettings.
    out : Parquet file for the links; None: a model is trained, and nothing is linked
    train : file for the model that is trained
    model : file of the model to link with; without it, one is trained on the two tables
    truth : file of the true pairs
    """

    left: str
    right: str | None
    spec: Path
    out: Path | None = None
    train: Path | None = None
    model: Path | None = None
    truth: str | None = None

    def __post_init__(self) -> None:
        if self.model and self.train:
            raise UsageError("--model links with a model that is there, --train makes one; give one of them")
        if not self.out and not self.train:
            raise UsageError("say where the links go with --out LINKS.parquet, or train with --train MODEL.json")
        if self.truth and not self.out:
            raise UsageError("--evaluate needs links to evaluate; give --out LINKS.parquet as well")


def link_tables(spark: SparkSession, wanted: Wanted, progress: Progress | None = None) -> dict[str, Any]:
    """Link the people of one table to those of another, or to each other, and write what was found.

    Rows that share an id are name versions of one person, on either side. Of two tables, a right
    person is linked to one left person only: of several claims the largest match weight wins (ties: the
    smaller left id); who loses is judged again without it. Within one table see
    `clusters.resolve_duplicates`.

    Files
    -----
    OUT : Parquet: left_id, right_id, match_weight (bits), match_probability, status (linked, ambiguous, candidate).
        Every pair whose posterior is at least `bar_probability` is in it; ids keep their type (in a CSV, whole
        numbers without leading zeros are numbers). Within one table left_id < right_id, and weight
        and probability are null where a pair is linked through others alone.
    OUT with the ending .clusters.parquet : of one table: id and cluster (the smallest id of all that links connect).
    OUT with the ending .linkage.json : the linkage document, which `jdl link report` draws.

    Returns
    -------
    dict
        Counts of rows and people, what was linked, the model's expected rates and, with a truth, the real ones.

    Raises
    ------
    UsageError
        If the spec is wrong: no such column, no shared field, nothing to find pairs by.
    InputError
        If a table is missing, empty, unreadable, or has rows without an id.
    """
    stage = (progress or Progress(terminal=False)).stage
    with stage("reading"):
        spec = read_spec(wanted.spec, wanted.right is None)
        tables = Tables.read(spark, spec, wanted.left, wanted.right)
        truth = read_truth(wanted.truth, tables.left.ids, tables.right.ids, tables.itself) if wanted.truth else None
        model = read_model(wanted.model, spec, len(tables.right.ids)) if wanted.model else None
    with tables.indexed():
        if model is None:
            with stage("training"):
                model = tables.trained()
        if wanted.train:
            wanted.train.parent.mkdir(parents=True, exist_ok=True)
            wanted.train.write_text(model.to_json(), encoding="utf-8")
        told = tables.described() | _of_model(wanted, spec, model)
        if wanted.out is None:
            return told
        with stage("linking"):
            found, resolved = tables.linked(model)
        with stage("looking back"):
            document = tables.told(_title(wanted), model, found, resolved)
        if truth:
            document |= _evaluated(tables, model, found, resolved, truth)
    return told | _written(wanted.out, tables, spec, found, resolved, document)


def plan_tables(
    spark: SparkSession, left: str, right: str | None, spec: Path, progress: Progress | None = None
) -> Plan:
    """Count what linking would compare, before it does."""
    stage = (progress or Progress(terminal=False)).stage
    with stage("reading"):
        tables = Tables.read(spark, read_spec(spec, right is None), left, right)
    with tables.indexed(), stage("counting pairs"):
        return Plan(tables.described() | tables.planned() | {"pairs": tables.distinct_pairs()})


def _evaluated(tables: Tables, model: Model, found: Candidates, resolved: Resolved, truth: Truth) -> dict[str, Any]:
    """Return the parts of the document that need the truth."""
    labels = evaluate(found, resolved, truth, best_only=not tables.itself, threshold=tables.threshold(model))
    points = [labels["best"], labels["at_operating_point"]]
    labels["best"] = max((point for point in points if point), key=lambda point: point["f1"])
    apart = labels["lost"].pop("not_compared")
    never = never_met(found, truth, tables.left, tables.right, tables.counted)
    labels["lost"] = {"no_blocking_rule": never, "too_unlike": apart - never, **labels["lost"]}
    return {"calibration": labels.pop("calibration"), "labels": labels}


def _title(wanted: Wanted) -> str:
    left = Path(wanted.left).stem
    return f"{left} with itself" if wanted.right is None else f"{left} to {Path(wanted.right).stem}"


def _of_model(wanted: Wanted, spec: Spec, model: Model) -> dict[str, Any]:
    weighed = {field.name for field in model.fields}
    return {
        "fields": [field for field in spec.fields if FIELDS[field] in weighed],
        "not_weighed": [field for field in spec.fields if FIELDS[field] not in weighed],
        "expected_share_present": round(model.present, 4),
        **({"model": str(wanted.train)} if wanted.train else {}),
    }


def _written(
    out: Path, tables: Tables, spec: Spec, found: Candidates, resolved: Resolved, document: dict[str, Any]
) -> dict[str, Any]:
    """Write the files, and return what they hold."""
    keep = np.flatnonzero(
        (resolved.probability >= spec.settings.bar_probability) | (resolved.status > resolution.CANDIDATE)
    )
    status = np.array(resolution.STATUSES)[resolved.status[keep]]
    links = pa.table(
        {
            "left_id": tables.left.ids.take(pa.array(found.person[keep])),
            "right_id": tables.right.ids.take(pa.array(found.identity[keep])),
            "match_weight": pa.array(found.weight[keep], from_pandas=True),
            "match_probability": pa.array(resolved.probability[keep], from_pandas=True),
            "status": status,
        }
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(links, out)
    written = document_path(out)
    written.write_text(json.dumps(document, indent=1), encoding="utf-8")
    linked = resolved.status == resolution.LINKED
    told: dict[str, Any] = {"out": str(out), "document": str(written), "pairs": links.num_rows}
    told |= {name: int((status == name).sum()) for name in ("linked", "ambiguous")}
    if tables.itself:
        told |= _clusters(out, tables.left, found.person[linked], found.identity[linked])
    else:
        told["not_linked"] = len(tables.left.ids) - told["linked"] - told["ambiguous"]
    told["left_out"] = document["left_out"]
    told |= _short({"linked_from": document["model"]["link_probability"]} | (document["rates"] or {}))
    if "labels" in document:
        told |= {f"truth, {name.replace('_', ' ')}": _short(part)
                 for name, part in document["labels"].items() if name != "precision_recall"}  # fmt: skip
    return told


def _short(part: Any) -> Any:
    """Round rates for reading; the document has all their digits."""
    if isinstance(part, dict):
        return {name: _short(value) for name, value in part.items()}
    return round(part, 4) if isinstance(part, float) else part


def _clusters(out: Path, people: People, one: IntArray, other: IntArray) -> dict[str, Any]:
    """Write who is the same person: every pair of a group is linked, so the smallest partner names the group."""
    first = np.arange(len(people.ids))
    np.minimum.at(first, other, one)
    path = out.with_suffix(".clusters.parquet")
    table = pa.table({"id": people.ids, "cluster": people.ids.take(pa.array(first))})
    pa.parquet.write_table(table, path)
    return {"clusters": str(path), "different_people": len(first) - len(set(other.tolist()))}


def document_path(links: Path) -> Path:
    """Return where the linkage document of a file of links lies."""
    return links.with_suffix(".linkage.json")
