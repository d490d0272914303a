"""National tables from a few literal values; whatever a test does not say is ordinary."""

from __future__ import annotations

from datetime import date

from covariate_frames import ddl

from jdl_spark import schemas

ORDINARY = {
    "offender_identities": {"version_no": 1},
    "sentences": {"disposal": "custody", "sentence_date": date(2000, 1, 1), "start_date": date(2000, 1, 1)},
    "offences": {
        "offence_group": "theft", "severity": 2, "outcome_kind": "conviction", "recordable": True, "breach": False,
    },
    "programme_attendance": {"programme": "Thinking Skills"},
    "benefit_spells": {"benefit": "jsa"},
    "offender_benefit_links": {"match_weight": 20.0, "match_probability": 0.99},
    "index_events": {
        "shard": 0, "kind": "custody_release", "sex": "M", "age": 30, "terrorism": False, "available": True,
    },
    "outcomes": {"shard": 0},
    "cohort_members": {"start_is_end": False},
    "links": {"match_weight": 20.0, "match_probability": 0.99, "status": "linked", "route": "fuzzy"},
}  # fmt: skip


def day(text):
    """Return a date from YYYY-MM-DD, and None from None."""
    return None if text is None else date.fromisoformat(text)


def table(spark, schema, rows):
    """Return a DataFrame of a table from dicts; dates may be written YYYY-MM-DD; keys count up from 1."""
    columns = [c for c in schema.columns if c.name not in ("run_id", "release_id")]
    ordinary = {"row_hash": 0, **ORDINARY.get(schema.name, {})}
    counter = next((c.name for c in columns if c.name == schema.key[-1] and c.type == "bigint"), None)
    made = []
    for number, row in enumerate(rows, 1):
        unknown = set(row) - {c.name for c in columns}
        assert not unknown, f"{schema.name} has no column {unknown}"
        full = ordinary | ({counter: number} if counter else {}) | row
        made.append(tuple(day(v) if c.type == "date" and isinstance(v, str) else v for c, v in _values(columns, full)))
    return spark.createDataFrame(made, ddl(schema))


def _values(columns, row):
    return [(c, row.get(c.name)) for c in columns]


def assert_schema(frame, schema):
    """Hold a stage's frame against its table: names, order and types."""
    expected = ",".join(f"{c.name}:{c.type}" for c in schema.columns if c.name not in ("run_id", "release_id"))
    assert frame.schema.simpleString() == f"struct<{expected}>"


def events(spark, rows):
    """Return INDEX_EVENTS; the year is the date's."""
    return table(spark, schemas.INDEX_EVENTS, [{"index_year": int(str(r["index_date"])[:4])} | r for r in rows])
