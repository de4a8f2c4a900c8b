"""What the official JSON Schema of the Compose Specification refuses, swarmnet refuses; and nothing crashes it."""

from __future__ import annotations

import copy
from typing import Any

import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from swarmnet.errors import DocumentError
from swarmnet.parse.compose.keys import section_of
from tests.support.stacks import ENVIRONMENT, NAMES, STACKS, converted

CHECK = Draft202012Validator(get_builtin_schema("vendor.compose-spec"))
DOCUMENTS = {name: yaml.safe_load((STACKS / f"{name}.yml").read_text(encoding="utf-8")) for name in NAMES}
FILES = {"files/recipes.env": "A=1"}
OTHERS: list[Any] = [None, 7, -1, 0.5, "", "x y", "80:80", [], ["a"], [1], [[]], {}, {"a": "b"}, {"a": {"b": []}}]

Path = tuple[Any, ...]


def paths(data: object, path: Path = ()) -> list[Path]:
    found = [path] if path else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found += paths(value, (*path, key))
    return found


def replaced(data: Any, path: Path, value: object) -> Any:  # noqa: ANN401 - any YAML
    whole = copy.deepcopy(data)
    here = whole
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return whole


def is_ignored(path: Path) -> bool:
    """Return whether a path is in something that is not read."""
    for length in range(len(path)):
        section = section_of(tuple(str(step) for step in path[:length]))
        key = str(path[length])
        if key.startswith("x-") or (section is not None and key in section.ignored):
            return True
    return False


def refused(document: object) -> bool:
    try:
        converted(yaml.safe_dump(document, sort_keys=False), files=FILES, environment=ENVIRONMENT)
    except DocumentError:
        return True
    return False


def is_loose(before: object, after: object) -> bool:
    """Return whether a value is only looser than the schema: nothing, or a number where the schema wants a text."""
    scalars = not isinstance(before, dict | list) and not isinstance(after, dict | list)
    return after in (None, [1]) or (scalars and not isinstance(after, bool))


def at(data: Any, path: Path) -> object:  # noqa: ANN401 - any YAML
    for step in path:
        data = data[step]
    return data


CHANGES = [
    (name, path)
    for name in NAMES
    for path in paths(DOCUMENTS[name])
    if not is_ignored(path) and "depends_on" not in path  # what it waits for is ignored
]


@settings(deadline=None)
@given(st.sampled_from(CHANGES), st.sampled_from(OTHERS))
def test_what_the_official_schema_refuses_is_refused(place: tuple[str, Path], value: object) -> None:
    name, path = place
    document = replaced(DOCUMENTS[name], path, value)

    loose = is_loose(at(DOCUMENTS[name], path), value)

    assert refused(document) or loose or CHECK.is_valid(document)
