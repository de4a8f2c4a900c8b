"""The reference of documents: every key with type, default and meaning, from the JSON Schemas that editors use."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from swarmnet.model.engine_json import Part
from swarmnet.model.fields import lines
from tests.docs.markdown import code, sentence, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.fields import EngineField

_SIMPLE = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": ""}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a document."""

    path: str
    """Dotted; ``[]`` marks the items of a list, ``NAME`` keys that the author chooses."""
    type: str
    default: str
    required: bool
    text: str


@dataclass(slots=True)
class Reader:
    """Lists the keys of a schema, those of nested objects included."""

    definitions: JsonObject
    listed: dict[str, str] = field(default_factory=dict)
    """Model to the path under which its keys are listed: once, wherever else it is used."""

    def keys(self, schema: JsonObject, prefix: str = "") -> Iterator[Key]:
        """Yield the keys of an object's schema in their order, each followed by those inside it."""
        required = schema.get("required", [])
        for name, found in mapping(schema.get("properties")).items():
            branches = list(self._branches(mapping(found)))
            path = f"{prefix}{name}"
            texts = (sentence(str(one["description"])) for one in branches if "description" in one)
            yield Key(
                path=path,
                type=self._type(branches),
                default=_default(branches),
                required=isinstance(required, list) and name in required,
                text=" ".join(filter(None, (next(texts, ""), self._as_before(branches)))),
            )
            yield from self._inside(branches, path)

    def _inside(self, branches: list[JsonObject], path: str) -> Iterator[Key]:
        for one in branches:
            if one.get("type") == "array":
                yield from self._inside(list(self._branches(mapping(one.get("items")))), f"{path}[]")
            elif "properties" in one:
                if self.listed.setdefault(str(one.get("title")), path) == path:
                    yield from self.keys(one, f"{path}.")
            else:
                for below in _below(one):
                    yield from self._inside(list(self._branches(below)), f"{path}.NAME")

    def _as_before(self, branches: list[JsonObject]) -> str:
        models = (str(one.get("title")) for one in branches if "properties" in one)
        before = next((self.listed[title] for title in models if title in self.listed), None)
        return f"Keys as under {code(before)}." if before else ""

    def _branches(self, schema: JsonObject) -> Iterator[JsonObject]:
        """Yield what a value may be, references resolved; the description of the outermost comes first."""
        outer: JsonObject = {key: schema[key] for key in ("description", "default") if key in schema}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = mapping(self.definitions[reference.removeprefix("#/$defs/")])
            yield {**target, **outer}
        elif "anyOf" in schema or "oneOf" in schema:
            for branch in _items(schema.get("anyOf") or schema.get("oneOf")):
                if not _is_reference_text(branch):
                    for one in self._branches(branch):
                        yield {**one, **outer}
        else:
            yield schema

    def _type(self, branches: list[JsonObject]) -> str:
        return " or ".join(dict.fromkeys(word for one in branches if (word := self._word(one))))

    def _word(self, schema: JsonObject) -> str:
        if "const" in schema:
            return code(json.dumps(schema["const"]))
        choices = schema.get("enum")
        if isinstance(choices, list):
            return ", ".join(code(str(one)) for one in choices)
        kind = schema.get("type")
        if isinstance(kind, list):
            return " or ".join(_SIMPLE[str(one)] for one in kind)
        if kind == "array":
            inner = self._type(list(self._branches(mapping(schema.get("items")))))
            return f"list of {inner}" if inner else "list"
        if kind == "object" or "properties" in schema:
            return "mapping"
        return f"{_SIMPLE[str(kind)]}{_limits(schema)}" if kind else "any JSON"


def keys_table(keys: list[Key], spec: type[BaseModel] | None = None) -> str:
    """Return the table of keys; with a spec, also what each is in the engine."""
    facts = {} if spec is None else _lines(spec)
    return table(
        ("key", "type", "default", "meaning", "engine's default", "change", "engine API", "in the engine's JSON"),
        [
            (
                code(one.path),
                one.type,
                "required" if one.required else one.default,
                one.text,
                *_facts(facts.get(one.path)),
            )
            for one in keys
        ],
    )


def _lines(spec: type[BaseModel]) -> dict[str, EngineField]:
    """Return the line of each field by its path, those inside a part with the effect and the key of the part."""
    found = {}
    for name, line in lines(spec).items():
        found[name] = line
        if isinstance(line.codec, Part):
            for inner, one in _lines(line.codec.model).items():
                found[f"{name}.{inner}"] = replace(one, effect=line.effect, path=f"{line.path}/{one.path}")
    return found


def _facts(line: EngineField | None) -> tuple[str, ...]:
    if line is None:
        return "", "", "", ""
    return (
        "" if line.default in (None, "") else code(json.dumps(line.default).strip('"')),
        "" if line.identity else title(line.effect.name).lower(),
        f"from {line.since}" if line.since else "",
        code(line.path.removeprefix("../").replace("/", ".")),
    )


def keys_of(schema: JsonObject) -> list[Key]:
    """Return the keys of a whole document's schema."""
    return list(Reader(mapping(schema.get("$defs"))).keys(schema))


def _limits(schema: JsonObject) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    above = "more than " if "exclusiveMinimum" in schema else "from "
    return f", {above}{low}" * (low is not None) + f" to {high}" * (high is not None)


def _default(branches: list[JsonObject]) -> str:
    found = next((one["default"] for one in branches if "default" in one), None)
    return "" if found in (None, [], {}, "") or isinstance(found, dict) else code(json.dumps(found).strip('"'))


def _is_reference_text(schema: JsonObject) -> bool:
    """Return whether a branch is the ``${name}`` that a playbook may have in place of any value."""
    return schema.get("pattern") == r"\$\{[^{}]+\}"


def _below(schema: JsonObject) -> Iterator[JsonObject]:
    """Yield what the values of a mapping with free keys are."""
    for one in (*mapping(schema.get("patternProperties")).values(), schema.get("additionalProperties")):
        if isinstance(one, dict):
            yield one


def mapping(value: JsonValue) -> JsonObject:
    """Return a mapping, empty where the value is none."""
    return value if isinstance(value, dict) else {}


def _items(value: JsonValue) -> list[JsonObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def title(name: str) -> str:
    """Return the words of an identifier."""
    return re.sub(r"[_-]+", " ", name)
