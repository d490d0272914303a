"""How many pairs each blocking rule will bring together, counted before anything is compared.

Why by key, not by pair: a rule's pairs are the sum over its keys of left times right versions. That needs no
pair to be written down, finds the fullest key, and costs a look through the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jdl_spark.linkage import blocking
from jdl_spark.linkage.index import BLOCK, Counted, over_index
from jdl_spark.linkage.records import IntArray, Records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame

_COUNTS = "rule string, place array<bigint>, versions array<bigint>"


@dataclass(frozen=True)
class RulePlan:
    """What one blocking rule brings together.

    Attributes
    ----------
    name, words : of the rule
    pairs : pairs of name versions; another rule may find the same ones
    people : left people who share a key with anybody
    largest_key : pairs of the fullest single key
    """

    name: str
    words: str
    pairs: int
    people: int
    largest_key: int


@dataclass(frozen=True)
class LeftOut:
    """Values of a blocking key that too many share: nobody is looked up by them.

    Attributes
    ----------
    key : name of the key. keys : how many values. versions : name versions that have one of them.
    """

    key: str
    keys: int
    versions: int


def count_pairs(left: Records, index: DataFrame, counted: Mapping[str, Counted]) -> list[RulePlan]:
    """Count the pairs of every blocking rule.

    Parameters
    ----------
    left : Records. Who is looked for.
    index : DataFrame of schemas.IDENTITY_INDEX
        One release and population.
    counted : what `index.name_frequencies` returned for the index; keys that are left out count nothing.

    Returns
    -------
    list of RulePlan, in the order of blocking.RULES. In a table with itself each record meets itself, and
    each pair is met from both sides.
    """
    dropped = {name.removeprefix(BLOCK): keys for name, (keys, _) in counted.items() if name.startswith(BLOCK)}
    probes = blocking.probes(left, dropped)

    def kernel(_: int, shard: Records) -> Iterator[dict[str, Any]]:
        right = blocking.index_keys(shard)
        found = {name: _versions_by_key(probe, right[probe.key][1]) for name, probe in probes.items()}
        yield {
            "rule": pa.array(list(found)),
            "place": pa.array([place for place, _ in found.values()], pa.list_(pa.int64())),
            "versions": pa.array([versions for _, versions in found.values()], pa.list_(pa.int64())),
        }

    rows = over_index(index, kernel, _COUNTS).to_pylist()
    return [_plan(rule, probes[rule.name], left, [row for row in rows if row["rule"] == rule.name])
            for rule in blocking.RULES]  # fmt: skip


def left_out(counted: Mapping[str, Counted]) -> list[LeftOut]:
    """Return the keys that nobody is looked up by, from `index.name_frequencies`; common ones of RARE_KEYS apart.

    That many share a date of birth or a postcode is expected, and other rules are there for it.
    """
    found = []
    for name in sorted(counted):
        key = name.removeprefix(BLOCK)
        if name.startswith(BLOCK) and key not in blocking.RARE_KEYS:
            keys, versions = counted[name]
            found += [LeftOut(key, len(keys), int(versions.sum()))] if len(keys) else []
    return found


def _versions_by_key(probe: blocking.Probe, right: Any) -> tuple[IntArray, IntArray]:
    """Return which of the probe's distinct keys the shard has, and how many versions have each."""
    distinct, _, _ = probe.distinct
    keys, versions = np.unique(right, return_counts=True)
    at = np.minimum(np.searchsorted(keys, distinct), max(len(keys) - 1, 0))
    hit = np.flatnonzero(keys[at] == distinct) if len(keys) else np.zeros(0, np.int64)
    return hit.astype(np.int64), versions[at[hit]].astype(np.int64)


def _plan(rule: blocking.Rule, probe: blocking.Probe, left: Records, rows: Sequence[Mapping[str, Any]]) -> RulePlan:
    distinct, _, count = probe.distinct
    versions = np.zeros(len(distinct), np.int64)
    for row in rows:
        versions[np.array(row["place"], np.int64)] += np.array(row["versions"], np.int64)
    pairs = versions * count
    met = np.repeat(versions > 0, count)
    people = len(np.unique(left.person_at[probe.rows[met]]))
    return RulePlan(rule.name, rule.words, int(pairs.sum()), people, int(pairs.max(initial=0)))
