"""The benchmark's own parts: data that are the same each time, and measures that are right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import linkage_data
from benchmarks.accuracy import NOBODY, Truth, best_claims, measure
from benchmarks.linkage_data import ABSENT, ABSENT_RELATIVE, COHORT, IDENTITIES, PRESENT, TRUTH, Size
from benchmarks.measure import Watch, tree_memory


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    size = Size(identities=2_000, people=300, cohorts=7)
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        linkage_data.generate(tmp_path / name, size, seed)
    files = [f"{IDENTITIES}/part-000.parquet", COHORT, TRUTH]
    a, b, c = ([(tmp_path / name / file).read_bytes() for file in files] for name in "abc")
    assert a == b
    assert all(left != right for left, right in zip(a, c, strict=True))


def test_cohorts_hold_the_people_they_should(tmp_path: Path) -> None:
    about = linkage_data.generate(tmp_path, Size(identities=4_000, people=1_000, cohorts=7), 5)
    index, cohort, truth = (pq.read_table(tmp_path / name) for name in (IDENTITIES, COHORT, TRUTH))
    kind = np.array(truth.column("kind").to_pylist())
    assert {name: int((kind == name).sum()) for name in (PRESENT, ABSENT, ABSENT_RELATIVE)} == {
        PRESENT: 900,
        ABSENT: 67,
        ABSENT_RELATIVE: 33,
    }
    known = truth.column("offender_id").drop_null().to_numpy()
    assert len(np.unique(known)) == 900
    assert set(known.tolist()) <= set(index.column("offender_id").to_pylist())
    assert [row is None for row in truth.column("offender_id").to_pylist()] == (kind != PRESENT).tolist()
    assert len({(row["request_id"], row["person_ref"]) for row in cohort.to_pylist()}) == 1_000
    assert about["present_rows_that_differ"]["any"] >= 0.74


def test_most_birth_dates_agree_with_the_main_record_and_pnc_can_be_left_out(tmp_path: Path) -> None:
    linkage_data.generate(tmp_path, Size(identities=2_000, people=500, cohorts=5, pnc=False), 5)
    index, cohort, truth = (pq.read_table(tmp_path / name).to_pylist() for name in (IDENTITIES, COHORT, TRUTH))
    main = {row["offender_id"]: row for row in index if row["version_no"] == 1}
    pairs = [(row, main[t["offender_id"]]) for row, t in zip(cohort, truth, strict=True) if t["kind"] == PRESENT]
    assert 0.9 < np.mean([row["date_of_birth"] == known["date_of_birth"] for row, known in pairs]) < 1
    assert all(row["pnc_id"] is None for row in cohort)
    assert len({row["pnc_id"] for row in main.values()}) == len(main)


def test_a_nation_in_chunks_has_distinct_people_and_all_its_cohort() -> None:
    size = Size(identities=2_500, people=100, cohorts=5)
    parts = list(linkage_data.chunks(size, 5, chunk=1_000))
    assert [len(part.pnc) for part in parts] == [1_000, 1_000, 500]
    assert [len(part.person) for part in parts] == [40, 40, 20]
    assert len({pnc for part in parts for pnc in part.pnc}) == 2_500
    assert parts[0].register.written.surname.tolist() != parts[1].register.written.surname.tolist()


def test_accuracy_of_a_linkage_worked_out_by_hand() -> None:
    truth = Truth(np.array([10, 11, 12, 13, NOBODY, NOBODY]), np.array([False] * 4 + [True, False]))
    person = np.array([0, 0, 1, 2, 4, 5])
    identity = np.array([10, 99, 11, 77, 10, 88])
    probability = np.array([0.995, 0.004, 0.95, 0.6, 0.92, 0.3])
    linked = np.array([True, False, True, False, True, False])
    claims = best_claims(6, person, identity, probability, probability, linked)
    assert claims.identity.tolist() == [10, 11, 77, NOBODY, 10, 88]
    found = measure(claims, truth)
    assert found["default"]["precision"] == pytest.approx(2 / 3)
    assert found["default"]["recall"] == pytest.approx(2 / 4)
    assert found["default"]["promised_precision"] == pytest.approx((0.995 + 0.95 + 0.92) / 3)
    assert found["default"]["absent_linked"] == {"all": 0.5, "relatives": 1.0, "strangers": 0.0}
    assert (found["at_0.99"]["precision"], found["at_0.99"]["recall"]) == (1.0, 0.25)
    best = found["best_f1"]  # at 0.95: two links, both right
    assert (best["f1"], best["precision"], best["recall"]) == pytest.approx((4 / 6, 1.0, 0.5))
    assert best["probability"] == 0.95
    assert found["recall_at_precision"]["0.999"] == 0.5
    assert found["top_one_recall"] == 0.5
    bins = {(b["from"], b["to"]): b for b in found["calibration"]}
    assert bins[0.9, 0.95] == {"from": 0.9, "to": 0.95, "people": 1, "promised": 0.92, "right": 0.0}
    assert bins[0.99, 0.999]["right"] == 1.0
    assert sum(b["people"] for b in bins.values()) == 5


def test_a_linked_row_is_the_claim_even_where_another_is_likelier_and_ties_go_to_the_smaller_identity() -> None:
    score = np.array([0.5, 0.5, 0.6, 0.4])
    claims = best_claims(
        3, np.array([0, 0, 1, 1]), np.array([8, 7, 5, 6]), score, score, np.array([False, False, False, True])
    )
    assert claims.identity.tolist() == [7, 6, NOBODY]
    assert claims.score.tolist() == [0.5, 0.4, -np.inf]


def test_a_linkage_that_finds_nobody_has_no_precision_and_no_recall() -> None:
    nothing = np.empty(0)
    claims = best_claims(2, np.empty(0, int), np.empty(0, int), nothing, nothing, np.empty(0, bool))
    found = measure(claims, Truth(np.array([1, NOBODY]), np.array([False, False])))
    assert found["best_f1"]["f1"] == found["default"]["precision"] == found["at_0.9"]["recall"] == 0.0


def test_a_watch_counts_the_work_of_children_that_have_ended() -> None:
    watch = Watch()
    with watch.phase("work"):
        subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.4: pass"], check=True)
    assert 0.3 < watch.phases[0]["cpu"] < 2
    assert tree_memory(os.getpid()) > 10
