"""What changes the hash of a result table, and what does not."""

from __future__ import annotations

import itertools
import json
import math
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark import schemas
from jdl_spark.result_hash import ABOUT_THE_RUN, ALSO_LEFT_OUT, RunHash, TableHash, hash_table

SCHEMA = pa.schema(
    [("run_id", pa.string()), ("request_id", pa.string()), ("treated_event_id", pa.int64()),
     ("comparison_event_id", pa.int64()), ("comparison_offender_id", pa.int64()), ("rank", pa.int32()),
     ("pair_weight", pa.float64()), ("distance", pa.float64()), ("treated_score", pa.float64()),
     ("comparison_score", pa.float64())]
)  # fmt: skip
PAIRS: list[dict[str, Any]] = [
    {"run_id": "r1", "request_id": request, "treated_event_id": treated, "comparison_event_id": other,
     "comparison_offender_id": other // 2, "rank": 1, "pair_weight": 0.5, "distance": 0.125, "treated_score": -1.25,
     "comparison_score": 0.1 * other}
    for request, treated, other in (("A-1", 1, 7), ("A-1", 1, 9), ("A-1", 2, 7), ("B-1", 1, 7))
]  # fmt: skip


def digest(rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> str:
    """Return the hash of literal pairs."""
    return hash_table(schemas.MATCHED_PAIRS, pa.Table.from_pylist(rows, schema)).sha256


def changed(row: int, **values: Any) -> str:
    """Return the hash of the pairs with some values changed."""
    return digest([{**pair, **(values if at == row else {})} for at, pair in enumerate(PAIRS)])


def members(*rows: tuple[Any, ...]) -> str:
    """Return the hash of literal rows of `members`: person, offender, event, stratum, days and reason."""
    schema = pa.schema(
        [("request_id", pa.string()), ("person_ref", pa.string()), ("offender_id", pa.int64()),
         ("index_event_id", pa.int64()), ("stratum", pa.int64()), ("landmark_days", pa.int32()),
         ("reason", pa.string())]
    )  # fmt: skip
    content = [dict(zip(schema.names, ("A-1", *row), strict=True)) for row in rows]
    return hash_table(schemas.MEMBERS, pa.Table.from_pylist(content, schema)).sha256


def model(**values: Any) -> str:
    """Return the hash of one propensity model with some values of its own."""
    row = {
        "run_id": "r1", "request_id": "A-1", "status": "converged", "reason": "ok", "iterations": 5, "n_treated": 60,
        "n_pool": 600, "columns": ["(intercept)", "age"], "coefficients": [-1.5, 0.25], "dropped": [],
        "logit_sd_pooled": 0.5, "logit_sd_all": 0.5, "log_likelihood": -123.5, "gradient_norm": 1e-9,
    }  # fmt: skip
    kinds = {"string": pa.string(), "int": pa.int32(), "double": pa.float64()}
    kinds |= {f"array<{name}>": pa.list_(kind) for name, kind in kinds.items()}
    table = schemas.PROPENSITY_MODELS
    schema = pa.schema([(column.name, kinds[column.type]) for column in table.columns])
    return hash_table(table, pa.Table.from_pylist([{**row, **values}], schema)).sha256


def publication(run: str, produced: str, sentence: str = "a decrease", release: str = "2011", indent: int = 2) -> str:
    """Return the hash of one published document."""
    provenance = {
        "run_id": run, "release_id": release, "code_version": f"0.1+{run}", "produced_at": produced,
        "linkage_models": [{"name": "cohort", "identifier": run}], "published_on": None, "synthetic": True,
    }  # fmt: skip
    text = json.dumps({"headline": sentence, "provenance": provenance}, indent=indent)
    row = {"run_id": run, "request_id": "A-1", "path": f"A-1/{run}/result.json", "sha256": run, "document": text}
    return hash_table(schemas.PUBLICATIONS, pa.Table.from_pylist([row])).sha256


def test_the_order_of_rows_does_not_matter() -> None:
    assert digest(PAIRS[::-1]) == digest(PAIRS)


@given(st.permutations(range(len(PAIRS))), st.lists(st.integers(0, len(PAIRS)), max_size=3))
def test_neither_order_nor_cuts_matter(order: list[int], cuts: list[int]) -> None:
    whole = pa.Table.from_pylist([PAIRS[at] for at in order], SCHEMA)
    edges = [0, *sorted(cuts), len(PAIRS)]
    parts = [whole.slice(start, end - start) for start, end in itertools.pairwise(edges)]
    assert hash_table(schemas.MATCHED_PAIRS, pa.concat_tables(parts)).sha256 == digest(PAIRS)


def test_the_order_of_columns_and_how_wide_they_are_stored_do_not_matter() -> None:
    reordered = pa.schema(list(SCHEMA)[::-1])
    assert digest(PAIRS, reordered) == digest(PAIRS)
    large = pa.schema(
        [field.with_type(pa.large_string() if field.type == pa.string() else field.type) for field in SCHEMA]
    )
    assert digest(PAIRS, large) == digest(PAIRS)


def test_the_run_does_not_matter() -> None:
    assert digest([{**pair, "run_id": "r2"} for pair in PAIRS]) == digest(PAIRS)


@pytest.mark.parametrize("row", range(len(PAIRS)))
def test_one_bit_of_one_float_matters(row: int) -> None:
    near = math.nextafter(PAIRS[row]["comparison_score"], math.inf)
    assert changed(row, comparison_score=near) != digest(PAIRS)


def test_a_moved_value_matters() -> None:
    assert changed(0, treated_score=0.125, distance=-1.25) != digest(PAIRS)  # between columns
    assert changed(0, rank=2) != changed(1, rank=2)  # between rows
    assert members(("1", 5, None, None, None, "x")) != members(("1", None, 5, None, None, "x"))
    assert model(columns=["(intercept)age", ""]) != model()  # between texts of one list
    assert model(columns=["(intercept)"], dropped=["age"]) != model(columns=["(intercept)", "age"])  # between lists


def test_null_differs_from_every_value() -> None:
    found = {members(("1", None, None, None, days, reason)) for days in (None, 0) for reason in (None, "", "NULL")}
    assert len(found) == 6
    assert len({model(logit_sd_all=value) for value in (None, 0.0, math.nan)}) == 3
    assert model(coefficients=[None, 0.25]) != model(coefficients=[0.0, 0.25])


def test_every_nan_is_the_same_and_signs_count() -> None:
    other = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0001))[0]
    assert math.isnan(other)
    ours, theirs = (pa.array(np.array([value])) for value in (math.nan, other))
    assert ours.buffers()[1].to_pybytes()[:8] != theirs.buffers()[1].to_pybytes()[:8]
    assert model(gradient_norm=other) == model(gradient_norm=math.nan)
    assert model(gradient_norm=-0.0) != model(gradient_norm=0.0)


def test_a_missing_row_matters_and_empty_tables_differ() -> None:
    assert digest(PAIRS[:-1]) != digest(PAIRS)
    assert digest([]) not in (digest(PAIRS), members())


def test_a_key_that_stands_twice_is_no_result() -> None:
    with pytest.raises(ValueError, match="matched_pairs holds a key twice"):
        digest([*PAIRS, PAIRS[0]])


def test_of_a_document_counts_what_it_says_and_not_who_wrote_it_when() -> None:
    assert publication("r1", "2026-01-01") == publication("r2", "2026-02-02", indent=0)
    assert publication("r1", "2026-01-01", sentence="an increase") != publication("r1", "2026-01-01")
    assert publication("r1", "2026-01-01", release="2012") != publication("r1", "2026-01-01")


def test_no_time_is_hashed() -> None:
    for name in schemas.RESULT_TABLES:
        times = {column.name for column in schemas.TABLES[name].columns if column.type == "timestamp"}
        assert times <= ABOUT_THE_RUN | ALSO_LEFT_OUT.get(name, frozenset()), name
    late = pa.schema([field if field.name != "rank" else pa.field("rank", pa.timestamp("us")) for field in SCHEMA])
    with pytest.raises(TypeError, match="timestamp"):
        digest([], late)


def test_what_is_left_out_is_there() -> None:
    for name, columns in ALSO_LEFT_OUT.items():
        assert columns <= set(schemas.TABLES[name].column_names)


def test_the_hash_of_a_run_names_its_tables() -> None:
    one, other = TableHash(2, "a" * 64), TableHash(3, "b" * 64)
    run = RunHash("r1", "2011", {"links": one, "members": other})
    assert run.sha256 != RunHash("r1", "2011", {"links": other, "members": one}).sha256
    assert run.lines() == [f"{run.sha256}  run r1 on release 2011"]
    assert RunHash("r1", "2011", run.tables, by_table=True).lines()[0] == f"{'a' * 64}  2 rows  links"
    assert run.as_json()["tables"]["members"] == {"rows": 3, "sha256": "b" * 64}


def test_the_way_of_hashing_has_not_changed() -> None:
    assert digest(PAIRS) == "7e459cfc8dd4169b9b0aa3ed56dca6193ec74653cd68db1dfc5a45d1419d309b"
