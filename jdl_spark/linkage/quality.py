"""How well the people of a request were found, without knowing the truth.

Two independent answers. The model's own: a link of probability p is wrong with probability 1 - p,
and the probability on identities that nobody was linked to is people who are there and were missed.
And a measured one: a person can be found in the benefit records directly, or through the offender
who was found; where the two roads end at different claimants, one of them went wrong.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jdl_spark import schemas
from jdl_spark.stats.proportions import wilson

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LINKED, AMBIGUOUS = "linked", "ambiguous"
ROUTES = ("agree", "disagree", "only_direct", "only_through_offender")
Person = tuple[str, str]
"""request_id and person_ref."""


def measure_quality(
    people: Mapping[str, int], links: DataFrame, benefit_links: DataFrame, offender_benefit_links: DataFrame
) -> DataFrame:
    """Measure how well the people of every request were found.

    Parameters
    ----------
    people : mapping
        Request to the people who were looked for.
    links : DataFrame of schemas.LINKS
        Of one run, less run_id. Small: collected.
    benefit_links : DataFrame of schemas.BENEFIT_LINKS
        Of the same run. Small: collected.
    offender_benefit_links : DataFrame of schemas.OFFENDER_BENEFIT_LINKS
        Of the release. Streams past the offenders of `links`.

    Returns
    -------
    DataFrame of schemas.LINK_QUALITY, less run_id
        One row per request of `people`.
    """
    from pyspark.sql import functions as F

    offenders = links.where(F.col("status") == LINKED).select("offender_id").distinct()
    through = offender_benefit_links.join(F.broadcast(offenders), "offender_id", "left_semi")
    claimants = {row["offender_id"]: row["claimant_id"] for row in _rows(through, "offender_id", "claimant_id")}
    found = _rows(links, "request_id", "person_ref", "offender_id", "match_probability", "status")
    direct = _rows(benefit_links, "request_id", "person_ref", "claimant_id", "status")
    measured = quality_rows(people, found, direct, claimants)
    columns = [column for column in schemas.LINK_QUALITY.columns if column.name != "run_id"]
    data = [tuple(row[column.name] for column in columns) for row in measured]
    return links.sparkSession.createDataFrame(data, ", ".join(f"{c.name} {c.type}" for c in columns))


def _rows(frame: DataFrame, *columns: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.select(*columns).toArrow().to_pylist()
    return rows


def quality_rows(
    people: Mapping[str, int],
    links: Iterable[Mapping[str, Any]],
    benefit_links: Iterable[Mapping[str, Any]],
    claimants: Mapping[int, int],
) -> list[dict[str, Any]]:
    """Return the rows of schemas.LINK_QUALITY, less run_id, sorted by request.

    Sums do not depend on the order of the rows: they are rounded once (`math.fsum`).

    Parameters
    ----------
    people : request to the people who were looked for
    links, benefit_links : rows of schemas.LINKS and BENEFIT_LINKS
    claimants : offender to the claimant linked to it over the whole nation
    """
    by_request: dict[str, list[Mapping[str, Any]]] = {name: [] for name in people}
    through: dict[Person, int] = {}
    direct = {(row["request_id"], row["person_ref"]): row["claimant_id"] for row in benefit_links if _is_linked(row)}
    for row in links:
        by_request[row["request_id"]].append(row)
        if _is_linked(row) and row["offender_id"] in claimants:
            through[row["request_id"], row["person_ref"]] = claimants[row["offender_id"]]
    routes = Counter((person[0], _route(through.get(person), direct.get(person))) for person in {*through, *direct})
    return [
        {"request_id": name, "people": people[name]}
        | _expected(by_request[name])
        | _routes(people[name], {route: routes[name, route] for route in ROUTES})
        for name in sorted(people)
    ]


def _is_linked(row: Mapping[str, Any]) -> bool:
    return bool(row["status"] == LINKED)


def _expected(links: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what one request's posteriors say about links made and missed."""
    linked = [row["match_probability"] for row in links if row["status"] == LINKED]
    others = [row["match_probability"] for row in links if row["status"] != LINKED]
    false = math.fsum(1 - probability for probability in linked)
    missed, present = math.fsum(others), math.fsum([*linked, *others])
    return {
        "linked": len(linked),
        "ambiguous": sum(row["status"] == AMBIGUOUS for row in links),
        "expected_present": present,
        "expected_false": false,
        "expected_missed": missed,
        "false_link_rate": false / len(linked) if linked else None,
        "missed_link_rate": missed / present if present else None,
    }


def _route(through: int | None, direct: int | None) -> str:
    if through is None:
        return "only_direct"
    if direct is None:
        return "only_through_offender"
    return "agree" if through == direct else "disagree"


def _routes(people: int, found: Mapping[str, int]) -> dict[str, Any]:
    both = found["agree"] + found["disagree"]
    low, high = wilson(found["disagree"], both) if both else (None, None)
    return {
        **found,
        "neither": people - sum(found.values()),
        "disagreement_rate": found["disagree"] / both if both else None,
        "disagreement_low": low,
        "disagreement_high": high,
    }
