"""Compare and weigh the candidates of one shard, and keep those worth keeping.

Why in two steps: a first look at the version that blocking found rules out nearly every pair; what
is left is weighed as people, with all the name versions and addresses of an identity together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jdl_spark.linkage import blocking
from jdl_spark.linkage.comparison import Levels, Pairs, compare, exact_level
from jdl_spark.linkage.index import Counted
from jdl_spark.linkage.records import NO_DATE, IntArray, Records, version_pairs
from jdl_spark.stats import fellegi_sunter
from jdl_spark.stats.fellegi_sunter import FloatArray, Model

CANDIDATE_SCHEMA = "person bigint, identity bigint, weight double, pnc boolean"
_COLUMNS = ("person", "identity", "weight", "pnc")
FIRST_LOOK = 6.0
"""Bits below the floor at which a version is let through the first look: what another version's address may add."""


@dataclass(frozen=True)
class Candidates:
    """Identities that people could be, sorted by (person, identity); one row per pair.

    Attributes
    ----------
    person, identity : int64, shape (n,)
    weight : float64, shape (n,). Match weight in bits, prior included: log2 odds of this identity
        against being none of the index.
    pnc : bool, shape (n,). The supplied PNC identifier is equal, and a name or the date of birth agrees.
    """

    person: IntArray
    identity: IntArray
    weight: FloatArray
    pnc: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: IntArray | NDArray[np.bool_]) -> Candidates:
        """Return some of the rows."""
        return Candidates(self.person[rows], self.identity[rows], self.weight[rows], self.pnc[rows])

    @classmethod
    def from_table(cls, table: pa.Table) -> Candidates:
        """Sort what came back from the shards."""
        person, identity, weight, pnc = (table.column(name).to_numpy() for name in table.column_names)
        found = cls(person, identity, weight, pnc.astype(bool))
        return found.take(np.lexsort((identity, person)))


@dataclass(frozen=True)
class LeftSide:
    """Everything about the left side that a shard is scored with; travels to the workers once.

    Attributes
    ----------
    records : Records
    probes : rule name -> what is looked up
    common_postcodes : int64, sorted. Codes of postcodes that many people share.
    rarity : field of `model.frequencies` -> float64, shape (n,). Bits that an exact agreement on it adds.
    model : Model
    floor : float. Bits below which an identity is dropped.
    itself : bool. Left and right are one table: nobody is a candidate of himself.
    """

    records: Records
    probes: Mapping[str, blocking.Probe]
    common_postcodes: IntArray
    rarity: Mapping[str, FloatArray]
    model: Model
    floor: float
    itself: bool

    @classmethod
    def build(
        cls,
        records: Records,
        frequencies: Mapping[str, Counted],
        left_out: Mapping[str, Counted],
        model: Model,
        floor: float,
        itself: bool = False,
    ) -> LeftSide:
        """Prepare records for scoring.

        Parameters
        ----------
        frequencies : mapping
            forename, surname, birth, postcode -> (codes ascending, identities that bear it).
        left_out : mapping
            Blocking key -> (values ascending, versions that share each) of blocks too large.
        """
        probes = blocking.probes(records, {name: keys for name, (keys, _) in left_out.items()})
        rarity = {
            field.name: fellegi_sunter.frequency_bits(
                field.u[exact_level(field)],
                _bearers(records, field.name, *frequencies[field.name]),
                model.identities,
                model.frequency_pseudo,
            )
            for field in model.fields
            if field.name in model.frequencies and "exact" in field.levels
        }
        return cls(records, probes, frequencies["postcode"][0], rarity, model, floor, itself)

    def weigh(self, levels: Levels, rows: IntArray) -> FloatArray:
        """Return the match weight of comparison vectors in bits: fields, rarity, prior.

        Parameters
        ----------
        levels : int8, shape (n, fields)
        rows : int64, shape (n,). Left record of each pair.
        """
        rarity = {}
        for column, field in enumerate(self.model.fields):
            if field.name in self.rarity:
                exact = levels[:, column] == exact_level(field)
                rarity[field.name] = np.where(exact, self.rarity[field.name][rows], 0.0)
        return np.asarray(fellegi_sunter.match_weights(self.model, levels, rarity) + self.model.prior_bits)


def _bearers(records: Records, field: str, codes: IntArray, people: IntArray) -> IntArray:
    """Return how many identities share each record's value; 0 where nobody does or it is missing."""
    if field == "birth":
        wanted, known = records.birth.astype(np.int64), records.birth != NO_DATE
    else:
        wanted = np.append(records.names.code, 0)[getattr(records, field)]  # -1, missing, is the last
        known = wanted != 0
    at = np.minimum(np.searchsorted(codes, wanted), max(len(codes) - 1, 0))
    return np.where(known & (codes[at] == wanted), people[at], 0) if len(codes) else np.zeros(len(records), np.int64)


def score_shard(left: LeftSide, right: Records) -> dict[str, Any]:
    """Return the identities of one shard whose weight reaches the floor.

    Returns
    -------
    mapping of column name to array, of CANDIDATE_SCHEMA
        Sorted by (person, identity).
    """
    people = max(len(right.people), 1)
    keys = blocking.index_keys(right)
    promising = [np.empty(0, np.int64)]
    for rows, other in blocking.candidates(left.probes, keys, len(left.records), len(right)):
        pairs = Pairs(left.records, right, rows, other, left.common_postcodes)
        keep = left.weigh(compare(pairs, left.model.fields), rows) >= left.floor - FIRST_LOOK
        if left.itself:
            keep &= left.records.person[rows] != right.person[other]
        promising.append(left.records.person_at[rows[keep]] * people + right.person_at[other[keep]])
    person, identity = np.divmod(blocking.distinct(np.concatenate(promising)), people)
    scored = weigh_identities(left, right, person, identity)
    kept = scored.take(scored.weight >= left.floor)
    return {name: getattr(kept, name) for name in _COLUMNS}


def weigh_identities(left: LeftSide, right: Records, person: IntArray, identity: IntArray) -> Candidates:
    """Weigh pairs of people by all their versions.

    The record of a person was made from one of the versions, we do not know which: its likelihood
    ratio is the mean over the versions. Addresses are not a version's but the person's: the best
    agreement with any of them counts for all.

    Parameters
    ----------
    person, identity : int64, shape (n,). Places in the `people` of each side.
    """
    if not len(person):
        return merged([])
    draw, rows, other = version_pairs(left.records, right, person, identity)
    starts = np.flatnonzero(np.append(True, draw[1:] != draw[:-1]))
    levels = compare(Pairs(left.records, right, rows, other, left.common_postcodes), left.model.fields)
    levels = with_any_address(left.model.fields, levels, draw, starts)
    weight = left.weigh(levels, rows)
    most = np.maximum.reduceat(weight, starts)
    ratio = np.add.reduceat(np.exp2(weight - most[draw]), starts) / np.diff(np.append(starts, len(draw)))
    pnc = np.logical_or.reduceat(plausible_pnc(left.model.fields, levels), starts)
    return Candidates(left.records.people[person], right.people[identity], most + np.log2(ratio), pnc)


def with_any_address(
    fields: Sequence[fellegi_sunter.Field], levels: Levels, draw: IntArray, starts: IntArray
) -> Levels:
    """Replace each version's postcode level by the best of the pair of people it belongs to."""
    levels = levels.copy()
    for column, field in enumerate(fields):
        if field.name == "postcode":
            levels[:, column] = np.maximum.reduceat(levels[:, column], starts)[draw]
    return levels


def merged(parts: Sequence[Candidates]) -> Candidates:
    """Return several parts as one, in the order given."""
    kinds = zip(_COLUMNS, (np.int64, np.int64, np.float64, np.bool_), strict=True)
    return Candidates(
        *(np.concatenate([np.empty(0, kind), *(getattr(p, name) for p in parts)]) for name, kind in kinds)
    )


def plausible_pnc(fields: Sequence[fellegi_sunter.Field], levels: Levels) -> NDArray[np.bool_]:
    """Return which pairs share a PNC identifier and agree on a name or, beyond its year, the date of birth."""
    plausible, same = np.zeros(len(levels), bool), np.zeros(len(levels), bool)
    for column, field in enumerate(fields):
        if field.name in ("forename", "surname"):
            plausible |= levels[:, column] > 0
        elif field.name == "birth":
            plausible |= levels[:, column] > (field.levels.index("same_year") if "same_year" in field.levels else 0)
        elif field.name == "pnc":
            same = levels[:, column] == exact_level(field)
    return same & plausible
