# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The protocol's messages as OpenAPI shows them, derived from the structs that read them."""

from typing import Any

import msgspec

INTERVAL_EXAMPLE: dict[str, Any] = {
    "homeId": "0b8f6a1e-4b1c-4f0e-9d2a-6c1f0a9b7e10",
    "start": "2025-10-15T08:00:00Z",
    "end": "2025-10-15T08:15:00Z",
    "meterWh": 1250.5,
    "exportWh": 1300.25,
    "importWh": 49.75,
    "meterId": "main",
    "seq": 42,
    "profileHash": "0x" + "ab" * 32,
    "sign": "0x" + "cd" * 64,
}
ENVELOPE_EXAMPLE: dict[str, Any] = {
    "homeId": INTERVAL_EXAMPLE["homeId"],
    "keyId": "9c01f2aa",
    "bootId": "2025-10-15T07:59:12Z",
    "seq": 7,
    "prev": "0x" + "12" * 32,
    "intervals": [
        {name: value for name, value in INTERVAL_EXAMPLE.items() if name != "sign"},
        "0x" + "ef" * 32,
    ],
    "sign": "0x" + "cd" * 64,
}
RECEIPT_EXAMPLE: dict[str, Any] = {
    "homeId": INTERVAL_EXAMPLE["homeId"],
    "serverTime": "2025-10-15T08:15:04Z",
    "keyId": "3f1c9a20",
    "receipts": [
        {"hash": "0x" + "ef" * 32, "meterId": "main", "start": "2025-10-15T08:00:00Z", "status": "accepted"},
    ],
    "sign": "0x" + "cd" * 64,
}
_FORMS: dict[str, dict[str, Any]] = {
    "homeId": {"format": "uuid"},
    "start": {"format": "date-time"},
    "end": {"format": "date-time"},
    "serverTime": {"format": "date-time"},
    "profileHash": {"pattern": "^0x[0-9a-fA-F]{64}$"},
    "hash": {"pattern": "^0x[0-9a-f]{64}$"},
    "prev": {"pattern": "^0x[0-9a-fA-F]{64}$"},
    "keyId": {"pattern": "^[0-9a-f]{8}$"},
    "bootId": {"minLength": 1, "maxLength": 64},
    "sign": {"pattern": "^0x[0-9a-fA-F]{128}$"},
    "meterId": {"maxLength": 64},
}


def components(*structs: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """JSON schemas by struct name, each complete in itself. Decimals are numbers of at most six places on this wire."""
    _, found = msgspec.json.schema_components(structs, ref_template="{name}")
    return {name: _whole(schema, found) for name, schema in found.items()}


def _whole(schema: Any, found: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_whole(item, found) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _whole(found[schema["$ref"]], found)
    if schema.get("format") == "decimal":
        return {"type": "number", "multipleOf": 0.000001}
    if {"type": "null"} in schema.get("anyOf", ()):  # optional: it is left out, or null
        (present,) = (item for item in schema["anyOf"] if item != {"type": "null"})
        return _whole(present, found)
    whole = {key: _whole(value, found) for key, value in schema.items()}
    for name, form in _FORMS.items():
        if name in whole.get("properties", {}):
            whole["properties"][name] |= form
    return whole
