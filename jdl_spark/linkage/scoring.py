"""Compare and weigh the candidates of one shard, and keep those worth keeping.

Why the best of an identity's versions: each version is the same human being under another name,
so they support one identity together, and the one that fits best says what is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jdl_spark.linkage import blocking, comparison
from jdl_spark.linkage.index import IndexShard
from jdl_spark.linkage.records import IntArray, Records
from jdl_spark.stats import fellegi_sunter
from jdl_spark.stats.fellegi_sunter import FloatArray, Model

CANDIDATE_SCHEMA = "person bigint, identity bigint, weight double, pnc boolean"
_COLUMNS = ("person", "identity", "weight", "pnc")


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
    probes : rule name -> (rows, keys) to look up
    common_postcodes : int64, sorted. Codes of postcodes that many people share.
    rarity : float64, shape (n, 2). Bits that an exact agreement on forename, surname adds.
    model : Model
    floor : float. Bits below which a pair is dropped.
    """

    records: Records
    probes: Mapping[str, blocking.Keyed]
    common_postcodes: IntArray
    rarity: FloatArray
    model: Model
    floor: float

    @classmethod
    def build(
        cls, records: Records, frequencies: Mapping[str, tuple[IntArray, IntArray]], model: Model, floor: float
    ) -> LeftSide:
        """Prepare records for scoring.

        Parameters
        ----------
        frequencies : mapping
            forename, surname, postcode -> (codes ascending, identities that bear it).
        """
        left_out = {name: np.array(sorted(keys), np.int64) for name, keys in model.left_out.items()}
        rarity = np.zeros((len(records), 2))
        for column, field in enumerate(("forename", "surname")):
            u_exact = next(f for f in model.fields if f.name == field).u[comparison.EXACT[field]]
            people = _bearers(records, field, *frequencies[field])
            rarity[:, column] = fellegi_sunter.frequency_bits(u_exact, people, model.identities)
        return cls(records, blocking.probes(records, left_out), frequencies["postcode"][0], rarity, model, floor)


def _bearers(records: Records, field: str, codes: IntArray, people: IntArray) -> IntArray:
    """Return how many identities bear each record's name; 0 where nobody does or it is missing."""
    position = getattr(records, field)
    wanted = np.append(records.names.code, 0)[position]  # -1, missing, is the last
    at = np.minimum(np.searchsorted(codes, wanted), max(len(codes) - 1, 0))
    return np.where(codes[at] == wanted, people[at], 0) if len(codes) else np.zeros(len(records), np.int64)


def score_shard(left: LeftSide, shard: IndexShard) -> dict[str, Any]:
    """Return the candidates of one shard whose weight reaches the floor, best version of each identity.

    Returns
    -------
    mapping of column name to array, of CANDIDATE_SCHEMA
        Sorted by (person, identity).
    """
    kept: list[Candidates] = []
    right = shard.records
    for rows, other in blocking.candidates(left.probes, shard.keys, len(left.records), len(right)):
        levels = comparison.compare(left.records, right, rows, other, left.model.thresholds, left.common_postcodes)
        weight = weigh(left, levels, rows)
        keep = np.flatnonzero(weight >= left.floor)
        person, identity = left.records.person[rows[keep]], right.person[other[keep]]
        kept.append(Candidates(person, identity, weight[keep], plausible_pnc(levels[keep])))
    whole = merged(kept)
    best = best_versions(whole.person, whole.identity, whole.weight)
    chosen = whole.take(best.rows)
    if len(chosen):
        pnc = np.logical_or.reduceat(whole.pnc[best.order], best.starts)
        chosen = Candidates(chosen.person, chosen.identity, chosen.weight, pnc)
    return {name: getattr(chosen, name) for name in _COLUMNS}


def merged(parts: Sequence[Candidates]) -> Candidates:
    """Return several parts as one, in the order given."""
    kinds = zip(_COLUMNS, (np.int64, np.int64, np.float64, np.bool_), strict=True)
    return Candidates(
        *(np.concatenate([np.empty(0, kind), *(getattr(p, name) for p in parts)]) for name, kind in kinds)
    )


def weigh(left: LeftSide, levels: comparison.Levels, rows: IntArray) -> FloatArray:
    """Return the match weight of comparison vectors in bits: fields, rarity of agreeing names, prior.

    Parameters
    ----------
    levels : int8, shape (n, fields)
    rows : int64, shape (n,). Left record of each pair.
    """
    weight = fellegi_sunter.field_weights(left.model.fields, levels)
    for column, field in enumerate(("forename", "surname")):
        exact = levels[:, comparison.FIELDS.index(field)] == comparison.EXACT[field]
        weight += np.where(exact, left.rarity[rows, column], 0.0)
    return np.asarray(weight + left.model.prior_bits)


def plausible_pnc(levels: comparison.Levels) -> NDArray[np.bool_]:
    """Return which pairs share a PNC identifier and agree on a name or, up to one part, the date of birth."""
    level = {field: levels[:, column] for column, field in enumerate(comparison.FIELDS)}
    plausible = (level["forename"] > 0) | (level["surname"] > 0) | (level["birth"] > 1)
    return np.asarray((level["pnc"] == comparison.EXACT["pnc"]) & plausible)


@dataclass(frozen=True)
class Best:
    """Rows grouped by (person, identity): `order` sorts them, `starts` are the groups' first places in it."""

    order: IntArray
    starts: IntArray

    @property
    def rows(self) -> IntArray:
        """The best row of each group."""
        return self.order[self.starts]


def best_versions(person: IntArray, identity: IntArray, weight: FloatArray) -> Best:
    """Group pairs by (person, identity), the pair of largest weight first; ties by the order they come in."""
    order = np.lexsort((-weight, identity, person))
    first = np.ones(len(order), bool)
    first[1:] = (person[order][1:] != person[order][:-1]) | (identity[order][1:] != identity[order][:-1])
    return Best(order, np.flatnonzero(first))
