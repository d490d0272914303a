"""How many pairs each blocking rule will bring together, counted before anything is compared.

Why by key, not by pair: a rule's pairs are the sum over its keys of left times right versions. That needs no
pair to be written down, finds the fullest key, and costs a look through the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jdl_spark.linkage import blocking
from jdl_spark.linkage.index import BLOCK, Counted, over_index
from jdl_spark.linkage.keys import Codes, Keyed
from jdl_spark.linkage.link import chunks
from jdl_spark.linkage.records import NO_DATE, IntArray, Records

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class RulePlan:
    """What one blocking rule brings together.

    Attributes
    ----------
    name, words : of the rule
    pairs : pairs of name versions of different people; another rule may find the same ones
    people : left people who have a pair under the rule
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


def count_pairs(
    left_index: DataFrame, index: DataFrame, counted: Mapping[str, Counted], itself: bool = False
) -> list[RulePlan]:
    """Count the pairs of every blocking rule, in one pass over the index for each LEFT_VERSIONS on the left.

    Parameters
    ----------
    left_index, index : DataFrame of schemas.IDENTITY_INDEX
        Who is looked for, and among whom.
    counted : what `index.name_frequencies` returned for the index; keys that are left out count nothing.
    itself : both are one table: nobody is paired with himself, and each pair is met from both sides

    Returns
    -------
    list of RulePlan, in the order of blocking.RULES
    """
    found: list[list[tuple[IntArray, IntArray]]] = [[] for _ in blocking.RULES]
    people = np.zeros(len(blocking.RULES), np.int64)
    for left in chunks(left_index):
        probes = _probes(left, counted)
        table = _looked_up(index, probes)
        own = blocking.index_keys(left) if itself else None
        for at, probe in enumerate(probes.values()):
            here = table["rule"] == at
            mine = own[probe.key] if own else None
            partners = _partners(left, probe, table["key"][here], table["versions"][here], mine)
            people[at] += len(np.unique(left.person_at[probe.rows[partners > 0]]))
            values, which = np.unique(probe.keys, return_inverse=True)
            found[at].append((values.astype(np.int64), _sums(which, partners, len(values))))
    counts = zip(blocking.RULES, map(_merged, found), people.tolist(), strict=True)
    return [RulePlan(rule.name, rule.words, sum(pairs), some, max(pairs, default=0)) for rule, pairs, some in counts]


def distinct_pairs(
    left_index: DataFrame, index: DataFrame, counted: Mapping[str, Counted], itself: bool = False
) -> int:
    """Count the pairs of all rules together, each once; parameters as for `count_pairs`.

    Takes several times longer: pairs that several rules find must be told apart.
    """
    total = 0
    for left in chunks(left_index):
        probes = _probes(left, counted)

        def kernel(
            _: int, shard: Records, left: Records = left, probes: Mapping[str, blocking.Probe] = probes
        ) -> list[dict[str, Any]]:
            pairs = 0
            for rows, other in blocking.candidates(probes, blocking.index_keys(shard), len(left), len(shard)):
                pairs += int((left.person[rows] != shard.person[other]).sum()) if itself else len(rows)
            return [{"pairs": np.array([pairs])}]

        total += int(over_index(index, kernel, "pairs bigint").column("pairs").to_numpy().sum())
    return total


def _probes(left: Records, counted: Mapping[str, Counted]) -> dict[str, blocking.Probe]:
    return blocking.probes(left, {key: counted[BLOCK + key][0] for key in blocking.KEYS})


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


def _looked_up(index: DataFrame, probes: Mapping[str, blocking.Probe]) -> dict[str, IntArray]:
    """Return the versions of the index under each key that is looked up, rule by rule."""

    def kernel(_: int, shard: Records) -> Iterator[dict[str, Any]]:
        keys = blocking.index_keys(shard)
        for at, probe in enumerate(probes.values()):
            values, versions = _versions_by_key(probe, keys[probe.key][1])
            yield {"rule": np.full(len(values), at, np.int32), "key": values, "versions": versions}

    table = over_index(index, kernel, "rule int, key bigint, versions bigint")
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _versions_by_key(probe: blocking.Probe, right: Codes) -> tuple[IntArray, IntArray]:
    """Return which of the probe's distinct keys a shard has, and how many versions have each."""
    distinct, _, _ = probe.distinct
    keys, versions = np.unique(right, return_counts=True)
    at = np.minimum(np.searchsorted(keys, distinct), max(len(keys) - 1, 0))
    hit = np.flatnonzero(keys[at] == distinct) if len(keys) else np.zeros(0, np.int64)
    return distinct[hit].astype(np.int64), versions[at[hit]].astype(np.int64)


def _partners(left: Records, probe: blocking.Probe, key: IntArray, versions: IntArray, own: Keyed | None) -> IntArray:
    """Return how many versions of other people each entry of a probe finds."""
    values, which = np.unique(key, return_inverse=True)
    found = _at(probe.keys.astype(np.int64), values, _sums(which, versions, len(values)))
    if own is None:
        return found
    people = max(len(left.people), 1)
    mine, times = np.unique(own[1].astype(np.int64) * people + left.person_at[own[0]], return_counts=True)
    return np.asarray(found - _at(probe.keys.astype(np.int64) * people + left.person_at[probe.rows], mine, times))


def _at(wanted: IntArray, values: IntArray, counts: IntArray) -> IntArray:
    """Look up counts by value; 0 where a value is not there."""
    if not len(values):
        return np.zeros(len(wanted), np.int64)
    place = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[place] == wanted, counts[place], 0)


def _sums(which: IntArray, counts: IntArray, size: int) -> IntArray:
    total = np.zeros(size, np.int64)
    np.add.at(total, which, counts)
    return total


def _merged(parts: list[tuple[IntArray, IntArray]]) -> list[int]:
    """Return the pairs of each key, over all chunks of the left side."""
    keys = np.concatenate([np.empty(0, np.int64), *(keys for keys, _ in parts)])
    values, which = np.unique(keys, return_inverse=True)
    pairs = np.concatenate([np.empty(0, np.int64), *(pairs for _, pairs in parts)])
    found: list[int] = _sums(which, pairs, len(values)).tolist()
    return found


def completeness(index: DataFrame) -> dict[str, float]:
    """Return the share of name versions of an index that have each field (`comparison.FIELDS`)."""

    def kernel(_: int, shard: Records) -> list[dict[str, Any]]:
        return [{name: np.array([count]) for name, count in (("versions", len(shard)), *_known(shard).items())}]

    names = ("versions", "forename", "middle", "surname", "birth", "sex", "postcode", "pnc")
    table = over_index(index, kernel, ", ".join(f"{name} bigint" for name in names))
    total = {name: int(table.column(name).to_numpy().sum()) for name in names}
    versions = max(total.pop("versions"), 1)
    return {name: count / versions for name, count in total.items()}


def _known(records: Records) -> dict[str, int]:
    known = {name: getattr(records, name) >= 0 for name in ("forename", "middle", "surname")}
    known |= {"birth": records.birth != NO_DATE, "sex": records.sex > 0}
    known |= {"postcode": (records.postcode != b"") | (records.outward != b""), "pnc": records.pnc != b""}
    return {name: int(mask.sum()) for name, mask in known.items()}
