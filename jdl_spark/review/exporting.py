"""From a run's links to the files that a reviewer decides in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jdl_spark import schemas
from jdl_spark.admission import find_requests
from jdl_spark.errors import UsageError
from jdl_spark.linkage.explain import explain
from jdl_spark.linkage.index import name_frequencies
from jdl_spark.linkage.records import pack
from jdl_spark.pseudonyms import pseudonym
from jdl_spark.releases import find_release, national
from jdl_spark.review import page, table, words
from jdl_spark.review.answers import pair_reference
from jdl_spark.review.cases import WHICH, Case, choose
from jdl_spark.review.decisions import standing
from jdl_spark.review.files import check_place, write_restricted
from jdl_spark.review.page import Candidate, Heading, ReviewCase
from jdl_spark.review.people import FIELDS, digest, shown, texts
from jdl_spark.stats.fellegi_sunter import Model
from jdl_spark.store import Store

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Exported:
    """What was written, and the warning that goes with it."""

    request_id: str
    run_id: str
    files: Sequence[Path]
    people: int
    identities: int
    left_out: int

    @property
    def warning(self) -> str:
        """What is in the files, and what has to be done with them."""
        return (
            f"WARNING: these files hold names, dates of birth, postcodes and police identifiers of {self.people} "
            f"submitted people and {self.identities} national identities. Keep them where only the reviewers can "
            "read them, send them to nobody, and delete them when the decisions have been imported."
        )

    def lines(self) -> list[str]:
        """Return the answer as lines for a terminal."""
        people = "1 person" if self.people == 1 else f"{self.people} people"
        more = f"; {self.left_out} more beyond the limit" if self.left_out else ""
        return [
            f"{self.request_id}, run {self.run_id}: {people} to decide on{more}",
            *(f"wrote {path}" for path in self.files),
            self.warning,
            'Hand the decisions in with: jdl review import FILE --reviewer "NAME"',
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the answer for machines."""
        told = {"request_id": self.request_id, "run_id": self.run_id, "files": [str(path) for path in self.files]}
        counts = {"people": self.people, "identities": self.identities, "left_out": self.left_out}
        return {**told, **counts, "warning": self.warning}


def export(
    store: Store,
    request_id: str,
    out: Path,
    run_id: str | None = None,
    which: str = "ambiguous",
    limit: int | None = None,
    replace: bool = False,
) -> Exported:
    """Write a page and a CSV file with the people of a request that a reviewer should decide on.

    Parameters
    ----------
    store : Store
    request_id : str
    out : Path
        Folder that the user named; there is no default, since the files hold people.
    run_id : str, optional
        The newest run that linked the request where left out.
    which : str
        ambiguous, linked, near or all; see `cases.choose`.
    limit : int, optional
        Most people, the most uncertain first.
    replace : bool
        Whether files of an earlier export may be replaced.

    Raises
    ------
    UsageError
        If there is no such request or run, the request was handed in again since the run, or the files
        may not be written there.
    """
    store.check_exists()
    if which not in WHICH:
        raise UsageError(f"--which must be one of: {', '.join(WHICH)}")
    names = [f"review-{request_id}{suffix}" for suffix in (".html", ".csv")]
    check_place(out, names, store.lake, replace)
    request = find_requests(store, [request_id])[request_id]
    run = find_run(store, request_id, run_id)
    if request["submitted_at"] and run["started_at"] and request["submitted_at"] > run["started_at"]:
        raise UsageError(f"{request_id} was handed in again since run {run['run_id']}; run it again first")
    links = links_of(store, run["run_id"], request_id)
    choice = choose(links, which, limit)
    people = _with_people(store, run, request_id, choice.cases)
    heading = Heading(request_id, run["run_id"], run["release_id"], choice.left_out)
    files = write_restricted(out, dict(zip(names, (page.render(heading, people), table.write(people)), strict=True)))
    identities = {link.offender_id for case in choice.cases for link in case.links}
    return Exported(request_id, run["run_id"], files, len(people), len(identities), choice.left_out)


def find_run(store: Store, request_id: str, run_id: str | None = None) -> dict[str, Any]:
    """Return the row of schemas.RUNS of a run that linked a request, the newest by default.

    Raises
    ------
    UsageError
        If there is none.
    """
    from pyspark.sql import functions as F

    links = store.read(schemas.LINKS).where(F.col("request_id") == request_id)
    linked = {row["run_id"] for row in links.select("run_id").distinct().collect()}
    runs = [row.asDict() for row in store.read(schemas.RUNS).collect() if row["run_id"] in linked]
    known = [row for row in runs if run_id in (None, row["run_id"])]
    if not known:
        what = f"run {run_id} has not" if run_id else "no run has"
        raise UsageError(f"{what} looked for the people of {request_id} in this lake; run: jdl run {request_id}")
    return max(known, key=lambda row: (row["started_at"], row["run_id"]))


def links_of(store: Store, run_id: str, request_id: str) -> list[dict[str, Any]]:
    """Return the rows of schemas.LINKS of one run and request."""
    from pyspark.sql import functions as F

    rows = store.stored(schemas.LINKS, run_id=run_id).where(F.col("request_id") == request_id).collect()
    return [row.asDict() for row in rows]


def pair_code(key: bytes, run_id: str, link: Row, person_digest: str) -> str:
    """Return the code of a pair in the files: from the lake's key, so that nobody can make one up.

    It changes with the submitted person, so that an old file says nothing about a new submission.
    """
    parts = (link["request_id"], run_id, link["person_ref"], str(link["offender_id"]), person_digest)
    return f"p{pseudonym(key, 'review', chr(31).join(parts)) & (2**64 - 1):016x}"


def members_of(store: Store, request_id: str) -> dict[str, dict[str, Any]]:
    """Return the rows of schemas.COHORT_MEMBERS of a request, by person_ref."""
    from pyspark.sql import functions as F

    rows = store.read(schemas.COHORT_MEMBERS).where(F.col("request_id") == request_id).collect()
    return {row["person_ref"]: row.asDict() for row in rows}


def _with_people(store: Store, run: Row, request_id: str, cases: Sequence[Case]) -> list[ReviewCase]:
    """Put names to cases: the submitted person, every name version of each identity, and the model's reasons."""
    if not cases:
        return []
    members = members_of(store, request_id)
    versions = _versions(store, run, sorted({link.offender_id for case in cases for link in case.links}))
    told = _explanations(store, run, [members[case.person_ref] for case in cases], cases, versions)
    earlier = {(row["person_ref"], row["offender_id"]): _spoken(row) for row in standing(store, [request_id])}
    key, made = store.key, []
    for case in cases:
        person, candidates = members[case.person_ref], []
        for link in case.links:
            if (case.person_ref, link.offender_id) not in told:
                continue  # a reviewer found it to be the person, and this release does not hold it
            named = {"request_id": request_id, "person_ref": case.person_ref, "offender_id": link.offender_id}
            code = pair_code(key, run["run_id"], named, digest(person))
            candidates.append(
                Candidate(
                    pair_reference(request_id, run["run_id"], code),
                    tuple(texts(version) for version in versions[link.offender_id]),
                    told[case.person_ref, link.offender_id],
                    link.probability,
                    earlier.get((case.person_ref, link.offender_id), ""),
                )
            )
        shown_case = ReviewCase(
            case.person_ref, case.kind, case.uncertainty, texts(person), tuple(candidates), case.further
        )
        made += [shown_case] if candidates else []
    return made


def _spoken(row: Row) -> str:
    note = f" ({shown(row['note'])})" if row["note"] else ""
    return f"{words.DECISIONS[row['decision']]}, by {shown(row['reviewer'])} on {shown(row['decided_at'].date())}{note}"


def _versions(store: Store, run: Row, offender_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the name versions of identities as the run's release has them, the main record first."""
    from pyspark.sql import functions as F

    wanted = store.spark.createDataFrame([(one,) for one in offender_ids], "offender_id bigint")
    identities = national(store, find_release(store, run["release_id"]), schemas.OFFENDER_IDENTITIES)
    rows = identities.join(F.broadcast(wanted), "offender_id", "semi").orderBy("offender_id", "version_no").collect()
    found: dict[int, list[dict[str, Any]]] = {one: [] for one in offender_ids}
    for row in rows:
        found[row["offender_id"]].append(row.asDict())
    return found


def _explanations(
    store: Store,
    run: Row,
    people: Sequence[Row],
    cases: Sequence[Case],
    versions: Mapping[int, Sequence[Row]],
) -> dict[tuple[str, int], dict[str, Any]]:
    """Return what the weight of each pair is made of; nothing for an identity that the release does not hold."""
    release, model_id = run["release_id"], run["linkage_models"]["cohort"]
    names = store.stored(schemas.NAME_FREQUENCIES, release_id=release).where("population = 'offender'")
    models = store.read(schemas.LINKAGE_MODELS).where(f"model_id = '{model_id}'").collect()
    left = pack(_table(people), np.arange(len(people), dtype=np.int64))
    flat = [(offender, row) for offender in sorted(versions) for row in versions[offender]]
    owner = np.array([offender for offender, _ in flat], np.int64)
    numbers = np.array([row["version_no"] for _, row in flat], np.int64)
    right = pack(_table([row for _, row in flat]), owner, numbers)
    pairs = [
        (at, link.offender_id) for at, case in enumerate(cases) for link in case.links if versions[link.offender_id]
    ]
    person, identity = np.array(pairs, np.int64).reshape(-1, 2).T
    model = Model.from_json(models[0]["parameters"])
    told = explain(left, right, person, np.searchsorted(right.people, identity), model, name_frequencies(names))
    return {(cases[at].person_ref, offender): one for (at, offender), one in zip(pairs, told, strict=True)}


def _table(rows: Sequence[Row]) -> pa.Table:
    types = [(name, pa.date32() if name == "date_of_birth" else pa.string()) for name in FIELDS]
    return pa.Table.from_pylist([{name: row[name] for name in FIELDS} for row in rows], schema=pa.schema(types))
