"""Which cases are chosen, which decisions stand, and what is wrong with a file of decisions."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jdl_spark.errors import InputError, UsageError
from jdl_spark.review import answers
from jdl_spark.review.answers import Wrong, check, read
from jdl_spark.review.cases import MOST_CANDIDATES, choose, entropy
from jdl_spark.review.decisions import newest
from jdl_spark.review.files import check_place, write_restricted

# --- cases --------------------------------------------------------------------------------


def link(person: str, offender: int, probability: float, status: str = "candidate") -> dict[str, Any]:
    return {"person_ref": person, "offender_id": offender, "match_weight": 1.0, "match_probability": probability,
            "status": status}  # fmt: skip


LINKS = [
    link("sure", 1, 0.999, "linked"), link("unsure", 2, 0.91, "linked"), link("unsure", 3, 0.08),
    link("near", 4, 0.6), link("far", 5, 0.02), link("torn", 7, 0.5, "ambiguous"), link("torn", 6, 0.5),
    link("leaning", 8, 0.85, "ambiguous"), link("leaning", 9, 0.1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("ambiguous", ["torn", "leaning"]),
        ("linked", ["unsure", "sure"]),
        ("near", ["near", "far"]),
        ("all", ["torn", "leaning", "near", "unsure", "far", "sure"]),
    ],
)
def test_the_most_uncertain_come_first(which: str, expected: list[str]) -> None:
    assert [case.person_ref for case in choose(LINKS, which).cases] == expected
    assert [case.person_ref for case in choose(reversed(LINKS), which).cases] == expected


def test_a_limit_says_how_many_are_left_out() -> None:
    choice = choose(LINKS, "all", 2)
    assert (len(choice.cases), choice.left_out) == (2, 4)


def test_ties_go_by_identifier_and_candidates_by_probability() -> None:
    rows = [link("b", 2, 0.4, "ambiguous"), link("b", 1, 0.4), link("a", 9, 0.4, "ambiguous"), link("a", 8, 0.4)]
    choice = choose(rows, "ambiguous")
    assert [(case.person_ref, [one.offender_id for one in case.links]) for case in choice.cases] == [
        ("a", [8, 9]),
        ("b", [1, 2]),
    ]


def test_the_linked_identity_is_candidate_1() -> None:
    (case,) = choose([link("a", 1, 0.6), link("a", 2, 0.3, "linked")], "linked").cases  # by its PNC identifier
    assert [one.offender_id for one in case.links] == [2, 1]


def test_more_candidates_than_keys() -> None:
    (case,) = choose([link("a", at, 0.1, "ambiguous" if at == 3 else "candidate") for at in range(9)], "all").cases
    assert (len(case.links), case.further) == (MOST_CANDIDATES, 9 - MOST_CANDIDATES)


def test_entropy_is_largest_between_equals() -> None:
    assert entropy([1 / 3, 1 / 3]) == pytest.approx(1.584962500721156)
    assert entropy([0.999]) < entropy([0.9]) < entropy([0.5])


# --- decisions that stand -----------------------------------------------------------------


def review(person: str, offender: int, decision: str, day: int, digest: str = "now") -> dict[str, Any]:
    return {"request_id": "A-1", "person_ref": person, "offender_id": offender, "decision": decision,
            "person_digest": digest, "decided_at": datetime(2024, 1, day, tzinfo=UTC)}  # fmt: skip


def standing(*rows: dict[str, Any]) -> list[tuple[str, int, str]]:
    found = newest(rows, {("A-1", "00001"): "now", ("A-1", "00002"): "now"})
    return [(row["person_ref"], row["offender_id"], row["decision"]) for row in found]


def test_a_newer_decision_replaces_an_older_one_whatever_the_order_of_rows() -> None:
    rows = [review("00001", 5, "same", 1), review("00001", 5, "different", 2), review("00002", 5, "unsure", 1)]
    expected = [("00001", 5, "different"), ("00002", 5, "unsure")]
    assert standing(*rows) == standing(*reversed(rows)) == expected


def test_a_changed_submission_inherits_nothing_until_it_is_changed_back() -> None:
    before = review("00001", 5, "same", 1, "before")
    assert standing(before, review("00003", 5, "same", 1)) == []
    assert standing(review("00001", 5, "same", 1), review("00001", 5, "different", 2, "before")) == [
        ("00001", 5, "same")
    ]


def test_a_person_is_one_identity_and_the_newer_finding_stands() -> None:
    rows = [review("00001", 5, "same", 3), review("00001", 4, "same", 2), review("00001", 6, "different", 1)]
    assert standing(*rows) == standing(*reversed(rows)) == [("00001", 5, "same"), ("00001", 6, "different")]
    again = [review("00001", 5, "same", 1), review("00001", 4, "same", 2), review("00001", 5, "same", 3)]
    assert standing(*again) == [("00001", 5, "same")]


# --- files of decisions -------------------------------------------------------------------

PAIRS = {"p1": ("00001", 5), "p2": ("00001", 6), "p3": ("00002", 5)}


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "decisions.csv"
    path.write_bytes(text.encode(encoding))
    return path


def problems(folder: Path, rows: list[str], reviewer: str | None = "A. Lee", **standing: str) -> list[tuple[int, str]]:
    """Return rows and rules of what is wrong with a file."""
    text = "pair,decision,reviewer,note\n" + "\n".join(rows)
    found = read(written(folder, text), reviewer)
    strange = {wrong.row for wrong in found.problems}
    own = [answer for answer in found.answers if answer.row not in strange]
    wrong = [*found.problems, *check(own, PAIRS, {PAIRS[code]: word for code, word in standing.items()})]
    return sorted((one.row, one.rule) for one in wrong)


def test_a_right_file_has_no_problem(tmp_path: Path) -> None:
    rows = ["A-1.r1.p1,same,,", "A-1.r1.p2,NOT the same,B. Roy,seen", "A-1.r1.p3,,,", "A-1.r1.p3,Cannot say,,'=1+1"]
    assert problems(tmp_path, rows) == []
    found = read(tmp_path / "decisions.csv", "A. Lee")
    told = [(answer.code, answer.decision, answer.reviewer, answer.note) for answer in found.answers]
    assert told == [("p1", "same", "A. Lee", ""), ("p2", "different", "B. Roy", "seen"),
                    ("p3", "unsure", "A. Lee", "=1+1")]  # fmt: skip
    assert (found.rows, found.source) == (4, ("A-1", "r1"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["A-1.r1.p1,perhaps,,"], [(1, "unknown_decision")]),
        (["nonsense,same,,"], [(1, "broken_pair")]),
        ([",same,,"], [(1, "broken_pair")]),
        (["A-1.r1.p9,same,,"], [(1, "unknown_pair")]),
        (["A-1.r1.p1,same,,", "A-1.r1.p1,same,,"], [(2, "pair_twice")]),
        (["A-1.r1.p1,same,,", "A-1.r1.p2,same,,"], [(2, "two_same")]),
        (["A-1.r1.p1,same,,", "A-1.r1.p3,same,,"], []),  # two people may be one identity: a cohort lists some twice
        (["A-1.r1.p1,same,,", "B-1.r1.p2,different,,"], [(2, "other_request")]),
        (["A-1.r1.p1,same,,", "A-1.r2.p2,different,,"], [(2, "other_run")]),
        ([f"A-1.r1.p1,same,,{'x' * 501}"], [(1, "too_long")]),
        (["A-1.r1.p1,maybe,,", "A-1.r1.p9,same,,", "A-1.r1.p2,same,,", "A-1.r1.p2,same,,"],
         [(1, "unknown_decision"), (2, "unknown_pair"), (4, "pair_twice")]),
    ],
)  # fmt: skip
def test_every_problem_is_said_at_once(tmp_path: Path, rows: list[str], expected: list[tuple[int, str]]) -> None:
    assert problems(tmp_path, rows) == expected


def test_somebody_must_answer_for_a_decision(tmp_path: Path) -> None:
    rows = ["A-1.r1.p1,same,,", "A-1.r1.p3,same,B. Roy,"]
    assert problems(tmp_path, rows, None) == problems(tmp_path, rows, "  ") == [(1, "no_reviewer")]


def test_an_earlier_finding_must_be_withdrawn_in_words(tmp_path: Path) -> None:
    assert problems(tmp_path, ["A-1.r1.p1,same,,"], p2="same") == [(1, "same_before")]
    assert problems(tmp_path, ["A-1.r1.p1,same,,"], p2="different") == []
    assert problems(tmp_path, ["A-1.r1.p1,same,,", "A-1.r1.p2,different,,"], p2="same") == []
    assert problems(tmp_path, ["A-1.r1.p1,different,,"], p1="same") == []


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8-sig", ","), ("utf-16", ";"), ("cp1252", ";"), ("utf-8", "\t")])
def test_files_as_spreadsheets_save_them(tmp_path: Path, encoding: str, mark: str) -> None:
    lines = [("Note", "Pair", "Decision", "Reviewer"), ("zoë", "A-1.r1.p1", "same", "Zoë")]
    path = written(tmp_path, "\r\n".join(mark.join(line) for line in lines), encoding)
    (answer,) = read(path).answers
    assert (answer.code, answer.reviewer, answer.note) == ("p1", "Zoë", "zoë")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file nobody"):
        read(tmp_path / "nobody.csv")
    with pytest.raises(InputError, match="no column pair and no column decision"):
        read(written(tmp_path, "name;born\nAnn;1980"))
    with pytest.raises(InputError, match="no column pair"):
        read(written(tmp_path, ""))


def test_problems_are_said_by_row_and_rule_without_any_value() -> None:
    wrong = Wrong(7, "unknown_decision")
    assert wrong.line().startswith("row 7: the decision must be")
    assert wrong.as_json()["rule"] == "unknown_decision"
    assert all(len(words) > 20 for words in answers.RULES.values())


# --- where the files may lie --------------------------------------------------------------


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    out, lake = tmp_path / "out", str(tmp_path / "lake")
    check_place(out, ["a.csv"], lake)
    (path,) = write_restricted(out, {"a.csv": "first"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    with pytest.raises(UsageError, match="--force"):
        check_place(out, ["b.csv", "a.csv"], lake)
    path.chmod(0o644)
    check_place(out, ["a.csv"], lake, replace=True)
    write_restricted(out, {"a.csv": "second"})
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in out.iterdir()] == ["a.csv"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "open.csv").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.csv").symlink_to(tmp_path / "nowhere.csv")
    with pytest.raises(UsageError, match="--force"):
        check_place(tmp_path / "out", ["a.csv"], "lake")
    (tmp_path / "out" / "a.csv").unlink()
    (tmp_path / "out" / "a.csv").symlink_to(tmp_path / "open.csv")
    write_restricted(tmp_path / "out", {"a.csv": "names"})
    assert (tmp_path / "open.csv").read_text() == "mine"


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written to"):
        write_restricted(tmp_path / "file" / "out", {"a.csv": "names"})


@pytest.mark.parametrize("lake", ["{}", "file:{}", "file://{}"])
@pytest.mark.parametrize("place", ["analytic/x", "documents", ".", "restricted/../analytic", "link"])
def test_no_names_in_the_open_part_of_a_lake(tmp_path: Path, lake: str, place: str) -> None:
    root = tmp_path / "lake"
    (root / "analytic").mkdir(parents=True)
    (root / "link").symlink_to(root / "analytic")
    with pytest.raises(UsageError, match="holds no names"):
        check_place(root / place, ["a.csv"], lake.format(root))
    check_place(root / "restricted" / "x", ["a.csv"], lake.format(root))
    check_place(tmp_path / "elsewhere", ["a.csv"], "s3a://bucket/lake")
