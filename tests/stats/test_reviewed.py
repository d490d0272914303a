"""Decisions of reviewers over the model's, on literal candidates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.linkage.resolution import STATUSES, Resolved, resolve
from jdl_spark.linkage.reviewed import LABELS, settle, verdicts_of
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.linkage.training import starting_fields
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import Model

SETTINGS = LinkageSettings()
MODEL = Model(starting_fields(), 0.5, 1_000, link_probability=0.9)
Row = tuple[int, int, float]


def decide(candidates: Candidates) -> Resolved:
    return resolve(candidates, MODEL, SETTINGS)


def made(rows: list[Row], pnc: tuple[int, ...] = ()) -> Candidates:
    person, identity, weight = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    flags = np.array([at in pnc for at in range(len(rows))], bool)
    return Candidates(np.array(person, np.int64), np.array(identity, np.int64), np.array(weight, np.float64), flags)


def settled(
    rows: list[Row], verdicts: Mapping[tuple[int, int], bool], pnc: tuple[int, ...] = ()
) -> list[tuple[int, int, str, float, bool]]:
    found = settle(made(rows, pnc), verdicts, decide, SETTINGS)
    kept = found.candidates
    status = [STATUSES[at] for at in found.status]
    columns = kept.person.tolist(), kept.identity.tolist(), status, found.probability.round(4), found.by_review
    return [(p, i, s, float(q), bool(r)) for p, i, s, q, r in zip(*columns, strict=True)]


def test_without_decisions_it_is_the_model() -> None:
    rows = [(1, 5, 10.0), (1, 6, 10.0), (2, 7, 12.0), (3, 8, -7.9)]
    found = settle(made(rows), {}, decide, SETTINGS)
    model = decide(made(rows))
    assert found.candidates.identity.tolist() == [5, 6, 7]  # 8 is below the bar, as without review
    assert found.status.tolist() == model.status[:3].tolist()
    assert found.probability.tolist() == model.probability[:3].tolist()
    assert not found.by_review.any()


def test_the_same_person_is_linked_and_the_others_are_candidates() -> None:
    rows = [(1, 5, 10.0), (1, 6, 10.0), (2, 5, 12.0)]
    assert settled(rows, {(1, 6): True}) == [
        (1, 5, "candidate", 0.0, False),
        (1, 6, "linked", 1.0, True),
        (2, 5, "linked", 0.9998, False),
    ]


def test_a_weak_candidate_that_the_model_would_never_link_can_be_the_person() -> None:
    rows = [(1, 5, 20.0), (1, 6, -5.0)]
    assert settled(rows, {(1, 6): True}) == [(1, 5, "candidate", 0.0, False), (1, 6, "linked", 1.0, True)]


def test_an_identity_ruled_out_makes_room_for_the_next() -> None:
    rows = [(1, 5, 20.0), (1, 6, 5.0)]  # 6 has a posterior below the bar while 5 stands
    assert settled(rows, {}) == [(1, 5, "linked", 1.0, False)]
    assert settled(rows, {(1, 5): False}) == [(1, 5, "candidate", 0.0, False), (1, 6, "linked", 0.9697, False)]


def test_ruling_out_one_of_two_settles_an_ambiguous_person() -> None:
    rows = [(1, 5, 10.0), (1, 6, 10.0)]
    assert settled(rows, {(1, 5): False}) == [(1, 5, "candidate", 0.0, False), (1, 6, "linked", 0.999, False)]
    assert {status for _, _, status, _, _ in settled(rows, {(1, 5): False, (1, 6): False})} == {"candidate"}


def test_a_supplied_identifier_yields_to_a_reviewer() -> None:
    rows = [(1, 5, 20.0), (1, 6, 9.0)]
    assert settled(rows, {(1, 5): False}, pnc=(0,))[1][2] == "linked"
    assert settled(rows, {(1, 6): True}, pnc=(0,))[1][2:] == ("linked", 1.0, True)


def test_a_pair_that_the_model_no_longer_finds_stays_linked() -> None:
    found = settle(made([(1, 5, 3.0)]), {(1, 9): True, (2, 4): True, (3, 3): False}, decide, SETTINGS)
    assert found.candidates.person.tolist() == [1, 1, 2]
    assert found.candidates.identity.tolist() == [5, 9, 4]
    assert found.candidates.weight.tolist() == [3.0, SETTINGS.floor_weight, SETTINGS.floor_weight]
    assert found.by_review.tolist() == [False, True, True]


def test_one_person_cannot_be_two_identities() -> None:
    with pytest.raises(ValueError, match="two identities"):
        settle(made([(1, 5, 3.0)]), {(1, 5): True, (1, 6): True}, decide, SETTINGS)


def test_nobody_at_all() -> None:
    assert settled([], {}) == []
    assert settled([], {(1, 5): False}) == []
    assert settled([], {(1, 5): True}) == [(1, 5, "linked", 1.0, True)]


@given(
    st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.floats(-8, 30), max_size=15),
    st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.booleans(), max_size=6),
)
def test_people_without_a_decision_do_not_notice_the_others(
    weights: dict[tuple[int, int], float], spoken: dict[tuple[int, int], bool]
) -> None:
    verdicts = {pair: same and pair == min(p for p in spoken if p[0] == pair[0]) for pair, same in spoken.items()}
    rows = [(*pair, weight) for pair, weight in sorted(weights.items())]
    before, after = settled(rows, {}), settled(rows, verdicts)
    touched = {person for person, _ in verdicts}
    assert [row for row in before if row[0] not in touched] == [row for row in after if row[0] not in touched]
    linked = [row[0] for row in after if row[2] == "linked"]
    assert len(linked) == len(set(linked))
    for person, identity, status, probability, by_review in after:
        verdict = verdicts.get((person, identity))
        assert by_review == (verdict is True)
        if verdict is not None:
            assert (status == "linked") == verdict
            assert probability == float(verdict)
    for person in range(5):
        assert sum(row[3] for row in after if row[0] == person) <= 1 + 1e-3


def test_decisions_find_their_person_by_request_and_row() -> None:
    people = pa.table({"request_id": ["A", "A", "B"], "person_ref": ["00001", "00002", "00001"]})
    rows = [("A", "00002", 7, True), ("B", "00001", 8, False), ("C", "00001", 9, True)]
    labels = pa.Table.from_pylist([dict(zip(LABELS.names, row, strict=True)) for row in rows], schema=LABELS)
    assert verdicts_of(labels, people) == {(1, 7): True, (2, 8): False}
    assert verdicts_of(None, people) == verdicts_of(LABELS.empty_table(), people) == {}
