"""Every key of the Compose Specification is honoured, ignored or refused: by its official JSON Schema."""

from collections.abc import Iterator
from typing import Any

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema

from swarmnet.parse.compose.keys import SECTIONS, Section
from swarmnet.parse.compose.tables import IGNORED, REFUSED

SCHEMA: dict[str, Any] = get_builtin_schema("vendor.compose-spec")
BEYOND = {"secrets.*": {"content"}, "services.*": {"cgroupns_mode"}, "volumes.*": {"x-cluster-spec"}}
"""Keys of the classic forms, and those that only another kind has."""


def branches(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and all that it refers to or chooses from."""
    if "$ref" in node:
        found: Any = SCHEMA
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        yield from branches(found)
    yield node
    for word in ("oneOf", "anyOf", "allOf"):
        for one in node.get(word, ()):
            yield from branches(one)


def keys(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the section and the name of each key below a schema, save those below keys that are not honoured."""
    for branch in branches(node):
        for name, inner in branch.get("properties", {}).items():
            yield path, name
            if name not in IGNORED.get(path, {}) and name not in REFUSED.get(path, {}):
                yield from keys(inner, f"{path}.{name}".lstrip("."))
        for pattern, inner in branch.get("patternProperties", {}).items():
            if pattern != "^x-":
                yield from keys(inner, f"{path}.*")
        if isinstance(branch.get("items"), dict):
            yield from keys(branch["items"], f"{path}.*")


ALL = sorted(set(keys(SCHEMA)))


def test_the_walk_finds_the_keys() -> None:
    assert len(ALL) > 200
    assert {("", "services"), ("services.*", "image"), ("services.*.deploy.resources.limits", "pids")} <= {*ALL}


@pytest.mark.parametrize(("path", "name"), ALL, ids=".".join)
def test_a_key_is_in_one_of_the_tables(path: str, name: str) -> None:
    section = next((one for one in SECTIONS if one.path == path), None)

    assert section is not None, f"no section for {path!r}, which has {name!r}"
    assert [name in section.known, name in section.ignored, name in section.refused].count(True) == 1


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.path or "top")
def test_a_table_has_no_key_that_the_specification_does_not_have(section: Section) -> None:
    specified = {name for path, name in ALL if path == section.path} | BEYOND.get(section.path, set())

    assert {*section.known, *section.ignored, *section.refused} <= specified


def test_no_table_is_without_its_section() -> None:
    assert {*IGNORED, *REFUSED} <= {one.path for one in SECTIONS}
