"""The Spark door: every verb that touches the lake, and the only place that knows the order of the stages.

`prepare_nation` derives what depends on the nation alone, once a release. `run_requests` carries any
number of requests from submission to published document in one pass each over that nation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jdl_spark import (
    balance,
    groups,
    inference,
    matching,
    models,
    passes,
    propensity,
    publication,
    review,
    runs,
    schemas,
)
from jdl_spark import ingest as door
from jdl_spark.admission import find_requests, sort_out
from jdl_spark.covariates import columns as covariate_columns
from jdl_spark.covariates.assemble import assemble_covariates
from jdl_spark.errors import InputError
from jdl_spark.indexes import save_index
from jdl_spark.linkage import link, quality
from jdl_spark.linkage.index import count_names
from jdl_spark.methodology import digest as methodology_digest
from jdl_spark.model_card import PURPOSES
from jdl_spark.offending.index_events import derive_index_events
from jdl_spark.offending.outcomes import measure_outcomes
from jdl_spark.progress import Progress
from jdl_spark.publication.profile import profile_treated
from jdl_spark.releases import find_release, national
from jdl_spark.requests import intake
from jdl_spark.result_hash import RunHash, hash_table
from jdl_spark.runs import RunSummary
from jdl_spark.settings import Methodology
from jdl_spark.store import Store
from jdl_spark.synthetic.evaluate import Evaluation
from jdl_spark.synthetic.evaluate import evaluate as compare_with_truth

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

OUTCOME_KINDS = {"reoffended": "binary", "reoffences": "count", "days_to_first": "conditional", "days_free": "time"}
"""The outcomes of every request: rate, frequency, time to first among reoffenders, time without one."""


# --- the nation ---------------------------------------------------------------------------


def init_lake(store: Store, key: bytes | None = None) -> None:
    """Create the lake's tables and its pseudonym key; what exists stays."""
    store.create(key)


def ingest(store: Store, table: str, source: str, mapping: Path) -> door.IngestSummary:
    """Load a national extract; see `jdl_spark.ingest`."""
    store.check_exists()
    return door.ingest(store, table, source, mapping)


def prepare_nation(store: Store, release_id: str, methodology: Methodology, progress: Progress) -> None:
    """Derive all that depends on the nation alone: identity index, links to benefits, events, outcomes, covariates."""
    release = find_release(store, release_id)
    shards, save = release["shards"], _saver(store, release_id=release_id)
    with progress.stage("identity index") as counts:
        stored, changes = save_index(store, release)
        names = save(schemas.NAME_FREQUENCIES, count_names(stored))
        counts["name versions"] = sum(row["versions"] for row in stored.select("versions").collect())
        counts |= {f"{population} identities": words for population, words in changes.items()}
    with progress.stage("offenders to benefit records") as counts:
        offenders, benefits = stored.where("population = 'offender'"), stored.where("population = 'benefit'")
        of_benefits = names.where("population = 'benefit'")
        model = models.obtain(store, release_id, "offender_benefit", methodology)
        found = link.link_populations(offenders, benefits, of_benefits, model.parameters, methodology.linkage)
        benefit_links = save(schemas.OFFENDER_BENEFIT_LINKS, found)
        counts["links"] = benefit_links.count()
    with progress.stage("index events and outcomes") as counts:
        offences = national(store, release, schemas.OFFENCES)
        sentences = national(store, release, schemas.SENTENCES)
        people = national(store, release, schemas.OFFENDERS)
        identities = national(store, release, schemas.OFFENDER_IDENTITIES)
        derived = derive_index_events(sentences, offences, people, identities, shards, release["outcomes_to"])
        events = save(schemas.INDEX_EVENTS, derived)
        outcomes = save(schemas.OUTCOMES, measure_outcomes(events, offences))
        counts["events"] = events.count()
    with progress.stage("covariates"):
        programmes = national(store, release, schemas.PROGRAMME_ATTENDANCE)
        benefit_spells = national(store, release, schemas.BENEFIT_SPELLS)
        jobs = national(store, release, schemas.EMPLOYMENT_SPELLS)
        packed = assemble_covariates(
            events, outcomes, people, offences, sentences, programmes, benefit_links, benefit_spells, jobs,
            methodology.covariates,
        )  # fmt: skip
        save(schemas.COVARIATES, packed)
    done = {"release_id": release_id, "digest": _preparation_digest(methodology), "finished_at": datetime.now(UTC)}
    store.upsert(schemas.PREPARATIONS, store.rows(schemas.PREPARATIONS, [done]))


def _preparation_digest(methodology: Methodology) -> str:
    return runs.digest_of(runs.code_version(), methodology.linkage, methodology.covariates)


def _is_prepared(store: Store, release_id: str, methodology: Methodology) -> bool:
    rows = store.stored(schemas.PREPARATIONS, release_id=release_id).collect()
    return any(row["digest"] == _preparation_digest(methodology) for row in rows)


def _saver(store: Store, **partition: str) -> Any:
    return lambda table, frame: store.save(table, frame, **partition)


def train_linkage(
    store: Store, release_id: str | None, methodology: Methodology, progress: Progress, again: bool = False
) -> models.Training:
    """Train and store the linkage models of a release; what is there already stays.

    Parameters
    ----------
    release_id : str, optional
        The newest release where left out. Its nation is prepared first where it is not.
    again : bool
        Train once more: a model that comes out different gets the next number, and later runs use it.

    Returns
    -------
    Training
        The models for submitted people are not among them as long as nobody has been submitted.
    """
    release_id = str(find_release(store, release_id)["release_id"])
    before = models.known_ids(store, release_id)
    if not _is_prepared(store, release_id, methodology):
        prepare_nation(store, release_id, methodology, progress)  # trains the first of them
    nobody = store.read(schemas.COHORT_MEMBERS).isEmpty()
    found = []
    for purpose in schemas.LINKAGE_PURPOSES:
        if not (nobody and purpose in models.COHORT_PURPOSES):
            with progress.stage(f"linkage model: {PURPOSES[purpose]}"):
                found.append(models.obtain(store, release_id, purpose, methodology, again))
    for model in found:
        models.write_card(store, release_id, model)  # in case a file was lost
    return models.Training(release_id, found, before)


# --- the run ------------------------------------------------------------------------------


def run_requests(
    store: Store,
    request_ids: Sequence[str] | None,
    release_id: str | None,
    methodology: Methodology,
    progress: Progress,
) -> RunSummary:
    """Carry requests from submission to published document, all together.

    Parameters
    ----------
    request_ids : sequence of str, optional
        All requests of the lake where left out.
    release_id : str, optional
        The newest release where left out.

    Returns
    -------
    RunSummary
        What became of each request. One that cannot be analysed never stops the others.
    """
    release = find_release(store, release_id)
    release_id = str(release["release_id"])
    requests = find_requests(store, request_ids)
    items, going = sort_out(store, requests, release)
    if going and not _is_prepared(store, release_id, methodology):
        prepare_nation(store, release_id, methodology, progress)
    trained = _cohort_models(store, release_id, methodology, progress) if going else {}
    labels = review.labels(store, list(requests))
    run = _identify(store, requests, release, methodology, trained, labels)
    _follow(store, run["run_id"], progress)
    store.save(schemas.RUNS, store.rows(schemas.RUNS, [{**run, "status": "running"}]), run_id=run["run_id"])
    if going:
        _run_stages(store, run, requests, going, trained, labels, methodology, progress)
    with progress.stage("documents"):
        items |= _publish(store, run, requests, items, methodology)
    rows = [{"request_id": name, **items[name]} for name in sorted(items)]
    store.save(schemas.RUN_ITEMS, store.rows(schemas.RUN_ITEMS, rows), run_id=run["run_id"])
    finished = {**run, "status": "finished", "finished_at": datetime.now(UTC)}
    store.save(schemas.RUNS, store.rows(schemas.RUNS, [finished]), run_id=run["run_id"])
    summary = RunSummary(run["run_id"], release_id, rows)
    store.write_text(f"documents/_runs/{run['run_id']}/run.json", json.dumps(summary.as_json(), indent=2))
    return summary


def reprocess(store: Store, release_id: str, methodology: Methodology, progress: Progress) -> RunSummary:
    """Run every request of the lake on a release; earlier results stay where they are."""
    return run_requests(store, None, release_id, methodology, progress)


def _cohort_models(
    store: Store, release_id: str, methodology: Methodology, progress: Progress
) -> dict[str, models.LinkageModel]:
    with progress.stage("linkage models"):
        return {name: models.obtain(store, release_id, name, methodology) for name in models.COHORT_PURPOSES}


def _identify(
    store: Store,
    requests: Mapping[str, Mapping[str, Any]],
    release: Mapping[str, Any],
    methodology: Methodology,
    trained: Mapping[str, models.LinkageModel],
    labels: pa.Table,
) -> dict[str, Any]:
    decisions = sorted(
        (row["request_id"], row["content_digest"], row["accept"])
        for row in store.read(schemas.DECISIONS).collect()
        if row["request_id"] in requests
    )
    digests = {name: row["content_digest"] for name, row in requests.items()}
    pinned = {purpose: model.model_id for purpose, model in trained.items()}
    content = (release["release_id"], release["content"], digests, decisions, pinned, labels.to_pylist())
    settings = f"{methodology.version} {methodology_digest(methodology)[:12]}"
    return {
        "run_id": runs.digest_of(content, methodology, runs.code_version())[:16],
        "release_id": release["release_id"],
        "methodology": settings,
        "code_version": runs.code_version(),
        "linkage_models": pinned,
        "request_ids": sorted(requests),
        "started_at": datetime.now(UTC),
    }


def _follow(store: Store, run_id: str, progress: Progress) -> None:
    if "://" not in store.lake:  # a remote lake has no file that can be appended to
        progress.follow(Path(store.lake.removeprefix("file:")) / "documents" / "_runs" / run_id / "progress.jsonl")


def _run_stages(
    store: Store,
    run: Mapping[str, Any],
    requests: Mapping[str, Mapping[str, Any]],
    going: Sequence[str],
    trained: Mapping[str, models.LinkageModel],
    labels: pa.Table,
    methodology: Methodology,
    progress: Progress,
) -> None:
    from pyspark.sql import functions as F

    release_id, save = str(run["release_id"]), _saver(store, run_id=run["run_id"])
    prepared = {
        table.name: store.stored(table, release_id=release_id)
        for table in (schemas.IDENTITY_INDEX, schemas.NAME_FREQUENCIES, schemas.INDEX_EVENTS, schemas.OUTCOMES)
    }
    cohort = store.read(schemas.COHORT_MEMBERS).where(F.col("request_id").isin(list(going)))
    services = intake.services_frame(store.spark, [requests[name] for name in going])
    with progress.stage("linkage") as counts:
        found = _linked(cohort, prepared, "offender", trained["cohort"], methodology, labels)
        links = save(schemas.LINKS, found)
        counts["linked people"] = links.where("status = 'linked'").count()
    with progress.stage("linkage to benefit records"):
        found = _linked(cohort, prepared, "benefit", trained["cohort_benefit"], methodology)
        direct = save(schemas.BENEFIT_LINKS, found.withColumnRenamed("offender_id", "claimant_id").drop("route"))
        people = {name: intake.admitted_rows(requests[name]) for name in going}
        through = store.stored(schemas.OFFENDER_BENEFIT_LINKS, release_id=release_id)
        save(schemas.LINK_QUALITY, quality.measure_quality(people, links, direct, through))
    with progress.stage("treatment groups") as counts:
        formed = groups.form_groups(
            cohort, links, services, prepared["index_events"], prepared["outcomes"], methodology.index_events
        )
        members = save(schemas.MEMBERS, formed)
        counts["treated"] = members.where("reason IS NULL").count()
    with passes.kept(store.stored(schemas.COVARIATES, release_id=release_id)) as covariates:
        with progress.stage("propensity"):
            fits = save(schemas.PROPENSITY_MODELS, propensity.fit(members, links, covariates, methodology.propensity))
        with progress.stage("matching") as counts:
            matched = matching.match(members, links, fits, covariates, methodology.matching)
            pairs = save(schemas.MATCHED_PAIRS, matched)
            counts["pairs"] = pairs.count()
        with progress.stage("balance"):
            save(schemas.BALANCE, balance.measure(members, links, pairs, covariates))
    with progress.stage("inference"):
        horizon = methodology.inference.horizon_days
        free = F.least(F.coalesce(F.col("days_to_first"), F.lit(horizon)), F.lit(horizon))
        outcomes = prepared["outcomes"].where("reoffended IS NOT NULL").withColumn("days_free", free)
        estimates = inference.estimate(pairs, outcomes, OUTCOME_KINDS, methodology.inference, methodology.version)
        save(schemas.ESTIMATES, estimates)
    with progress.stage("attrition"):
        rows = _attrition(requests, going, members, pairs, fits)
        save(schemas.ATTRITION, store.rows(schemas.ATTRITION, rows))


def _linked(
    cohort: DataFrame,
    prepared: Mapping[str, DataFrame],
    population: str,
    model: models.LinkageModel,
    methodology: Methodology,
    labels: pa.Table | None = None,
) -> DataFrame:
    index, names = (
        prepared[name].where(f"population = '{population}'") for name in ("identity_index", "name_frequencies")
    )
    return link.link_records(cohort, index, names, model.parameters, methodology.linkage, labels)


def _attrition(
    requests: Mapping[str, Mapping[str, Any]],
    going: Sequence[str],
    members: DataFrame,
    pairs: DataFrame,
    fits: DataFrame,
) -> list[dict[str, Any]]:
    by_reason: dict[str, dict[str, int]] = {name: {} for name in going}
    for row in members.groupBy("request_id", "reason").count().collect():
        by_reason[row["request_id"]][row["reason"] or "treated"] = row["count"]
    treated_events = pairs.select("request_id", "treated_event_id").distinct()
    matched = {row["request_id"]: row["count"] for row in treated_events.groupBy("request_id").count().collect()}
    modelled = {row["request_id"] for row in fits.where("status = 'converged'").select("request_id").collect()}
    rows = []
    for name in going:
        lost = dict(by_reason[name])
        treated = lost.pop("treated", 0)
        before = intake.lost_rows(requests[name])
        rows += runs.attrition_rows(name, before, lost, treated, matched.get(name, 0), name in modelled)
    return rows


def _publish(
    store: Store,
    run: Mapping[str, Any],
    requests: Mapping[str, Mapping[str, Any]],
    items: Mapping[str, dict[str, str]],
    methodology: Methodology,
) -> dict[str, dict[str, str]]:
    """Write every request's document; return the items of those that went through the stages."""
    tables = {
        table.name: _by_request(store.stored(table, run_id=run["run_id"]))
        for table in (
            schemas.LINK_QUALITY,
            schemas.ATTRITION,
            schemas.PROPENSITY_MODELS,
            schemas.BALANCE,
            schemas.ESTIMATES,
        )
    }
    pairs = store.stored(schemas.MATCHED_PAIRS, run_id=run["run_id"])
    profiles = profile_treated(pairs, store.stored(schemas.INDEX_EVENTS, release_id=run["release_id"]))
    done: dict[str, dict[str, str]] = {}
    published = []
    provenance = {
        **run,
        "synthetic": store.read_text("synthetic.txt") is not None,
        "outcomes_to": _outcomes_to(store, run),
    }
    for name, request in requests.items():
        attrition = sorted(tables["attrition"].get(name, []), key=lambda row: row["step"])
        model = next(iter(tables["propensity_models"].get(name, [])), None)
        item = items.get(name) or runs.outcome_of(attrition, model)
        document = publication.compose(
            request,
            item,
            attrition,
            next(iter(tables["link_quality"].get(name, [])), None),
            model,
            tables["balance"].get(name, []),
            tables["estimates"].get(name, []),
            profiles.get(name),
            provenance,
            methodology,
            covariate_columns.LABELS,
        )
        done[name] = runs.item_of(document.status, document.reason, item)
        text = document.to_json()
        path = f"{name}/{run['run_id']}/result.json"
        store.write_text(f"documents/{path}", text)
        published.append({"request_id": name, "path": path, "sha256": runs.sha256(text), "document": text})
    store.save(schemas.PUBLICATIONS, store.rows(schemas.PUBLICATIONS, published), run_id=run["run_id"])
    return done


def _outcomes_to(store: Store, run: Mapping[str, Any]) -> str:
    return str(find_release(store, str(run["release_id"]))["outcomes_to"].isoformat())


def _by_request(frame: DataFrame) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in frame.collect():
        rows.setdefault(row["request_id"], []).append(row.asDict())
    return rows


# --- after the run ------------------------------------------------------------------------


def hash_run(store: Store, run_id: str | None, by_table: bool = False) -> RunHash:
    """Return the hash of all results of a finished run, the newest by default; see result_hash.py.

    Raises
    ------
    InputError
        If there is no such run, or it is not finished.
    """
    run = _find_run(store, run_id, finished=True)
    tables = [schemas.TABLES[name] for name in schemas.RESULT_TABLES]
    hashes = {t.name: hash_table(t, store.stored(t, run_id=run["run_id"]).toArrow()) for t in tables}
    return RunHash(run["run_id"], run["release_id"], hashes, by_table)


def _find_run(store: Store, run_id: str | None, finished: bool = False) -> dict[str, Any]:
    """Return a run's row of schemas.RUNS, the newest by default."""
    store.check_exists()
    known = [row.asDict() for row in store.read(schemas.RUNS).collect() if run_id in (None, row["run_id"])]
    fitting = [row for row in known if not finished or row["status"] == "finished"]
    if known and not fitting:
        raise InputError(f"run {run_id or known[0]['run_id']} is not finished; start the same command again")
    if not fitting:
        raise InputError(f"there is no run {run_id or ''} in the lake; start one with: jdl run --all")
    return max(fitting, key=lambda row: (row["started_at"], row["run_id"]))


# --- synthetic nations only ---------------------------------------------------------------


def evaluate(store: Store, truth: Path, run_id: str | None) -> Evaluation:
    """Compare a run with the planted truth of a synthetic nation; see synthetic/evaluate.py.

    Raises
    ------
    InputError
        If there is no truth folder, or no finished run.
    """
    store.check_exists()
    if not truth.is_dir():
        raise InputError(f"there is no truth folder at {truth}; only nations made by jdl generate have one")
    chosen = _find_run(store, run_id)["run_id"]
    tables = [
        store.stored(table, run_id=chosen).toArrow() for table in (schemas.LINKS, schemas.MEMBERS, schemas.ESTIMATES)
    ]
    return compare_with_truth(truth, store.key, *tables)
