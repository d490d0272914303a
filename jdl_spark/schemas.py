"""Columns, units, key and grain of every table of the lake.

Why a module without Spark: the command line, the documentation and the tests read these
descriptions without starting a JVM; `store` turns them into Spark types and Delta tables.

Identifiers of people and records are 64-bit keyed pseudonyms (HMAC-SHA-256 of the source's own
identifier, first eight bytes), so integer arrays can travel through every pass. Dates are calendar
days without a zone. NULL always means "not known", never zero and never "no".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Root = Literal["restricted", "analytic"]
Zone = Literal["national", "prepared", "requests", "results"]


KEEP_DAYS: dict[tuple[Root, Zone], int] = {
    ("restricted", "national"): 3650,
    ("analytic", "national"): 3650,
    ("restricted", "prepared"): 7,
    ("restricted", "requests"): 7,
    ("analytic", "prepared"): 30,
    ("analytic", "requests"): 30,
    ("analytic", "results"): 30,
}
"""Root and zone to the days for which files and log of a table's older versions stay; `jdl maintain` removes them then.

Releases pin versions of national tables. Elsewhere only the newest version is ever read, so an older one is for
mending mistakes: a month, and a week where names can be read from it.
"""

LEFTOVER_HOURS = 24
"""Hours after which a file that no version names is taken for the remains of a killed write: none takes that long."""


@dataclass(frozen=True)
class Column:
    """One column: its Spark SQL type, what it means in which unit, and whether NULL may stand."""

    name: str
    type: str
    meaning: str
    nullable: bool = True
    check: str | None = None
    """SQL condition over this table's columns; holds when the value is NULL."""


@dataclass(frozen=True)
class Table:
    """One Delta table. `key` is unique (checked on the way in: Delta itself accepts duplicates)."""

    name: str
    root: Root
    zone: Zone
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()
    _names: tuple[str, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        names = tuple(column.name for column in self.columns)
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.name} names a column twice")
        missing = [name for name in (*self.key, *self.partition_by) if name not in names]
        if missing:
            raise ValueError(f"table {self.name}: no column {missing[0]}")
        object.__setattr__(self, "_names", names)

    @property
    def place(self) -> str:
        """Where the table lies below the lake."""
        return f"{self.root}/{self.zone}/{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in stored order."""
        return self._names

    @property
    def ddl(self) -> str:
        """Spark SQL column list, with NOT NULL where a value must stand."""
        return ", ".join(f"`{c.name}` {c.type}{'' if c.nullable else ' NOT NULL'}" for c in self.columns)

    @property
    def checks(self) -> dict[str, str]:
        """Constraint name to SQL condition. A CHECK fails on NULL, so each lets NULL through."""
        return {
            f"{c.name}_allowed": f"{c.name} IS NULL OR ({c.check})" if c.nullable else c.check
            for c in self.columns
            if c.check is not None
        }


def retention_properties(days: int) -> dict[str, str]:
    """Return the Delta properties that keep a table's older versions for some days.

    Time travel past them is refused even before anything is removed, so both must be long where versions are pinned.
    """
    return dict.fromkeys(("delta.logRetentionDuration", "delta.deletedFileRetentionDuration"), f"interval {days} days")


def _required(name: str, type_: str, meaning: str, check: str | None = None) -> Column:
    return Column(name, type_, meaning, nullable=False, check=check)


def _one_of(name: str, values: tuple[str, ...]) -> str:
    return f"{name} IN ({', '.join(repr(v) for v in values)})"


SEXES = ("F", "M")
ETHNICITIES = ("asian", "black", "other", "white")
NATIONALITIES = ("foreign", "uk")
DISPOSALS = ("custody", "suspended", "community")
OFFENCE_GROUPS = (
    "violence", "robbery", "public_order", "theft", "burglary", "fraud", "drugs", "motoring",
    "sexual", "criminal_damage", "terrorism", "other",
)  # fmt: skip
OUTCOME_KINDS = ("conviction", "caution", "reprimand", "warning", "penalty_notice", "none")
PROVEN_OUTCOMES = ("conviction", "caution", "reprimand", "warning")  # Justice Data Lab FAQ (2013)
BENEFITS = ("jsa", "esa", "is", "other")
LINKAGE_PURPOSES = ("offender_benefit", "cohort", "cohort_benefit")
EVENT_KINDS = ("custody_release", "community_start")
LAST_DAY_SANE = "'2100-01-01'"
FIRST_DAY_SANE = "'1900-01-01'"

_SEX = Column("sex", "string", "F or M; NULL when the source does not say", check=_one_of("sex", SEXES))
_NAME_COLUMNS = (
    Column("forename", "string", "as the source spells it"),
    Column("middle_names", "string", "as the source spells them, separated by spaces"),
    Column("surname", "string", "as the source spells it"),
    Column("date_of_birth", "date", "as the source has it",
           check=f"date_of_birth BETWEEN DATE{FIRST_DAY_SANE} AND DATE{LAST_DAY_SANE}"),
    _SEX,
    Column("postcode", "string", "last known, as the source spells it"),
)  # fmt: skip
_ROW_HASH = _required("row_hash", "bigint", "xxhash64 of the row's other columns: an unchanged row is not rewritten")
_RUN = _required("run_id", "string", "which execution wrote the row")
_REQUEST = _required("request_id", "string", "which question the row belongs to")
_RELEASE = _required("release_id", "string", "which data release the row was derived from")
_OFFENDER = _required("offender_id", "bigint", "pseudonym of an offender identity")

# --- restricted, national -----------------------------------------------------------------

OFFENDER_IDENTITIES = Table(
    "offender_identities", "restricted", "national",
    "one row per known name version of an offender identity; version 1 is the main record",
    ("offender_id", "version_no"),
    (_OFFENDER, _required("version_no", "int", "1 for the main record, 2 and up for aliases", "version_no >= 1"),
     *_NAME_COLUMNS, Column("pnc_id", "string", "Police National Computer identifier, normalised"), _ROW_HASH),
)  # fmt: skip

BENEFIT_IDENTITIES = Table(
    "benefit_identities", "restricted", "national",
    "one row per known name version of a person in the benefit and employment records",
    ("claimant_id", "version_no"),
    (_required("claimant_id", "bigint", "pseudonym of a claimant identity"),
     _required("version_no", "int", "1 for the main record, 2 and up for aliases", "version_no >= 1"),
     *_NAME_COLUMNS, _ROW_HASH),
)  # fmt: skip

IDENTITY_INDEX = Table(
    "identity_index", "restricted", "prepared",
    "one row per (release, population, shard): the shard's name versions as packed arrays",
    ("release_id", "population", "shard"),
    (_RELEASE,
     _required("population", "string", "offender or benefit", _one_of("population", ("offender", "benefit"))),
     _required("shard", "int", "pmod(xxhash64(identity id), shards of the release)"),
     _required("versions", "int", "name versions in the shard"),
     _required("payload", "binary", "Arrow IPC stream of the standardised versions, sorted by (identity, version)"),
     _required("made_by", "string", "digest of the code that made it: an index of another make is never continued")),
    partition_by=("release_id",),
)  # fmt: skip

NAME_FREQUENCIES = Table(
    "name_frequencies", "restricted", "prepared",
    "one row per (release, population, field, standardised value)",
    ("release_id", "population", "field", "code"),
    (_RELEASE, _required("population", "string", "offender or benefit"),
     _required("field", "string", "forename, surname, birth, postcode (if many share it); block KEY: left out"),
     _required("code", "bigint", "64-bit code of the standardised text"),
     _required("people", "bigint", "identities that bear it in some version")),
    partition_by=("release_id",),
)  # fmt: skip

# --- restricted, requests -----------------------------------------------------------------

COHORT_MEMBERS = Table(
    "cohort_members", "restricted", "requests",
    "one row per submitted row that can be analysed",
    ("request_id", "person_ref"),
    (_REQUEST, _required("person_ref", "string", "row reference made by us, e.g. 00017: the row of the file"),
     *_NAME_COLUMNS,
     Column("pnc_id", "string", "supplied Police National Computer identifier, normalised"),
     Column("intervention_start", "date", "first day of the intervention; the end date where no start was given"),
     Column("intervention_end", "date", "last day of the intervention"),
     _required("start_is_end", "boolean", "true where the end date stands in for a start that was not supplied"),
     Column("site", "string", "where the intervention was delivered")),
    partition_by=("request_id",),
)  # fmt: skip

QUARANTINE = Table(
    "quarantine", "restricted", "requests",
    "one row per source row that broke a rule on its way in; never silently dropped",
    ("source", "batch", "row_number", "reason"),
    (_required("source", "string", "table name, or request id for a cohort file"),
     _required("batch", "string", "digest of the file (or folder) the row came from"),
     _required("row_number", "bigint", "1-based data row of the file; a hash of the row where the format has none"),
     _required("reason", "string", "reason code"),
     Column("row", "string", "the row as JSON, for the person who mends the source")),
    partition_by=("source",),
)  # fmt: skip

LINK_REVIEWS = Table(
    "link_reviews", "restricted", "requests",
    "one row per decision of a reviewer on a submitted person and an identity; the newest of a pair stands",
    ("request_id", "person_ref", "offender_id", "decided_at"),
    (_REQUEST, _required("person_ref", "string", "the submitted row"), _OFFENDER,
     _required("decision", "string", "same person, different people, or unsure: a reviewer cannot say",
               _one_of("decision", ("same", "different", "unsure"))),
     _required("reviewer", "string", "name of who decided"),
     Column("note", "string", "what the reviewer remarked"),
     _required("decided_at", "timestamp", "when the decision was imported"),
     _required("person_digest", "string", "SHA-256 of the submitted person's fields: a decision is about them")),
    partition_by=("request_id",),
)  # fmt: skip

# --- analytic, national -------------------------------------------------------------------

OFFENDERS = Table(
    "offenders", "analytic", "national", "one row per offender identity", ("offender_id",),
    (_OFFENDER, _SEX,
     Column("ethnicity", "string", "self-defined or officer-identified", check=_one_of("ethnicity", ETHNICITIES)),
     Column("nationality", "string", "uk or foreign", check=_one_of("nationality", NATIONALITIES)), _ROW_HASH),
)  # fmt: skip

SENTENCES = Table(
    "sentences", "analytic", "national", "one row per custodial, suspended or community sentence", ("sentence_id",),
    (_required("sentence_id", "bigint", "pseudonym of the sentence"), _OFFENDER,
     _required("disposal", "string", "kind of sentence", _one_of("disposal", DISPOSALS)),
     _required("sentence_date", "date", "day of sentencing"),
     _required("start_date", "date", "first day in custody on it, or of the order", "start_date >= sentence_date"),
     Column("release_date", "date", "day of release from custody; NULL for orders and for people still inside",
            check="release_date >= start_date"),
     Column("length_days", "int", "length imposed, days", check="length_days >= 0"),
     Column("area", "string", "probation area or region of the sentence"), _ROW_HASH),
)  # fmt: skip

OFFENCES = Table(
    "offences", "analytic", "national", "one row per recorded offence", ("offence_id",),
    (_required("offence_id", "bigint", "pseudonym of the offence"), _OFFENDER,
     _required("offence_date", "date", "day the offence was committed"),
     _required("offence_group", "string", "offence group", _one_of("offence_group", OFFENCE_GROUPS)),
     Column("severity", "int", "1 most serious to 3 least", check="severity BETWEEN 1 AND 3"),
     _required("outcome_kind", "string", "how it was disposed of", _one_of("outcome_kind", OUTCOME_KINDS)),
     Column("outcome_date", "date", "day of that disposal; NULL while there is none",
            check="outcome_date >= offence_date"),
     _required("recordable", "boolean", "recordable on the Police National Computer"),
     _required("breach", "boolean", "breach of an order or licence: not a reoffence"),
     Column("sentence_id", "bigint", "the sentence this conviction led to; NULL for none"), _ROW_HASH),
)  # fmt: skip

PROGRAMME_ATTENDANCE = Table(
    "programme_attendance", "analytic", "national", "one row per attendance of an accredited programme",
    ("attendance_id",),
    (_required("attendance_id", "bigint", "pseudonym of the attendance"), _OFFENDER,
     _required("programme", "string", "name of the accredited programme"),
     _required("start_date", "date", "first session"),
     Column("end_date", "date", "last session", check="end_date >= start_date"),
     Column("completed", "boolean", "completed as designed"), _ROW_HASH),
)  # fmt: skip

BENEFIT_SPELLS = Table(
    "benefit_spells", "analytic", "national", "one row per spell on an out-of-work benefit", ("spell_id",),
    (_required("spell_id", "bigint", "pseudonym of the spell"),
     _required("claimant_id", "bigint", "pseudonym of the claimant"),
     _required("benefit", "string", "kind of benefit", _one_of("benefit", BENEFITS)),
     _required("start_date", "date", "first day of the spell"),
     Column("end_date", "date", "last day; NULL while it lasts", check="end_date >= start_date"), _ROW_HASH),
)  # fmt: skip

EMPLOYMENT_SPELLS = Table(
    "employment_spells", "analytic", "national", "one row per spell of P45 employment", ("spell_id",),
    (_required("spell_id", "bigint", "pseudonym of the spell"),
     _required("claimant_id", "bigint", "pseudonym of the claimant"),
     _required("start_date", "date", "first day of the spell"),
     Column("end_date", "date", "last day; NULL while it lasts", check="end_date >= start_date"), _ROW_HASH),
)  # fmt: skip

RELEASES = Table(
    "releases", "analytic", "national", "one row per data release", ("release_id",),
    (_RELEASE, _required("outcomes_to", "date", "outcomes are complete up to and including this day"),
     _required("shards", "int", "slices of every prepared table; fixed for the release", "shards >= 1"),
     _required("versions", "map<string,bigint>", "Delta version of every national table, by table name"),
     _required("content", "map<string,string>", "content digest of every national table at that version"),
     Column("created_at", "timestamp", "when the release was made")),
)  # fmt: skip

# --- analytic, prepared -------------------------------------------------------------------

LINKAGE_MODELS = Table(
    "linkage_models", "analytic", "prepared", "one row per trained linkage model", ("model_id",),
    (_required("model_id", "string", "SHA-256 of release, purpose, settings and parameters"), _RELEASE,
     _required("purpose", "string", "cohort (to offenders), cohort_benefit or offender_benefit",
               _one_of("purpose", LINKAGE_PURPOSES)),
     _required("number", "int", "1 for a release's first model of the purpose; a run takes the largest of its settings",
               "number >= 1"),
     _required("settings_digest", "string", "SHA-256 of the linkage settings it was trained under"),
     _required("parameters", "string", "the model as JSON: m, u, prior, convergence, settings"),
     Column("created_at", "timestamp", "when it was trained")),
)  # fmt: skip

OFFENDER_BENEFIT_LINKS = Table(
    "offender_benefit_links", "analytic", "prepared", "one row per offender with a linked claimant",
    ("release_id", "offender_id"),
    (_RELEASE, _OFFENDER, _required("claimant_id", "bigint", "the linked claimant"),
     _required("match_weight", "double", "bits"),
     _required("match_probability", "double", "posterior that both are the same person")),
    partition_by=("release_id",),
)  # fmt: skip

INDEX_EVENTS = Table(
    "index_events", "analytic", "prepared", "one row per custody release or community sentence start",
    ("release_id", "index_event_id"),
    (_RELEASE, _required("index_event_id", "bigint", "the sentence's id: a sentence gives at most one index event"),
     _OFFENDER, _required("shard", "int", "pmod(xxhash64(offender_id), shards of the release)"),
     _required("kind", "string", "custody_release or community_start", _one_of("kind", EVENT_KINDS)),
     _required("index_date", "date", "day from which follow-up runs"),
     _required("index_year", "int", "calendar year of the index date"),
     Column("custody_start", "date", "first day in custody on the sentence; NULL for community starts"),
     Column("sex", "string", "F or M"), Column("age", "int", "completed years on the index date"),
     Column("area", "string", "probation area or region of the sentence"),
     _required("terrorism", "boolean", "the index offence, or any earlier one, is a terrorist offence"),
     _required("available", "boolean", "index date + 1 year + 6 months lies within the release's outcomes")),
    partition_by=("release_id",),
)  # fmt: skip

OUTCOMES = Table(
    "outcomes", "analytic", "prepared", "one row per index event, available or not",
    ("release_id", "index_event_id"),
    (_RELEASE, _required("index_event_id", "bigint", "the event"), _OFFENDER,
     _required("shard", "int", "as in index_events"),
     Column("reoffended", "boolean", "one-year proven reoffending; NULL where follow-up is not complete"),
     Column("reoffences", "int", "proven reoffences in the year; NULL where follow-up is not complete"),
     Column("days_to_first", "int", "days from index date to the first proven reoffence of the year; NULL for none")),
    partition_by=("release_id",),
)  # fmt: skip

COVARIATES = Table(
    "covariates", "analytic", "prepared",
    "one row per shard: every available index event of the shard, packed (see stats/shard.py)",
    ("release_id", "shard"),
    (_RELEASE, _required("shard", "int", "as in index_events"), _required("events", "int", "index events in the shard"),
     _required("columns", "array<string>", "names of the matrix's columns, in order"),
     _required("payload", "binary", "CovariateShard: ids, strata, first reoffence and the float64 matrix")),
    partition_by=("release_id",),
)  # fmt: skip

PREPARATIONS = Table(
    "preparations", "analytic", "prepared",
    "one row per release whose nation has been prepared; written last, so that its presence means done",
    ("release_id",),
    (_RELEASE, _required("digest", "string", "SHA-256 of the code and settings that the prepared tables depend on"),
     Column("finished_at", "timestamp", "when")),
)  # fmt: skip

# --- analytic, requests -------------------------------------------------------------------

REQUESTS = Table(
    "requests", "analytic", "requests", "one row per request ever submitted (its latest submission)", ("request_id",),
    (_REQUEST, _required("admission", "string", "accepted, refused or needs_decision",
                         _one_of("admission", ("accepted", "refused", "needs_decision"))),
     _required("rules", "string", "JSON list of the rules that spoke: code, outcome, words"),
     _required("metadata", "string", "request.toml as JSON: organisation, service, years, sites, lawful basis ..."),
     _required("intake", "string", "JSON counts: rows, admitted, incomplete, duplicates, by reason"),
     _required("content_digest", "string", "SHA-256 of metadata and admitted rows"),
     Column("submitted_at", "timestamp", "when it came in")),
)  # fmt: skip

DECISIONS = Table(
    "decisions", "analytic", "requests", "one row per decision on a request that needed one",
    ("request_id", "content_digest"),
    (_REQUEST, _required("content_digest", "string", "the submission that was decided on"),
     _required("accept", "boolean", "true to accept, false to refuse"),
     _required("decided_by", "string", "name of the analyst"), _required("reason", "string", "why"),
     Column("decided_at", "timestamp", "when")),
)  # fmt: skip

# --- analytic, results --------------------------------------------------------------------

RUNS = Table(
    "runs", "analytic", "results", "one row per run", ("run_id",),
    (_RUN, _RELEASE, _required("methodology", "string", "version and digest of the settings"),
     _required("code_version", "string", "version and digest of the package"),
     _required("linkage_models", "map<string,string>", "purpose to model id"),
     _required("request_ids", "array<string>", "the requests of the run, sorted"),
     _required("status", "string", "running, finished or failed"),
     Column("started_at", "timestamp", "first start"), Column("finished_at", "timestamp", "end of the last attempt")),
    partition_by=("run_id",),
)  # fmt: skip

RUN_ITEMS = Table(
    "run_items", "analytic", "results", "one row per request of a run", ("run_id", "request_id"),
    (_RUN, _REQUEST, _required("status", "string", "published, refused, undecided, waiting, too_few or failed"),
     _required("reason", "string", "reason code; ok where published"),
     _required("message", "string", "one plain sentence")),
    partition_by=("run_id",),
)  # fmt: skip

LINKS = Table(
    "links", "analytic", "results",
    "one row per (request, submitted person, offender it could be): posterior at least the pool bar, or reviewed",
    ("run_id", "request_id", "person_ref", "offender_id"),
    (_RUN, _REQUEST, _required("person_ref", "string", "the submitted row"), _OFFENDER,
     _required("match_weight", "double", "bits"),
     _required("match_probability", "double", "posterior of this identity among all the person's candidates"),
     _required("status", "string", "linked, ambiguous or candidate",
               _one_of("status", ("linked", "ambiguous", "candidate"))),
     _required("route", "string", "pnc, fuzzy, or review where a reviewer decided")),
    partition_by=("run_id",),
)  # fmt: skip

BENEFIT_LINKS = Table(
    "benefit_links", "analytic", "results",
    "one row per (request, submitted person, claimant it could be), found without the offending records",
    ("run_id", "request_id", "person_ref", "claimant_id"),
    (_RUN, _REQUEST, _required("person_ref", "string", "the submitted row"),
     _required("claimant_id", "bigint", "pseudonym of a claimant identity"),
     _required("match_weight", "double", "bits"),
     _required("match_probability", "double", "posterior of this identity among all the person's candidates"),
     _required("status", "string", "linked, ambiguous or candidate",
               _one_of("status", ("linked", "ambiguous", "candidate")))),
    partition_by=("run_id",),
)  # fmt: skip

LINK_QUALITY = Table(
    "link_quality", "analytic", "results",
    "one row per request that went to linkage: how well its people were found (see linkage/quality.py)",
    ("run_id", "request_id"),
    (_RUN, _REQUEST, _required("people", "int", "submitted people who were looked for"),
     _required("linked", "int", "of them, linked to an offender"),
     _required("ambiguous", "int", "of them, with more than one offender they could be"),
     _required("expected_present", "double", "people: posterior mass on all offenders of `links`"),
     _required("expected_false", "double", "people: sum over linked rows of 1 - posterior"),
     _required("expected_missed", "double", "people: posterior mass on offenders to whom nobody was linked; whoever is "
               "there without having become a candidate is not in it"),
     Column("false_link_rate", "double", "expected_false / linked; NULL where nobody is linked"),
     Column("missed_link_rate", "double", "expected_missed / expected_present; NULL where nobody is expected"),
     _required("agree", "int", "people with the same claimant directly and through the offender"),
     _required("disagree", "int", "people with different claimants"),
     _required("only_direct", "int", "people with a claimant directly only"),
     _required("only_through_offender", "int", "people with a claimant through the offender only"),
     _required("neither", "int", "people without a claimant"),
     Column("disagreement_rate", "double", "disagree / (agree + disagree): an upper bound for the share of wrong links "
            "on either route; NULL where nobody was found on both"),
     Column("disagreement_low", "double", "95% interval (Wilson) of the rate"),
     Column("disagreement_high", "double", "likewise")),
    partition_by=("run_id",),
)  # fmt: skip

MEMBERS = Table(
    "members", "analytic", "results", "one row per submitted person that could be analysed as a row",
    ("run_id", "request_id", "person_ref"),
    (_RUN, _REQUEST, _required("person_ref", "string", "the submitted row"),
     Column("offender_id", "bigint", "linked identity; NULL where there is none"),
     Column("index_event_id", "bigint", "the index event; NULL for people lost before it was found"),
     Column("stratum", "bigint", "exact stratum of the index event (see stats/shard.py); NULL without index event"),
     Column("landmark_days", "int", "days from index date to the intervention's start, 0 if it came before: "
            "nobody is compared who reoffended within them; NULL without index event"),
     Column("reason", "string", "NULL for the treatment group, else why the person was lost")),
    partition_by=("run_id",),
)  # fmt: skip

ATTRITION = Table(
    "attrition", "analytic", "results", "one row per request, step and reason", ("run_id", "request_id", "reason"),
    (_RUN, _REQUEST, _required("step", "int", "order of the step on the road"),
     _required("reason", "string", "reason code; analysed for the last row"), _required("people", "int", "how many")),
    partition_by=("run_id",),
)  # fmt: skip

PROPENSITY_MODELS = Table(
    "propensity_models", "analytic", "results", "one row per request with a treatment group", ("run_id", "request_id"),
    (_RUN, _REQUEST, _required("status", "string", "converged or failed"),
     _required("reason", "string", "ok, or a reason code"), _required("iterations", "int", "Newton steps taken"),
     _required("n_treated", "int", "treated events"), _required("n_pool", "int", "events of the comparison pool"),
     _required("columns", "array<string>", "covariates in the model; the first is (intercept)"),
     _required("coefficients", "array<double>", "log-odds per unit of the covariate, same order"),
     _required("dropped", "array<string>", "name: cause, for covariates constant, collinear or separating the groups"),
     Column("logit_sd_pooled", "double", "sqrt((variance of treated + variance of pool)/2) of the logit"),
     Column("logit_sd_all", "double", "standard deviation of the logit over treated and pool together"),
     Column("probability_sd_pooled", "double", "as logit_sd_pooled, of the probability"),
     Column("probability_sd_all", "double", "as logit_sd_all, of the probability"),
     Column("log_likelihood", "double", "weighted log-likelihood at the optimum"),
     Column("gradient_norm", "double", "largest absolute score at the last step")),
    partition_by=("run_id",),
)  # fmt: skip

MATCHED_PAIRS = Table(
    "matched_pairs", "analytic", "results", "one row per (request, treated event, comparison event)",
    ("run_id", "request_id", "treated_event_id", "comparison_event_id"),
    (_RUN, _REQUEST, _required("treated_event_id", "bigint", "index event of the treated person"),
     _required("comparison_event_id", "bigint", "index event of the comparison person"),
     _required("comparison_offender_id", "bigint", "the comparison person"),
     _required("rank", "int", "1 for the nearest"),
     _required("pair_weight", "double", "1/k, k the comparison events of this treated event"),
     _required("distance", "double", "of the two scores, in their unit; or Mahalanobis distance"),
     _required("treated_score", "double", "logit or probability of having been treated (or the supplied distance)"),
     _required("comparison_score", "double", "likewise")),
    partition_by=("run_id",),
)  # fmt: skip

BALANCE = Table(
    "balance", "analytic", "results", "one row per (request, covariate, before/after matching)",
    ("run_id", "request_id", "covariate", "when"),
    (_RUN, _REQUEST, _required("covariate", "string", "column of the covariate matrix"),
     _required("when", "string", "before or after", _one_of("`when`", ("before", "after"))),
     Column("mean_treated", "double", "in the covariate's unit"),
     Column("mean_comparison", "double", "likewise, weighted"),
     Column("smd", "double", "difference of means over the treated's standard deviation before matching"),
     Column("variance_ratio", "double", "variance of treated over comparison; NULL for a yes/no covariate"),
     Column("ecdf_mean", "double", "mean distance of the two distribution functions"),
     Column("ecdf_max", "double", "largest distance of the two distribution functions")),
    partition_by=("run_id",),
)  # fmt: skip

ESTIMATES = Table(
    "estimates", "analytic", "results", "one row per (request, outcome)", ("run_id", "request_id", "outcome"),
    (_RUN, _REQUEST, _required("outcome", "string", "reoffended, reoffences, days_to_first ..."),
     _required("kind", "string", "binary, count, continuous, time or conditional"),
     _required("n_treated", "int", "treated events in the estimate"),
     _required("n_comparison", "int", "distinct comparison events in the estimate"),
     Column("mean_treated", "double", "unrounded"), Column("mean_comparison", "double", "weighted, unrounded"),
     Column("att", "double", "mean_treated - mean_comparison"),
     Column("ci_low", "double", "95% interval by the multiplier bootstrap"), Column("ci_high", "double", "likewise"),
     Column("p_value", "double", "from the same replicates as the interval"),
     Column("se_multiplier", "double", "sqrt(sum of squared influence terms)/n"),
     Column("se_abadie_imbens", "double", "Abadie & Imbens (2006), a check on the multiplier's"),
     Column("se_matched_set", "double", "clustered on the matched set; NULL where somebody stands in two places"),
     Column("se_person", "double", "clustered on the person"),
     Column("se_two_way", "double", "matched set + person - row (Austin & Cafri 2020)"),
     _required("replicates", "int", "bootstrap replicates"),
     _required("reason", "string", "ok, or why there is no estimate")),
    partition_by=("run_id",),
)  # fmt: skip

PUBLICATIONS = Table(
    "publications", "analytic", "results", "one row per document written", ("run_id", "request_id"),
    (_RUN, _REQUEST, _required("path", "string", "where result.json lies, below the documents folder"),
     _required("sha256", "string", "digest of result.json"),
     _required("document", "string", "result.json itself: rewritten from here if the file is lost")),
    partition_by=("run_id",),
)  # fmt: skip

TABLES: dict[str, Table] = {value.name: value for value in list(globals().values()) if isinstance(value, Table)}
NATIONAL_TABLES: tuple[str, ...] = tuple(
    t.name for t in TABLES.values() if t.zone == "national" and t.name != RELEASES.name
)
RESULT_TABLES: tuple[str, ...] = tuple(t.name for t in TABLES.values() if t.zone == "results")
