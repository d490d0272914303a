"""Count what training needs of the nation, in one pass over some of its shards.

Why counts: a few thousand agreement patterns hold all that EM can use of millions of pairs, and
they cost nothing to bring to the driver. Why some shards: a shard is a random slice, and ten
thousand matches settle every probability to its second digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jdl_spark.linkage import blocking, comparison
from jdl_spark.linkage.comparison import Levels, Pairs
from jdl_spark.linkage.index import over_index, unpacked
from jdl_spark.linkage.keys import Codes, Keyed
from jdl_spark.linkage.records import NO_DATE, IntArray, Records, concatenate, from_bytes, pack, to_bytes, version_pairs
from jdl_spark.linkage.scoring import with_any_address
from jdl_spark.stats import fellegi_sunter
from jdl_spark.stats.fellegi_sunter import Field
from jdl_spark.stats.pool import is_in
from jdl_spark.stats.randomness import generator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LEFT_PEOPLE = 60_000
"""Left people who take part at most."""
SURVEYED = 6_000.0
"""Left people whose own identity would lie in the surveyed shards, if all of them were in the index."""
HOT_VERSIONS, HOT_SHARE = 50, 0.01
"""Versions of a shard, or share of them, that may have one key in a training session."""
_SAME = ("forename", "surname", "birth", "postcode")


@dataclass(frozen=True)
class Counts:
    """Agreement patterns (see `fellegi_sunter.count_patterns`), and how often each occurs."""

    patterns: IntArray
    counts: IntArray


@dataclass(frozen=True)
class Census:
    """What the pass finds.

    Attributes
    ----------
    identities : int. People of the whole index, estimated where only some shards were surveyed.
    surveyed : float. Share of the index that was surveyed.
    random : Counts of random pairs of people.
    blocked : Counts of all pairs that share a key of a training rule.
    same : field -> pairs of different people with the same value, and pairs that know theirs.
    keyed : training rule -> share of the identities that have a key.
    all_pairs : bool. `random` holds every pair there is.
    """

    identities: int
    surveyed: float
    random: Counts
    blocked: Counts
    same: Mapping[str, tuple[int, int]]
    keyed: Mapping[str, float]
    all_pairs: bool


@dataclass(frozen=True)
class Survey:
    """What a shard is surveyed with; travels to the workers once.

    Attributes
    ----------
    quota : shard -> random pairs to draw in it
    itself : bool. Left and right are one table: a person is not compared with himself.
    seed : names the random numbers, with the shard: they do not depend on partitions
    """

    left: Records
    fields: tuple[Field, ...]
    common_postcodes: IntArray
    quota: Mapping[int, int]
    itself: bool
    seed: tuple[str, ...]

    def of_shard(self, number: int, right: Records) -> dict[str, Any]:
        """Return the shard's counts as arrays."""
        found: dict[str, Any] = {"people": np.array([len(right.people)])}
        found["random"], found["random_counts"], found["all_pairs"] = self._random(number, right)
        keys = blocking.index_keys(right, blocking.TRAINING_KEYS)
        found["blocked"], found["blocked_counts"] = self._blocked(right, keys)
        for field in _SAME:
            found[f"same_{field}"] = np.array(_collisions(right, field))
        for rule in blocking.TRAINING_RULES:
            found[f"keyed_{rule.name}"] = np.array([right.bearers(keys[rule.key][0])])
        return found

    def _random(self, number: int, right: Records) -> tuple[IntArray, IntArray, IntArray]:
        """Count random pairs of people; all pairs where there are fewer than wanted."""
        wanted, random = self.quota[number], generator(*self.seed, number)
        n, k = len(self.left.people), len(right.people)
        everything = n * k <= wanted
        if everything:
            person, identity = (part.ravel() for part in np.meshgrid(np.arange(n), np.arange(k), indexing="ij"))
        else:
            person, identity = random.integers(0, n, wanted), random.integers(0, k, wanted)
        return *self._count(right, *self._others(right, person, identity)), np.array([everything])

    def _blocked(self, right: Records, found: Mapping[str, Keyed]) -> tuple[IntArray, IntArray]:
        """Count the pairs of the training rules: those that look like matches by all versions, the rest as found."""
        probes = blocking.probes(self.left, {}, blocking.TRAINING_RULES)
        keys = {name: _without_hot(*keyed) for name, keyed in found.items()}
        people = max(len(right.people), 1)
        plain, promising = [], []
        for rows, other in blocking.candidates(probes, keys, len(self.left), len(right)):
            levels = comparison.compare(Pairs(self.left, right, rows, other, self.common_postcodes), self.fields)
            pair = self.left.person_at[rows] * people + right.person_at[other]
            likely = fellegi_sunter.field_weights(self.fields, levels) >= 0
            promising.append(pair[likely])
            plain.append(_first_of_each(pair[~likely], levels[~likely]))
        near = blocking.distinct(np.concatenate([np.empty(0, np.int64), *promising]))
        far = [levels[~is_in(pair, near)] for pair, levels in plain]
        person, identity = self._others(right, *np.divmod(near, people))
        levels = np.concatenate([self._levels(right, person, identity), *far])
        return fellegi_sunter.count_patterns(levels, comparison.sizes(self.fields))

    def _others(self, right: Records, person: IntArray, identity: IntArray) -> tuple[IntArray, IntArray]:
        if not self.itself:
            return person, identity
        keep = self.left.people[person] != right.people[identity]
        return person[keep], identity[keep]

    def _count(self, right: Records, person: IntArray, identity: IntArray) -> tuple[IntArray, IntArray]:
        levels = self._levels(right, person, identity)
        return fellegi_sunter.count_patterns(levels, comparison.sizes(self.fields))

    def _levels(self, right: Records, person: IntArray, identity: IntArray) -> Levels:
        """Return one comparison vector a pair of people: their best versions, with any of their addresses."""
        if not len(person):
            return np.empty((0, len(self.fields)), np.int8)
        draw, rows, other = version_pairs(self.left, right, person, identity)
        starts = np.flatnonzero(np.append(True, draw[1:] != draw[:-1]))
        levels = comparison.compare(Pairs(self.left, right, rows, other, self.common_postcodes), self.fields)
        levels = with_any_address(self.fields, levels, draw, starts)
        order = np.lexsort((-fellegi_sunter.field_weights(self.fields, levels), draw))
        return np.asarray(levels[order[starts]])


def _without_hot(rows: IntArray, keys: Codes) -> Keyed:
    """Leave out keys that far too many share: the pairs of one such key would be nearly all that EM sees."""
    _, place, versions = np.unique(keys, return_inverse=True, return_counts=True)
    keep = versions[place] <= max(HOT_VERSIONS, HOT_SHARE * len(keys))
    return rows[keep], keys[keep]


def _first_of_each(pair: IntArray, levels: Levels) -> tuple[IntArray, Levels]:
    distinct, first = np.unique(pair, return_index=True)
    return distinct, levels[first]


def _collisions(records: Records, field: str) -> list[int]:
    """Return how many pairs of different people have the same value, and how many pairs know theirs.

    A person with several values counts once for each.
    """
    value = {
        "birth": records.birth.astype(np.int64),
        "postcode": records.postcode_code,
    }.get(field)
    if value is None:
        value = np.append(records.names.code, 0)[getattr(records, field)]
    known = value != (NO_DATE if field == "birth" else 0)
    order = np.argsort(value[known], kind="stable")  # the records are sorted by person
    value, person = value[known][order], records.person_at[known][order]
    new = np.append(True, value[1:] != value[:-1])[: len(value)]
    once = new | np.append(True, person[1:] != person[:-1])[: len(value)]
    bearers = np.bincount(np.cumsum(new)[once] - 1)
    n = int(bearers.sum())
    return [int((bearers * (bearers - 1)).sum()), n * (n - 1)]


def census(
    index: DataFrame,
    left: Records,
    fields: tuple[Field, ...],
    common_postcodes: IntArray,
    random_pairs: int,
    itself: bool,
    seed: tuple[str, ...],
) -> Census:
    """Walk over enough shards of the index once.

    Parameters
    ----------
    left : Records. At most LEFT_PEOPLE people.
    fields : with the probabilities that weigh an identity's versions against each other
    random_pairs : how many to draw
    """
    sizes = index.select("shard", "versions").orderBy("shard").toArrow().to_pydict()
    chosen = enough(sizes["versions"], SURVEYED / max(len(left.people), 1))
    versions, total = sum(sizes["versions"][:chosen]), max(sum(sizes["versions"]), 1)
    quota = {
        shard: -(-random_pairs * size // max(versions, 1))
        for shard, size in zip(sizes["shard"][:chosen], sizes["versions"], strict=False)
    }
    survey = Survey(left, fields, common_postcodes, quota, itself, seed)

    def kernel(number: int, shard: Records) -> list[dict[str, Any]]:
        payload = to_bytes(survey.of_shard(number, shard))
        return [{"shard": np.array([number], np.int32), "payload": pa.array([payload], pa.binary())}]

    wanted = index.where(f"shard <= {max(quota, default=-1)}")
    table = over_index(wanted, kernel, "shard int, payload binary").sort_by("shard")
    shards = [from_bytes(payload) for payload in table.column("payload").to_pylist()]
    people = max(sum(int(s["people"][0]) for s in shards), 1)
    return Census(
        identities=max(round(people * total / max(versions, 1)), 1),
        surveyed=versions / total,
        random=_summed((s["random"], s["random_counts"]) for s in shards),
        blocked=_summed((s["blocked"], s["blocked_counts"]) for s in shards),
        same={field: _added(s[f"same_{field}"] for s in shards) for field in _SAME},
        keyed={r.name: sum(int(s[f"keyed_{r.name}"][0]) for s in shards) / people for r in blocking.TRAINING_RULES},
        all_pairs=all(bool(s["all_pairs"][0]) for s in shards),
    )


def enough(sizes: list[int], share: float) -> int:
    """Return how many of the first shards hold at least a share of everything."""
    total = np.cumsum(np.array([0, *sizes]))
    return min(int(np.searchsorted(total, min(share, 1.0) * total[-1])), len(sizes))


def _added(parts: Iterable[IntArray]) -> tuple[int, int]:
    same, pairs = np.array([[0, 0], *parts], np.int64).sum(axis=0)
    return int(same), int(pairs)


def _summed(parts: Iterable[tuple[IntArray, IntArray]]) -> Counts:
    """Add up counts by pattern."""
    pairs = list(parts)
    patterns = np.concatenate([np.empty(0, np.int64), *(patterns for patterns, _ in pairs)])
    counts = np.concatenate([np.empty(0, np.int64), *(counts for _, counts in pairs)])
    distinct, which = np.unique(patterns, return_inverse=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, which, counts)
    return Counts(distinct, sums)


# --- the left people ----------------------------------------------------------------------


def left_people(sample: DataFrame) -> Records:
    """Bring left people to the driver: packed shards as they are, cohort rows standardised.

    Cohort people are numbered in the order of (request_id, person_ref).
    """
    if "payload" in sample.columns:
        return enough_shards(sample, LEFT_PEOPLE)
    table = sample.toArrow().sort_by([("request_id", "ascending"), ("person_ref", "ascending")])
    return pack(table, np.arange(table.num_rows, dtype=np.int64))


def enough_shards(index: DataFrame, people: int) -> Records:
    """Return the first shards of an index that hold at least so many versions: shards are random slices."""
    sizes = index.select("shard", "versions").orderBy("shard").toArrow().to_pydict()
    chosen = enough(sizes["versions"], 2 * people / max(sum(sizes["versions"]), 1))
    if not chosen:
        return pack(pa.table({}), np.empty(0, np.int64))
    last = sizes["shard"][chosen - 1]
    rows = index.where(f"shard <= {last}").select("shard", "payload").orderBy("shard").toArrow()
    return concatenate([unpacked(payload) for payload in rows.column("payload").to_pylist()])


def sampled(left: Records, people: int, random: np.random.Generator, always: IntArray | None = None) -> Records:
    """Return at most so many of the people, and those who are always wanted, with all their versions."""
    if len(left.people) <= people:
        return left
    chosen = random.choice(left.people, people, replace=False)
    if always is not None:
        chosen = np.union1d(chosen, always)
    return left.take(np.flatnonzero(np.isin(left.person, chosen)))
