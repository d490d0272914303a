"""Train a linkage model on an index: two passes over the nation, and EM on counts on the driver.

Why a job of its own: a request must link the same alone or in company, so the model is trained
once, stored, and pinned by the runs that score with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jdl_spark.linkage import blocking, comparison
from jdl_spark.linkage.index import IndexShard, name_frequencies, over_index
from jdl_spark.linkage.records import IntArray, Records, concatenate, from_bytes, pack, to_bytes
from jdl_spark.linkage.scoring import best_versions
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats import fellegi_sunter
from jdl_spark.stats.fellegi_sunter import Field, Fit, Model
from jdl_spark.stats.randomness import generator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SAMPLE_PEOPLE = 20_000
"""Left people whose pairs EM sees; m moves by less than 0.002 when there are more."""
PSEUDO_PAIRS = 100.0
"""Random pairs that the starting u counts for."""
ROUNDS = 3
"""u is formed again with the m of the round before, so that matches among random pairs weigh nothing."""
_FEWEST_PRESENT, _MOST_PRESENT = 0.02, 0.98

_STARTING: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "forename": ((0.05, 0.02, 0.01, 0.01, 0.05, 0.85, 0.01), (0.93, 0.04, 0.01, 0.004, 0.005, 0.0109, 0.0001)),
    "surname": ((0.06, 0.01, 0.005, 0.015, 0.04, 0.87), (0.955, 0.03, 0.005, 0.003, 0.004, 0.003)),
    "middle": ((0.15, 0.10, 0.75), (0.90, 0.08, 0.02)),
    "birth": ((0.01, 0.01, 0.02, 0.03, 0.01, 0.92), (0.97, 0.018, 0.0079, 0.004, 0.00005, 0.00005)),
    "sex": ((0.01, 0.99), (0.5, 0.5)),
    "postcode": ((0.40, 0.10, 0.03, 0.02, 0.45), (0.984, 0.0138, 0.001, 0.001, 0.0002)),
    "pnc": ((0.01, 0.02, 0.97), (0.9998, 0.0001, 0.0001)),
}
"""Starting m and u per level. Names mistyped, varied or changed in some 13 of 100 records, dates of birth wrong
in 3 to 8, addresses moved in 40 are the orders of size reported for administrative data (Harron et al. 2017,
Challenges in administrative data linkage for research; Splink starts an exact level at m = 0.95). EM moves away
from them as soon as there are a few dozen matches."""

_SESSIONS: dict[str, tuple[str, ...]] = {
    "date": ("birth",),
    "names": ("forename", "surname"),
    "pnc": ("pnc",),
    "postcode_initial": ("postcode", "forename"),
}
"""Blocking rule of an EM session -> fields it shares, which it cannot train. The last two run only for a field that
is still untrained."""
_DEPENDENT = {"names": ("sex",)}
"""Fields that follow from what a session shares: namesakes nearly all have one sex, which with the u of random pairs
reads as evidence for a match (measured on synthetic data: m of an unequal birth date 0.05 where the truth is below
0.01)."""
_ALWAYS = ("date", "names")
_SIZES = tuple(len(levels) for levels in comparison.LEVELS.values())


def starting_fields() -> tuple[Field, ...]:
    """Return the fields with the m and u that training starts from."""
    return tuple(Field(name, levels, *_STARTING[name]) for name, levels in comparison.LEVELS.items())


def train(
    index: DataFrame,
    frequencies: DataFrame,
    sample: DataFrame,
    purpose: str,
    settings: LinkageSettings,
    seed: str | int,
) -> str:
    """Estimate the model under which a kind of left people links to an index.

    u comes from random pairs (and, for equal names, from the name frequencies), m from EM sessions
    on pairs that share a blocking key, the prior from the matches the sessions expect. On a handful
    of pairs everything stays near the starting values: m counts as PSEUDO_MATCHES matches, u as
    PSEUDO_PAIRS pairs.

    Parameters
    ----------
    index : DataFrame of schemas.IDENTITY_INDEX
        The right side: one release and population.
    frequencies : DataFrame of schemas.NAME_FREQUENCIES
        Of that population.
    sample : DataFrame of schemas.COHORT_MEMBERS or IDENTITY_INDEX
        The left people, one row per person or packed; at most SAMPLE_PEOPLE of them are used.
    purpose : str
        cohort or offender_benefit; names the random numbers.
    settings : LinkageSettings
    seed : str or int
        Names the random numbers.

    Returns
    -------
    str
        A stats.fellegi_sunter.Model as JSON.
    """
    left = _sampled(left_people(sample), generator(seed, purpose, "sample"))
    compare = _Comparer(settings.jaro_winkler, name_frequencies(frequencies, "postcode")[0])
    census = _census(index, left, compare, settings, (str(seed), purpose))
    left_out = {name: np.array(sorted(keys), np.int64) for name, keys in census.left_out.items()}
    sessions = _count_sessions(index, left, left_out, compare)
    same_name = {
        field: _chance_of_same_name(frequencies, field, census.identities) for field in ("forename", "surname")
    }
    fields, present, fits = starting_fields(), 0.5, dict[str, Fit]()
    for _ in range(ROUNDS):
        share = present / census.identities if fits else 0.0
        fields = _with_u(fields, census, share, same_name)
        fits = _fit_sessions(fields, sessions, settings)
        fields = _averaged(fields, fits)
        present = _present(fields, fits, left, census)
    model = Model(
        fields=fields,
        present=present,
        identities=census.identities,
        left_out=census.left_out,
        thresholds=settings.jaro_winkler,
        training={
            "purpose": purpose,
            "people": len(left.people),
            "random_pairs": int(census.counts.sum()),
            "sessions": {
                name: {"pairs": int(sessions[name][1].sum()), "matches": fit.matches, "iterations": fit.iterations,
                       "converged": fit.converged}
                for name, fit in fits.items()
            },
        },
    )  # fmt: skip
    return model.to_json()


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


def _sampled(left: Records, random: np.random.Generator) -> Records:
    people = left.people
    if len(people) <= SAMPLE_PEOPLE:
        return left
    chosen = np.sort(random.choice(people, SAMPLE_PEOPLE, replace=False))
    return left.take(np.flatnonzero(np.isin(left.person, chosen)))


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


def _census(
    index: DataFrame, left: Records, compare: _Comparer, settings: LinkageSettings, seed: tuple[str, str]
) -> Census:
    sizes = index.select("shard", "versions").toArrow().to_pydict()
    total = max(sum(sizes["versions"]), 1)
    quota = {
        shard: -(-settings.random_pairs * versions // total)
        for shard, versions in zip(sizes["shard"], sizes["versions"], strict=True)
    }
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
    left: Records, right: Records, wanted: int, random: np.random.Generator, compare: _Comparer
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
class _Comparer:
    """What comparing needs besides the records."""

    thresholds: tuple[float, ...]
    common_postcodes: IntArray

    def patterns(
        self, left: Records, right: Records, person: IntArray, identity: IntArray, rows: IntArray, other: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Count agreement patterns at the grain of scoring: each (person, identity) once, by its best versions."""
        levels = comparison.compare(left, right, rows, other, self.thresholds, self.common_postcodes)
        weight = fellegi_sunter.field_weights(starting_fields(), levels)
        best = best_versions(person, identity, weight).rows
        return fellegi_sunter.count_patterns(levels[best], _SIZES)


def _count_sessions(
    index: DataFrame, left: Records, left_out: Mapping[str, IntArray], compare: _Comparer
) -> dict[str, tuple[IntArray, IntArray]]:
    """Return the agreement patterns and counts of every session's pairs, over the whole index."""
    rules = tuple(rule for rule in blocking.RULES if rule.name in _SESSIONS)
    probes = blocking.probes(left, left_out, rules)

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
    return {name: _summed((s[f"patterns_{name}"], s[f"counts_{name}"]) for s in shards) for name in _SESSIONS}


def _chance_of_same_name(frequencies: DataFrame, field: str, identities: int) -> float:
    """Return the chance that two different people of the index bear the same name."""
    _, people = name_frequencies(frequencies, field)
    u_exact = _STARTING[field][1][comparison.EXACT[field]]
    same = float((people * (people - 1)).sum()) + PSEUDO_PAIRS * u_exact
    return min(same / (identities * (identities - 1) + PSEUDO_PAIRS), 0.9)


def _with_u(fields: Sequence[Field], census: Census, share: float, same_name: Mapping[str, float]) -> tuple[Field, ...]:
    start = tuple(Field(f.name, f.levels, f.m, _STARTING[f.name][1]) for f in fields)
    levels = fellegi_sunter.pattern_levels(census.patterns, _SIZES)
    found = fellegi_sunter.fit_u(start, levels, census.counts, share, PSEUDO_PAIRS)
    return tuple(_with_exact(f, same_name[f.name]) if f.name in same_name else f for f in found)


def _with_exact(field: Field, chance: float) -> Field:
    """Set the u of exact agreement; the other levels keep their proportions."""
    exact = comparison.EXACT[field.name]
    rest = 1 - field.u[exact]
    u = tuple(chance if at == exact else value * (1 - chance) / rest for at, value in enumerate(field.u))
    return Field(field.name, field.levels, field.m, u)


def _fit_sessions(
    fields: Sequence[Field], sessions: Mapping[str, tuple[IntArray, IntArray]], settings: LinkageSettings
) -> dict[str, Fit]:
    """Run EM on each session's counts, always from the starting m."""
    start = tuple(Field(f.name, f.levels, _STARTING[f.name][0], f.u) for f in fields)
    fits: dict[str, Fit] = {}
    trained: set[str] = set()
    for name in _SESSIONS:
        patterns, counts = sessions[name]
        wanted = [_can_train(name, f.name) for f in start]
        new = {f.name for f, use in zip(start, wanted, strict=True) if use} - trained
        if not len(counts) or (name not in _ALWAYS and not new):
            continue
        levels = fellegi_sunter.pattern_levels(patterns, _SIZES)
        fit = fellegi_sunter.fit_m(start, levels, counts, wanted, settings.em_tolerance, settings.em_iterations)
        enough = {
            f.name
            for f, use, known in zip(start, wanted, fit.known, strict=True)
            if use and known >= fellegi_sunter.PSEUDO_MATCHES
        }
        if name in _ALWAYS or enough & new:
            fits[name] = fit
            trained |= enough
    return fits


def _can_train(session: str, field: str) -> bool:
    return field not in _SESSIONS[session] and field not in _DEPENDENT.get(session, ())


def _averaged(fields: Sequence[Field], fits: Mapping[str, Fit]) -> tuple[Field, ...]:
    """Return each field's m as the mean over the sessions that could train it, weighted by their matches."""
    averaged = []
    for column, field in enumerate(fields):
        total, weight = np.array(_STARTING[field.name][0]), 1.0
        for name, fit in fits.items():
            if _can_train(name, field.name):
                total = total + fit.known[column] * np.array(fit.fields[column].m)
                weight += fit.known[column]
        m = total / weight
        averaged.append(Field(field.name, field.levels, tuple(map(float, m / m.sum())), field.u))
    return tuple(averaged)


def _present(fields: Sequence[Field], fits: Mapping[str, Fit], left: Records, census: Census) -> float:
    """Return the share of left people who have an identity in the index.

    The first session's expected matches, over the people who could have been in it: known on both
    sides, and agreeing exactly although the records may hold errors.
    """
    m_exact = {f.name: f.m[comparison.EXACT[f.name]] for f in fields if f.name in comparison.EXACT}
    for name, fit in fits.items():
        rule = next(rule for rule in blocking.RULES if rule.name == name)
        people = len(np.unique(left.person[rule.probe(left)[0]]))
        reach = census.keyed[rule.key] * float(np.prod([m_exact[field] for field in _SESSIONS[name]]))
        if people * reach >= 1:
            return float(np.clip((fit.matches + 1) / (people * reach + 2), _FEWEST_PRESENT, _MOST_PRESENT))
    return 0.5
