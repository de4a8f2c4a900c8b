"""JSON Schemas of the documents that people write, made from the models that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic.json_schema import GenerateJsonSchema

from swarmnet.model.reference import field_texts
from swarmnet.operations import BY_NAME
from swarmnet.operations.absent import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import ModelSchema

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.operations.kind import Operation

__all__ = ["DIALECT", "REFERENCE", "document_schema", "field_texts", "playbook_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE: JsonObject = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
"""Instead of a value of another type, a playbook may have ``${name}``."""


def playbook_schema() -> JsonObject:
    """Return the JSON Schema of playbooks: one alternative a step for each operation."""
    operations = tuple(BY_NAME.values())
    definitions: JsonObject = {}
    for operation in operations:
        schema = operation.model_json_schema(
            ref_template=f"#/$defs/{operation.name_in_playbook}.{{model}}", schema_generator=_Described
        )
        inner = schema.pop("$defs", {})
        definitions |= {f"{operation.name_in_playbook}.{name}": _open(one) for name, one in inner.items()}
        definitions[operation.name_in_playbook] = {**_open(schema), "description": operation.summary}
        if absent := ABSENT.get(operation.name_in_playbook):
            removing = _open(absent.model_json_schema(schema_generator=_Described))
            definitions[f"{operation.name_in_playbook}.absent"] = {**removing, "description": absent.summary}
    return {
        "$schema": DIALECT,
        "$id": _id("playbook"),
        "title": "swarmnet playbook",
        "type": "object",
        "additionalProperties": False,
        "required": ["schema", "name", "steps"],
        "properties": {
            "schema": {"const": 1, "description": "Version of this form of document."},
            "name": {"type": "string", "minLength": 1, "description": "For people and for the lock."},
            "vars": {"type": "object", "description": "Values for ${name}; --var NAME=VALUE lays others over them."},
            "steps": {"type": "array", "minItems": 1, "items": _step(operations), "description": "In their order."},
        },
        "$defs": definitions,
    }


def document_schema(model: type[BaseModel], title: str) -> JsonObject:
    """Return the JSON Schema of a document that is one model."""
    schema: JsonObject = model.model_json_schema(schema_generator=_Described)
    return {"$schema": DIALECT, "$id": _id(title), **schema, "title": title}


def _id(title: str) -> str:
    return f"urn:swarmnet:schema:{title.removeprefix('swarmnet ').replace(' ', '-').replace(',', '')}:1"


class _Described(GenerateJsonSchema):
    """Describes each property by the docstring below its field, where editors show it."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        texts = field_texts(schema["cls"])
        for name, field in schema["cls"].model_fields.items():
            described = made.get("properties", {}).get(field.alias or name)
            if isinstance(described, dict) and name in texts:
                described.setdefault("description", texts[name])
        return made


def _step(operations: Sequence[type[Operation]]) -> JsonObject:
    """Return the schema of a step: one operation, so that an editor can say which key of it is wrong."""
    selectors: JsonObject = {"type": "string", "description": "Host, group, manager, worker or all; !NAME takes out."}
    names: list[JsonValue] = [operation.name_in_playbook for operation in operations]
    bodies: JsonObject = {one.name_in_playbook: _body(one) for one in operations}
    frame: JsonObject = {
        "on": {
            "anyOf": [selectors, {"type": "array", "items": selectors}],
            # A schema for YAML 1.1 cannot help it: such a reader takes the bare word for true.
            "description": "Hosts that the step concerns; left out: all. Readers of YAML 1.1 want it quoted.",
        },
        "for": {"anyOf": [{"type": "array"}, REFERENCE], "description": "Once for each item, which is ${item}."},
        "name": {"type": "string", "description": "For people."},
        "together": {
            "type": "string",
            "description": "A word: neighbouring service steps with the same one run side by side.",
        },
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": bodies | frame,
        "oneOf": [{"required": [name]} for name in names],
    }


def _body(operation: type[Operation]) -> JsonObject:
    """Return the schema of what follows an operation's name; of some, also the form that removes."""
    name = operation.name_in_playbook
    reference: JsonObject = {"$ref": f"#/$defs/{name}", "description": operation.summary}
    if name not in ABSENT:
        return reference
    return {
        "if": {
            "required": ["absent"],
            "properties": {"absent": {"const": True, "description": "True removes the object."}},
        },
        "then": {"$ref": f"#/$defs/{name}.absent"},
        "else": reference,
        "description": operation.summary,
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
