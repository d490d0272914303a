"""Count what training needs of the nation: two passes over the shards, numbers back.

Why counts: a few thousand agreement patterns hold all that EM can use of millions of pairs, and
they cost nothing to bring to the driver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jdl_spark.linkage import blocking, comparison
from jdl_spark.linkage.index import IndexShard, over_index
from jdl_spark.linkage.records import IntArray, Records, concatenate, from_bytes, pack, to_bytes
from jdl_spark.linkage.scoring import best_versions
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats import fellegi_sunter
from jdl_spark.stats.fellegi_sunter import Field
from jdl_spark.stats.randomness import generator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SAMPLE_PEOPLE = 20_000
"""Left people whose pairs EM sees: thousands of matches a session, whatever the size of the nation."""
SIZES = tuple(len(levels) for levels in comparison.LEVELS.values())


@dataclass(frozen=True)
class Census:
    """What the first pass finds.

    Attributes
    ----------
    identities : int. People of the index.
    patterns, counts : int64, shape (k,). Agreement patterns of random pairs of people.
    keyed : key name -> share of the versions that have the key.
    left_out : key name -> key -> versions, of blocks above the largest allowed.
    """

    identities: int
    patterns: IntArray
    counts: IntArray
    keyed: Mapping[str, float]
    left_out: Mapping[str, Mapping[int, int]]


def census(
    index: DataFrame, left: Records, compare: Comparer, settings: LinkageSettings, seed: tuple[str, str]
) -> Census:
    """Walk over the index once: random pairs with the left people, share of keyed versions, large blocks.

    Parameters
    ----------
    seed : names the random numbers, with the shard: they do not depend on partitions.
    """
    sizes = index.select("shard", "versions").toArrow().to_pydict()
    total = max(sum(sizes["versions"]), 1)
    quota = {
        shard: -(-settings.random_pairs * versions // total)
        for shard, versions in zip(sizes["shard"], sizes["versions"], strict=True)
    }
    # A block above the limit has its full share of versions in some shard. Shards with less than an eighth of that
    # share do not report it, so that a count may be up to an eighth too small.
    noticeable = settings.largest_block / max(len(quota), 1) / 8

    def survey(number: int, shard: IndexShard) -> list[dict[str, Any]]:
        patterns, counts = _random_patterns(left, shard.records, quota[number], generator(*seed, number), compare)
        found = {"patterns": patterns, "counts": counts, "people": np.array([len(shard.records.people)])}
        for name, (rows, keys) in shard.keys.items():
            key, versions = np.unique(keys, return_counts=True)
            large = versions > noticeable
            found |= {f"large_{name}": key[large], f"versions_{name}": versions[large]}
            found[f"keyed_{name}"] = np.array([len(np.unique(rows))])
        return [{"shard": np.array([number], np.int32), "payload": pa.array([to_bytes(found)], pa.binary())}]

    shards = _by_shard(over_index(index, survey, "shard int, payload binary"))
    patterns, counts = _summed((s["patterns"], s["counts"]) for s in shards)
    left_out = {}
    for name in blocking.KEYS:
        keys, versions = _summed((s[f"large_{name}"], s[f"versions_{name}"]) for s in shards)
        large = versions > settings.largest_block
        if large.any():
            left_out[name] = dict(zip(keys[large].tolist(), versions[large].tolist(), strict=True))
    keyed = {name: sum(int(s[f"keyed_{name}"][0]) for s in shards) / total for name in blocking.KEYS}
    return Census(max(sum(int(s["people"][0]) for s in shards), 1), patterns, counts, keyed, left_out)


def _by_shard(table: pa.Table) -> list[dict[str, Any]]:
    return [from_bytes(payload) for payload in table.sort_by("shard").column("payload").to_pylist()]


def _summed(parts: Any) -> tuple[IntArray, IntArray]:
    """Add up counts by key over (keys, counts) parts."""
    pairs = list(parts)
    keys = np.concatenate([np.empty(0, np.int64), *(keys for keys, _ in pairs)])
    counts = np.concatenate([np.empty(0, np.int64), *(counts for _, counts in pairs)])
    distinct, which = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, which, counts)
    return distinct, sums


def _random_patterns(
    left: Records, right: Records, wanted: int, random: np.random.Generator, compare: Comparer
) -> tuple[IntArray, IntArray]:
    """Return the agreement patterns of random pairs of people; all pairs where there are fewer than wanted."""
    n, k = len(left.people), len(right.people)
    if n * k <= wanted:
        person, identity = (part.ravel() for part in np.meshgrid(np.arange(n), np.arange(k), indexing="ij"))
    else:
        person, identity = random.integers(0, n, wanted), random.integers(0, k, wanted)
    draws, rows, other = _all_versions(left.first_row, right.first_row, person, identity)
    return compare.patterns(left, right, draws, np.zeros_like(draws), rows, other)


def _all_versions(
    left_first: IntArray, right_first: IntArray, person: IntArray, identity: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Return every pair of versions of each pair of people: number of the pair, left row, right row."""
    left_count = (left_first[1:] - left_first[:-1])[person]
    right_count = (right_first[1:] - right_first[:-1])[identity]
    count = left_count * right_count
    draw = np.repeat(np.arange(len(person)), count)
    within = np.arange(len(draw)) - np.repeat(np.cumsum(count) - count, count)
    rows = left_first[person][draw] + within // right_count[draw]
    return draw, rows, right_first[identity][draw] + within % right_count[draw]


@dataclass(frozen=True)
class Comparer:
    """What comparing needs besides the records."""

    fields: tuple[Field, ...]
    """Weigh the versions of an identity against each other, to find the best."""
    thresholds: tuple[float, ...]
    common_postcodes: IntArray

    def patterns(
        self, left: Records, right: Records, person: IntArray, identity: IntArray, rows: IntArray, other: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Count agreement patterns at the grain of scoring: each (person, identity) once, by its best versions."""
        levels = comparison.compare(left, right, rows, other, self.thresholds, self.common_postcodes)
        weight = fellegi_sunter.field_weights(self.fields, levels)
        best = best_versions(person, identity, weight).rows
        return fellegi_sunter.count_patterns(levels[best], SIZES)


def count_sessions(
    index: DataFrame, left: Records, left_out: Mapping[str, IntArray], compare: Comparer, rules: Sequence[str]
) -> dict[str, tuple[IntArray, IntArray]]:
    """Return the agreement patterns and counts of the pairs of each blocking rule, over the whole index."""
    probes = blocking.probes(left, left_out, tuple(rule for rule in blocking.RULES if rule.name in rules))

    def count(number: int, shard: IndexShard) -> list[dict[str, Any]]:
        found: dict[str, IntArray] = {}
        for name, keyed in probes.items():
            pairs = list(blocking.candidates({name: keyed}, shard.keys, len(left), len(shard.records)))
            rows, other = (np.concatenate([np.empty(0, np.int64), *(p[side] for p in pairs)]) for side in (0, 1))
            person, identity = left.person[rows], shard.records.person[other]
            patterns, counts = compare.patterns(left, shard.records, person, identity, rows, other)
            found |= {f"patterns_{name}": patterns, f"counts_{name}": counts}
        return [{"shard": np.array([number], np.int32), "payload": pa.array([to_bytes(found)], pa.binary())}]

    shards = _by_shard(over_index(index, count, "shard int, payload binary"))
    return {name: _summed((s[f"patterns_{name}"], s[f"counts_{name}"]) for s in shards) for name in rules}


def left_people(sample: DataFrame) -> Records:
    """Bring left people to the driver: packed shards as they are, cohort rows standardised.

    Cohort people are numbered in the order of (request_id, person_ref).
    """
    if "payload" in sample.columns:
        return enough_shards(sample, SAMPLE_PEOPLE)
    table = sample.toArrow().sort_by([("request_id", "ascending"), ("person_ref", "ascending")])
    return pack(table, np.arange(table.num_rows, dtype=np.int64))


def enough_shards(index: DataFrame, people: int) -> Records:
    """Return the first shards of an index that hold at least so many versions: shards are random slices."""
    versions = index.select("shard", "versions").orderBy("shard").toArrow().to_pydict()
    total = np.cumsum(versions["versions"])
    wanted = versions["shard"][: int(np.searchsorted(total, 2 * people)) + 1]
    if not wanted:
        return pack(pa.table({}), np.empty(0, np.int64))
    rows = index.where(f"shard <= {wanted[-1]}").select("shard", "payload").orderBy("shard").toArrow()
    return concatenate([IndexShard.from_bytes(payload).records for payload in rows.column("payload").to_pylist()])


def sampled(left: Records, random: np.random.Generator) -> Records:
    """Return at most SAMPLE_PEOPLE of the people, with all their versions."""
    people = left.people
    if len(people) <= SAMPLE_PEOPLE:
        return left
    chosen = np.sort(random.choice(people, SAMPLE_PEOPLE, replace=False))
    return left.take(np.flatnonzero(np.isin(left.person, chosen)))
