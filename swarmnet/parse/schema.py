"""JSON Schemas of the documents that people write, made from the models that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.operations import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.operations.interface import Operation

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE: JsonObject = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
"""Where a value of another type stands, a playbook may have ``${name}``."""


def playbook_schema(operations: Sequence[type[Operation]] = ALL) -> JsonObject:
    """Return the JSON Schema of playbooks: one alternative a step for each operation."""
    definitions: JsonObject = {}
    for operation in operations:
        schema = operation.model_json_schema(ref_template=f"#/$defs/{operation.name_in_playbook}.{{model}}")
        inner = schema.pop("$defs", {})
        definitions |= {f"{operation.name_in_playbook}.{name}": _open(one) for name, one in inner.items()}
        definitions[operation.name_in_playbook] = {**_open(schema), "description": operation.summary}
    return {
        "$schema": DIALECT,
        "title": "swarmnet playbook",
        "type": "object",
        "additionalProperties": False,
        "required": ["schema", "name", "steps"],
        "properties": {
            "schema": {"const": 1},
            "name": {"type": "string", "minLength": 1},
            "vars": {"type": "object", "description": "Values for ${name}; --var NAME=VALUE lays others over them."},
            "steps": {"type": "array", "minItems": 1, "items": {"oneOf": [_step(one) for one in operations]}},
        },
        "$defs": definitions,
    }


def document_schema(model: type[BaseModel], title: str) -> JsonObject:
    """Return the JSON Schema of a document that is one model."""
    schema: JsonObject = model.model_json_schema()
    return {"$schema": DIALECT, **schema, "title": title}


def _step(operation: type[Operation]) -> JsonObject:
    name = operation.name_in_playbook
    selectors: JsonObject = {"type": "string", "description": "Host, group, manager, worker or all; !NAME takes out."}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name],
        "properties": {
            name: {"$ref": f"#/$defs/{name}"},
            "on": {"anyOf": [selectors, {"type": "array", "items": selectors}]},
            "for": {"anyOf": [{"type": "array"}, REFERENCE], "description": "Once for each item, which is ${item}."},
            "name": {"type": "string"},
        },
    }


def _open(schema: JsonObject) -> JsonObject:
    """Return an object's schema in which every property may be a reference instead."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    return {**schema, "properties": {name: _or_reference(one) for name, one in properties.items()}}


def _or_reference(schema: JsonValue) -> JsonValue:
    if isinstance(schema, dict) and schema.get("type") == "string" and "pattern" not in schema:
        return schema
    return {"anyOf": [schema, REFERENCE]}
