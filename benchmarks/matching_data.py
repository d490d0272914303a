"""Make data for the benchmark of matching: a nation of events with forty covariates, and cohorts drawn from it.

The covariates are as uneven as real ones: yes/no columns with 0.3 to 50 per cent of yes, an age and its square, and
counts with long tails, all driven by six latent traits. Each cohort was drawn with its own strength of selection; some
select hardly at all, some so strongly that comparable people are rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.pool import RequestGroup
from jdl_spark.stats.shard import NEVER, CovariateShard, FloatArray, IntArray

COLUMNS, YES_NO, TRAITS = 40, 26, 6
NAMES = tuple(f"c{j:02d}" for j in range(COLUMNS))
SHARD = 62_500
"""Events of a shard."""
FEWEST, MOST = 400, 2_000
"""Treated people of a cohort."""


@dataclass(frozen=True)
class Nation:
    """Events, in no order.

    Attributes
    ----------
    matrix : float64, shape (n, 40). event, person, stratum : int64, shape (n,). A stratum is a kind of event and a sex.
    first_reoffence : int32, shape (n,). eligible : bool, shape (n,).
    """

    matrix: FloatArray
    event: IntArray
    person: IntArray
    stratum: IntArray
    first_reoffence: NDArray[np.int32]
    eligible: NDArray[np.bool_]

    def shards(self) -> list[CovariateShard]:
        """Return the events as the lake keeps them."""
        count = max(2, len(self.event) // SHARD)
        found = []
        for number in range(count):
            rows = np.flatnonzero(self.person % count == number)
            rows = rows[np.lexsort((self.event[rows], self.stratum[rows]))]
            found.append(
                CovariateShard(
                    NAMES, self.event[rows], self.person[rows], self.stratum[rows], self.first_reoffence[rows],
                    np.arange(len(rows)), self.eligible[rows], self.matrix[rows],
                )
            )  # fmt: skip
        return found


def nation(events: int, seed: int) -> Nation:
    """Return a nation; three in four events belong to different people."""
    rng = np.random.default_rng((seed, 1))
    traits = rng.normal(size=(events, TRAITS))
    columns = []
    for _ in range(YES_NO):
        share = rng.choice([0.003, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5])
        latent = traits @ rng.normal(size=TRAITS) * 0.5 + rng.normal(size=events)
        columns.append((latent > np.quantile(latent, 1 - share)).astype(np.float64))
    age = np.floor(np.clip(18 + rng.gamma(2, 8, events) + 3 * traits[:, 0], 14, 90))
    columns += [age, age**2 / 100]
    for j in range(COLUMNS - YES_NO - 2):
        columns.append(np.floor(rng.gamma(0.6, 4 * np.exp(0.4 * traits[:, j % TRAITS]))))
    return Nation(
        np.column_stack(columns),
        rng.permutation(3 * events)[:events].astype(np.int64),
        rng.integers(0, int(0.75 * events), events),
        10 * rng.integers(1, 3, events) + 1 + (rng.random(events) < 0.15),
        np.where(rng.random(events) < 0.3, rng.integers(1, 366, events), NEVER).astype(np.int32),
        rng.random(events) < 0.99,
    )


def cohorts(data: Nation, count: int, seed: int) -> list[RequestGroup]:
    """Return treatment groups of FEWEST to MOST people; every stratum of the nation is in every pool."""
    rng = np.random.default_rng((seed, 2))
    z = (data.matrix - data.matrix.mean(axis=0)) / data.matrix.std(axis=0)
    found = []
    for number in range(count):
        slopes = rng.normal(size=COLUMNS) * rng.choice([0.1, 0.25, 0.4]) * (rng.random(COLUMNS) < 0.6)
        chance = np.exp(np.clip(z @ slopes, -12, 6)) * data.eligible
        size = int(rng.integers(FEWEST, MOST + 1))
        rows = np.argpartition(-np.log(rng.random(len(chance))) / np.maximum(chance, 1e-300), size)[:size]
        landmark = np.where(rng.random(size) < 0.6, 0, rng.integers(1, 120, size)).astype(np.int32)
        kept = data.first_reoffence[rows] > landmark
        rows, landmark = rows[kept], landmark[kept]
        order = np.argsort(data.event[rows])
        rows, landmark = rows[order], landmark[order]
        found.append(
            RequestGroup(
                f"R-{number:04d}", data.event[rows], landmark, np.unique(data.stratum), np.unique(data.person[rows])
            )
        )
    return found


def save(folder: Path, data: Nation, groups: list[RequestGroup]) -> None:
    """Write the cohorts and the nation's arrays, for peers that want them in one process's memory."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "matrix.npy", data.matrix)
    np.savez(
        folder / "events.npz", event=data.event, person=data.person, stratum=data.stratum,
        first_reoffence=data.first_reoffence, eligible=data.eligible,
    )  # fmt: skip
    np.savez(
        folder / "cohorts.npz",
        ends=np.cumsum([len(group.treated) for group in groups]),
        treated=np.concatenate([group.treated for group in groups]),
        landmark=np.concatenate([group.landmark for group in groups]),
    )


def load(folder: Path) -> tuple[Nation, list[RequestGroup]]:
    """Read what `save` wrote."""
    events = np.load(folder / "events.npz")
    data = Nation(
        np.load(folder / "matrix.npy", mmap_mode="r"), *(events[name] for name in
        ("event", "person", "stratum", "first_reoffence", "eligible")),
    )  # fmt: skip
    stored = np.load(folder / "cohorts.npz")
    order = np.argsort(data.event)
    found = []
    for number, (start, stop) in enumerate(zip([0, *stored["ends"]], stored["ends"], strict=False)):
        treated = stored["treated"][start:stop]
        rows = order[np.searchsorted(data.event, treated, sorter=order)]
        found.append(
            RequestGroup(
                f"R-{number:04d}", treated, stored["landmark"][start:stop], np.unique(data.stratum),
                np.unique(data.person[rows]),
            )
        )  # fmt: skip
    return data, found
