"""The parts of a match weight: they add up to the weight that linkage decides by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from linkage_people import misspelt, packed, person, town

from jdl_spark.linkage import explain as explaining
from jdl_spark.linkage.index import Counted
from jdl_spark.linkage.records import Records
from jdl_spark.linkage.relatives import starting
from jdl_spark.linkage.scoring import LeftSide, weigh_identities
from jdl_spark.linkage.training import starting_fields
from jdl_spark.stats.fellegi_sunter import Model

MODEL = Model(starting_fields(), 0.9, 1_000, starting(starting_fields()), ((-4.0, -5.0), (6.0, 5.0)))
NOBODY: Counted = np.empty(0, np.int64), np.empty(0, np.int64)
ANN = person("Ann", "Lee", "1980-03-05", sex="F", postcode="LS1 4AB", middle="Zoe")


def frequencies(right: Records) -> dict[str, Counted]:
    """Let every forename be borne by seven people, and nothing else be counted."""
    codes = np.unique(right.names.code)
    return {"forename": (codes, np.full(len(codes), 7)), "surname": NOBODY, "birth": NOBODY, "postcode": NOBODY}


def explained(left: Records, right: Records, model: Model = MODEL) -> list[dict[str, Any]]:
    """Explain every person against every identity."""
    one, other = np.divmod(np.arange(len(left.people) * len(right.people)), len(right.people))
    return explaining.explain(left, right, one, other, model, frequencies(right))


def part(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in told["fields"] if field["name"] == name)


def test_the_parts_add_up_to_the_weight_that_linkage_decides_by() -> None:
    people = town(12)
    right = packed(
        people + misspelt(people[:8], seed=5) + misspelt(people[:4], seed=6), [*range(12), *range(8), *range(4)]
    )
    left = packed(misspelt(people, seed=7))
    told = explained(left, right)
    side = LeftSide.build(left, frequencies(right), {}, MODEL, 0.0)
    one, other = np.divmod(np.arange(144), 12)
    weighed = weigh_identities(side, right, one, other)
    assert [pair["total"] for pair in told] == pytest.approx(weighed.weight.tolist(), abs=1e-9)
    for pair in told:
        parts = [step for field in pair["fields"] for step in (field["bits"], field["frequency_bits"])]
        assert pair["prior"] + sum(parts) == pytest.approx(pair["total"], abs=1e-9)
    versions = [len(right.person[right.person == at]) for at in range(12)]
    named = [{field["name"] for field in pair["fields"]} for pair in told]
    assert [explaining.VERSIONS in names for names in named] == [many > 1 for many in versions] * 12
    assert all(explaining.RELATIVES in names for names in named)


def test_levels_and_rarity_are_told_by_field() -> None:
    (told,) = explained(packed([ANN | {"surname": "Leigh"}]), packed([ANN | {"postcode": None}]))
    levels = {field["name"]: field["level"] for field in told["fields"]}
    assert levels["forename"] == levels["birth"] == levels["middle"] == "exact"
    assert levels["postcode"] == levels["pnc"] == explaining.MISSING
    assert part(told, "pnc")["bits"] == part(told, "pnc")["frequency_bits"] == 0.0
    assert part(told, "forename")["frequency_bits"] != 0.0
    assert part(told, "surname")["frequency_bits"] == 0.0  # not exact
    forename = MODEL.fields[0]
    exact = forename.levels.index("exact")
    assert part(told, "forename")["bits"] == pytest.approx(np.log2(forename.m[exact] / forename.u[exact]))


def test_swapped_names_are_one_finding() -> None:
    (told,) = explained(packed([ANN | {"forename": "Lee", "surname": "Ann"}]), packed([ANN]))
    assert part(told, "forename")["level"].startswith("swapped")
    assert part(told, "surname")["level"] == explaining.WITH_FORENAME
    assert part(told, "surname")["bits"] == 0.0


def test_the_version_that_fits_best_speaks_and_any_address_counts() -> None:
    versions = [ANN | {"surname": "Kowalczyk"}, ANN | {"postcode": "YO1 7HH"}]
    (told,) = explained(packed([ANN]), packed(versions, [5, 5]))
    assert told["version"] == part(told, "surname")["version"] == 1
    assert part(told, "postcode")["level"] == "exact"
    assert part(told, "postcode")["version"] == 0  # the address is the other version's
    assert part(told, explaining.VERSIONS)["level"] == "versions 2"
    assert -1.0 < part(told, explaining.VERSIONS)["bits"] < 0.0


def test_the_probability_is_of_the_pair_alone_and_calibrated() -> None:
    plain = Model(MODEL.fields, 0.9, 1_000)
    (told,) = explained(packed([ANN]), packed([ANN]), plain)
    assert told["probability"] == pytest.approx(1 / (1 + 2 ** -told["total"]))
    assert explaining.RELATIVES not in {field["name"] for field in told["fields"]}
    (careful,) = explained(packed([ANN]), packed([ANN]))
    assert careful["probability"] == pytest.approx(1 / (1 + 2 ** -(careful["total"] - 1.0)))  # by the last knot


def test_nobody() -> None:
    nobody = np.empty(0, np.int64)
    assert explaining.explain(packed([ANN]), packed([ANN]), nobody, nobody, MODEL, {}) == []
