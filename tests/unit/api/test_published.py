# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The door's contracts as files are those of the code."""

import json
from collections import Counter
from typing import Any

import pytest
from graphql import build_schema

from api import publish


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(publish.openapi_text())
    return made


def test_the_published_files_are_fresh() -> None:
    again = "run: python -m api.publish"
    assert (publish.DOCS / "openapi.json").read_text() == publish.openapi_text(), again
    assert (publish.DOCS / "schema.graphql").read_text() == publish.graphql_text(), again


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert max(Counter(operation["operationId"] for operation in operations).values()) == 1
    assert all(operation["description"] for operation in operations)


def test_every_error_is_a_problem_and_the_frameworks_own_form_is_gone(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    for path in document["paths"].values():
        for operation in path.values():
            refused = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
            assert refused == {"$ref": "#/components/schemas/Problem"}


def test_amounts_are_text_in_both_contracts(document: dict[str, Any]) -> None:
    amounts = [
        (name, field, schema)
        for name, shape in document["components"]["schemas"].items()
        for field, schema in shape.get("properties", {}).items()
        if field.endswith(("Uwh", "Units"))
    ]
    assert len(amounts) > 10
    assert [(name, field) for name, field, schema in amounts if schema["type"] != "string"] == []
    plain = "scalar Address" + publish.graphql_text().partition("scalar Address")[2]  # without Federation's directives
    graph = build_schema(plain, assume_valid=True)
    fields = [
        (kind.name, name, str(field.type).rstrip("!"))
        for kind in graph.type_map.values()
        for name, field in getattr(kind, "fields", {}).items()
        if name.endswith(("Uwh", "Units"))
    ]
    assert len(fields) > 5
    assert {shape for _, _, shape in fields} == {"BigInt"}


def test_the_telemetry_body_is_told_field_by_field(document: dict[str, Any]) -> None:
    body = document["paths"]["/api/telemetry/intervals"]["post"]["requestBody"]["content"]["application/json"]
    one, envelope, many = body["schema"]["oneOf"]
    assert (one["required"], many["maxItems"]) == (["homeId", "start", "end", "meterWh", "profileHash", "sign"], 1_000)
    assert envelope["required"] == ["homeId", "keyId", "bootId", "seq", "prev", "intervals", "sign"]
    assert one["properties"]["exportRegisterWh"] == {"type": "number", "multipleOf": 0.000001}
    assert one["additionalProperties"] is False
