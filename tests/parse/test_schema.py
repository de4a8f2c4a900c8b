from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from swarmnet.operations import BY_NAME
from swarmnet.parse.inventory import InventoryFile
from swarmnet.parse.schema import document_schema, playbook_schema
from swarmnet.parse.yaml import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject

ROOT = Path(__file__).parents[2]
SCHEMAS = {"playbook": playbook_schema(), "inventory": document_schema(InventoryFile, "swarmnet inventory")}


def complaints(data: object, schema: JsonObject) -> list[str]:
    """Return what an editor would underline."""
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def test_every_operation_has_its_own_name_and_a_summary() -> None:
    assert [*BY_NAME] == [operation.name_in_playbook for operation in BY_NAME.values()]
    assert all(operation.summary.endswith(".") for operation in BY_NAME.values())


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.name)
def test_shipped_playbooks_meet_the_schema(path: Path) -> None:
    assert complaints(load(path.read_bytes(), path.name).data, SCHEMAS["playbook"]) == []


@pytest.mark.parametrize("path", sorted((ROOT / "inventories").glob("*.yml")), ids=lambda path: path.name)
def test_shipped_inventories_meet_the_schema(path: Path) -> None:
    assert complaints(load(path.read_bytes(), path.name).data, document_schema(InventoryFile, "inventory")) == []


@pytest.mark.parametrize(
    "step",
    [{"netwrk": {}}, {"network": {"name": "a", "atachable": True}}, {"network": {"name": "a", "mtu": "fast"}}, {}],
)
def test_the_schema_finds_what_the_reader_would(step: dict[str, object]) -> None:
    assert complaints({"schema": 1, "name": "t", "steps": [step]}, SCHEMAS["playbook"]) != []


def undescribed(schema: object, path: str = "") -> Iterator[str]:
    """Yield the properties of a schema that an editor would show without a word."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        for name, one in properties.items() if isinstance(properties, dict) else ():
            branches = [one, *one.get("anyOf", [])] if isinstance(one, dict) else []
            if not any("description" in branch for branch in branches):
                yield f"{path}.{name}"
        for key, inner in schema.items():
            yield from undescribed(inner, f"{path}/{key}")
    elif isinstance(schema, list):
        for inner in schema:
            yield from undescribed(inner, path)


@pytest.mark.parametrize("name", SCHEMAS)
def test_e8_every_property_that_people_write_is_described(name: str) -> None:
    assert list(undescribed(SCHEMAS[name])) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_e8_a_schema_has_an_id_of_its_own(name: str) -> None:
    assert SCHEMAS[name]["$id"] == f"urn:swarmnet:schema:{name}:1"


def test_e8_a_misspelt_key_of_a_step_is_named() -> None:
    step = {"network": {"name": "a", "atachable": True}}

    (said,) = complaints({"schema": 1, "name": "t", "steps": [step]}, SCHEMAS["playbook"])

    assert "'atachable' was unexpected" in said
