"""Looking at linkage models without Spark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jdl_spark import cli
from jdl_spark.documents import find_model, read_models
from jdl_spark.errors import InputError, UsageError
from jdl_spark.model_card import ModelCard

PARAMETERS = {
    "fields": [
        {"name": "sex", "levels": ["else", "exact"], "m": [0.02, 0.98], "u": [0.5, 0.5]},
        {"name": "birth", "levels": ["else", "transposed", "exact"], "m": [0.06, 0.04, 0.9], "u": [0.98, 0.01, 0.01]},
    ],
    "present": 0.934,
    "identities": 100_000,
    "link_probability": 0.9125,
    "relatives": [{"name": "household", "share": 0.25}],
    "training": {
        "people": 1_240,
        "sessions": {"date": {"pairs": 45_120, "matches": 1_010.4, "iterations": 23, "converged": True}},
    },
}


def card(number: int = 1, purpose: str = "cohort", release: str = "2011", **changes: Any) -> ModelCard:
    """Return a card whose id begins with its release, purpose and number."""
    return ModelCard(f"{release}{purpose[:7]}{number}", release, purpose, number, {**PARAMETERS, **changes})


def keep(folder: Path, *cards: ModelCard) -> Path:
    (folder / "documents" / "_models").mkdir(parents=True)
    for one in cards:
        (folder / "documents" / "_models" / f"{one.model_id}.json").write_text(one.to_text(), encoding="utf-8")
    return folder / "documents"


def test_a_card_says_what_training_found_in_plain_words() -> None:
    assert card().lines()[:5] == [
        "submitted people to offenders (cohort), release 2011: model 1, 2011cohort1",
        "  1,240 people were looked for among 100,000 identities; 93 in 100 are expected to be there",
        "  pairs that share date: 45,120, of which 1,010 are expected to be the same person; converged after 23 steps",
        "  relatives allowed for, household: 0.25 a person",
        "  people are linked from a probability of 0.9125 on",
    ]
    failed = {"date": {"pairs": 9, "matches": 1.0, "iterations": 200, "converged": False}}
    assert "NOT converged after 200 steps" in "\n".join(card(training={"people": 9, "sessions": failed}).lines())
    untrained = card(training={"people": 0, "sessions": {}}).findings()
    assert "no pairs to learn from: the model stands at its starting values" in untrained


def test_the_table_has_every_level_with_its_weight_highest_first() -> None:
    rows = [line.split() for line in card().lines() if line.startswith(("sex", "birth"))]
    assert rows == [
        ["sex", "exact", "0.98000", "0.50000000", "+0.97"],
        ["sex", "else", "0.02000", "0.50000000", "-4.64"],
        ["birth", "exact", "0.90000", "0.01000000", "+6.49"],
        ["birth", "transposed", "0.04000", "0.01000000", "+2.00"],
        ["birth", "else", "0.06000", "0.98000000", "-4.03"],
    ]
    levels = card().as_json()["levels"]
    assert levels[3] == {"field": "birth", "level": "transposed", "m": 0.04, "u": 0.01, "weight": 2.0}


def test_models_are_found_by_purpose_or_by_the_beginning_of_their_id(tmp_path: Path) -> None:
    documents = keep(tmp_path, card(2), card(1), card(1, release="2012"), card(1, "offender_benefit"))
    assert [one.model_id for one in read_models(documents)] == [
        "2011cohort1", "2011cohort2", "2011offende1", "2012cohort1",
    ]  # fmt: skip
    assert find_model(documents, "cohort") == card(1, release="2012")
    assert find_model(documents, "2011cohort2") == card(2)
    with pytest.raises(UsageError, match="2 linkage models are called '2011cohort'"):
        find_model(documents, "2011cohort")
    with pytest.raises(
        UsageError, match="no linkage models are called 'x'; see which there are with: jdl linkage list"
    ):
        find_model(documents, "x")


def test_what_is_missing_or_broken_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make some with: jdl linkage train"):
        read_models(tmp_path)
    for text in ("{", "{}", "[]"):
        with pytest.raises(InputError, match="not the card of a linkage model"):
            ModelCard.from_text(text)


def test_the_commands_show_and_list(tmp_path: Path) -> None:
    keep(tmp_path, card(), card(1, "cohort_benefit"))
    lake = ["--lake", str(tmp_path)]
    listed = CliRunner().invoke(cli.app, ["linkage", "list", *lake])
    assert listed.output.splitlines() == [card().heading, card(1, "cohort_benefit").heading]
    shown = CliRunner().invoke(cli.app, ["linkage", "show", *lake])
    assert shown.output.splitlines() == card().lines()
    told = json.loads(CliRunner().invoke(cli.app, ["linkage", "show", "cohort_benefit", *lake, "--json"]).output)
    assert (told["purpose"], told["parameters"]["present"]) == ("cohort_benefit", 0.934)
    (first, _) = json.loads(CliRunner().invoke(cli.app, ["linkage", "list", *lake, "--json"]).output)
    assert (first["model_id"], first["people"], first["expected_present"]) == ("2011cohort1", 1_240, 0.934)
