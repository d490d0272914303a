"""Link people to an index: all requests in one pass, or one population to another.

Candidates are blocked, compared and weighed in the worker; only those above the floor come back,
some one or two per person, and are resolved here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jdl_spark import schemas
from jdl_spark.linkage import resolution, reviewed, scoring
from jdl_spark.linkage.index import BLOCK, Counted, name_frequencies, over_index, unpacked
from jdl_spark.linkage.records import Records, concatenate, pack
from jdl_spark.linkage.scoring import Candidates, LeftSide
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import Model

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LEFT_VERSIONS = 400_000
"""Name versions of the left population carried to the workers at once (some 200 bytes each)."""


def link_records(
    cohort: DataFrame,
    index: DataFrame,
    frequencies: DataFrame,
    model_json: str,
    settings: LinkageSettings,
    labels: pa.Table | None = None,
) -> DataFrame:
    """Find the offender behind each submitted row, for all requests in one pass over the nation.

    Each row is decided by itself: that two rows of a request claim one offender is found later,
    where the treatment group is formed.

    Parameters
    ----------
    cohort : DataFrame of schemas.COHORT_MEMBERS
        One row per (request_id, person_ref). Collected to the driver.
    index : DataFrame of schemas.IDENTITY_INDEX
        The offenders of one release.
    frequencies : DataFrame of schemas.NAME_FREQUENCIES
        Of the same.
    model_json : str
        What `training.train` returned for this release.
    settings : LinkageSettings
    labels : Arrow table of reviewed.LABELS, optional
        What reviewers decided; it stands over the model.

    Returns
    -------
    DataFrame of schemas.LINKS, less run_id
        One row per offender whom a row could be (posterior at least `bar_probability`, linked, or reviewed). A row
        with no such offender has none. Sorted by request, person and offender.
    """
    people = cohort.toArrow().sort_by([("request_id", "ascending"), ("person_ref", "ascending")])
    left = pack(people, np.arange(people.num_rows, dtype=np.int64))
    model = Model.from_json(model_json)
    candidates = find_candidates(left, index, name_frequencies(frequencies), model, settings)
    verdicts = reviewed.verdicts_of(labels, people)
    settled = reviewed.settle(candidates, verdicts, lambda part: resolution.resolve(part, model, settings), settings)
    found = settled.candidates
    links = pa.table(
        {
            "request_id": people.column("request_id").take(found.person),
            "person_ref": people.column("person_ref").take(found.person),
            "offender_id": found.identity,
            "match_weight": found.weight,
            "match_probability": settled.probability,
            "status": np.array(resolution.STATUSES)[settled.status],
            "route": np.where(settled.by_review, "review", np.where(found.pnc, "pnc", "fuzzy")),
        }
    )
    return _frame(index, schemas.LINKS, links)


def link_populations(
    offender_index: DataFrame,
    benefit_index: DataFrame,
    frequencies: DataFrame,
    model_json: str,
    settings: LinkageSettings,
) -> DataFrame:
    """Find the benefit record of each offender of the nation, one to one.

    Parameters
    ----------
    offender_index, benefit_index : DataFrame of schemas.IDENTITY_INDEX
        Both of one release. The offenders are carried to the benefit shards in chunks, so that
        memory does not grow with the nation.
    frequencies : DataFrame of schemas.NAME_FREQUENCIES
        Of the benefit population.
    model_json, settings : as for `link_records`

    Returns
    -------
    DataFrame of schemas.OFFENDER_BENEFIT_LINKS, less release_id
        One row per linked offender; no claimant twice.
    """
    model = Model.from_json(model_json)
    candidates = population_candidates(offender_index, benefit_index, frequencies, model, settings)
    resolved = resolution.resolve_one_to_one(candidates, model, settings)
    linked = np.flatnonzero(resolved.status == resolution.LINKED)
    found = candidates.take(linked)
    links = pa.table(
        {
            "offender_id": found.person,
            "claimant_id": found.identity,
            "match_weight": found.weight,
            "match_probability": resolved.probability[linked],
        }
    )
    return _frame(benefit_index, schemas.OFFENDER_BENEFIT_LINKS, links)


def population_candidates(
    left_index: DataFrame,
    index: DataFrame,
    frequencies: DataFrame,
    model: Model,
    settings: LinkageSettings,
    itself: bool = False,
) -> Candidates:
    """Return every identity of an index that the people of another index could be, chunk by chunk."""
    counted = name_frequencies(frequencies)
    parts = [find_candidates(left, index, counted, model, settings, itself) for left in chunks(left_index)]
    whole = scoring.merged(parts)
    return whole.take(np.lexsort((whole.identity, whole.person)))


def find_candidates(
    left: Records,
    index: DataFrame,
    counted: Mapping[str, Counted],
    model: Model,
    settings: LinkageSettings,
    itself: bool = False,
) -> Candidates:
    """Return every identity of the index that left people could be, in one pass over its shards.

    Parameters
    ----------
    counted : what `index.name_frequencies` returned for the index
    itself : left and right are one table: nobody is a candidate of himself
    """
    left_out = {name.removeprefix(BLOCK): keys for name, keys in counted.items() if name.startswith(BLOCK)}
    side = LeftSide.build(left, counted, left_out, model, settings.floor_weight, itself)
    found = over_index(index, lambda _, shard: [scoring.score_shard(side, shard)], scoring.CANDIDATE_SCHEMA)
    return Candidates.from_table(found)


def chunks(index: DataFrame) -> Iterator[Records]:
    """Yield the population's records, so many shards at a time that LEFT_VERSIONS is reached."""
    sizes = index.select("shard", "versions").orderBy("shard").toArrow().to_pydict()
    chunk = np.cumsum(sizes["versions"]) // LEFT_VERSIONS
    for number in np.unique(chunk):
        wanted = [shard for shard, at in zip(sizes["shard"], chunk, strict=True) if at == number]
        rows = index.where(f"shard BETWEEN {wanted[0]} AND {wanted[-1]}").select("payload").toArrow()
        yield concatenate([unpacked(payload) for payload in rows.column("payload").to_pylist()])


def _frame(like: DataFrame, table: schemas.Table, rows: pa.Table) -> DataFrame:
    """Make a Spark frame of a table's columns, as far as the rows have them."""
    schema = ", ".join(f"{c.name} {c.type}" for c in table.columns if c.name in rows.column_names)
    return like.sparkSession.createDataFrame(rows, schema)
