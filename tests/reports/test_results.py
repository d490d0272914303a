from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from reports import samples

from jdl_spark.errors import InputError
from jdl_spark.results import Figure, ResultDocument, json_schema

SCHEMA = Path(__file__).parents[2] / "docs" / "result.schema.json"


def test_schema_file_is_the_schema_of_the_classes() -> None:
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("JDL_REWRITE_GOLDEN"):
        SCHEMA.write_text(text, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == text


def conforms(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Check a value against the few JSON Schema words that the schema uses."""
    if "$ref" in schema:
        return conforms(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if "anyOf" in schema:
        return any(conforms(value, option, root) for option in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if kind == "object":
        return (
            isinstance(value, dict)
            and set(value) == set(schema["required"]) == set(schema["properties"])
            and all(conforms(value[name], part, root) for name, part in schema["properties"].items())
        )
    if kind == "array":
        return isinstance(value, list) and all(conforms(item, schema["items"], root) for item in value)
    if kind == "null":
        return value is None
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, {"string": str, "integer": int, "number": (int, float), "boolean": bool}[kind])


@pytest.mark.parametrize("kind", samples.all_kinds())
def test_documents_keep_to_the_schema_and_survive_the_round_trip(kind: str) -> None:
    document = samples.all_kinds()[kind]
    text = document.to_json()
    schema = json_schema()
    assert conforms(json.loads(text), schema, schema)
    again = ResultDocument.from_json(text)
    assert again == document
    assert again.to_json() == text


def test_keys_are_in_the_order_of_the_fields() -> None:
    keys = list(json.loads(samples.published().to_json()))
    assert keys == list(ResultDocument.__dataclass_fields__)


def test_nothing_about_a_contact_person_travels() -> None:
    assert "data@example.org" not in samples.published().to_json()


def damaged(**changes: Any) -> str:
    return json.dumps({**json.loads(samples.published().to_json()), **changes})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "schema version"),
        (damaged(schema_version="0.9"), "schema version 1.1"),
        (damaged(person="x"), "result.person is unknown"),
        (damaged(status="great"), "result.status must be one of"),
        (damaged(measures={}), "result.measures must be a list"),
        (damaged(title=7), "result.title must be a str"),
        (damaged(request="x"), "result.request must be an object"),
    ],
)
def test_what_is_no_document_is_refused_by_field(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ResultDocument.from_json(text)


@pytest.mark.parametrize("text", ["-0", "-0.00", "-0.0"])
def test_a_figure_cannot_read_minus_zero(text: str) -> None:
    with pytest.raises(ValueError, match="minus zero"):
        Figure(0.0, text)
