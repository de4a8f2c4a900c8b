"""H6: whatever a signed document holds, reading it gives a document or says that its schema is not known here."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.errors import SchemaError
from swarmnet.model.backup import SCHEMA, BackupDocument, canonical, dump, load
from tests.support.backups import a_document

if TYPE_CHECKING:
    from collections.abc import Iterator

NEWER = f"{SCHEMA[0]}.{SCHEMA[1] + 1}"
STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**80,
    1.5,
    "",
    "\x1b[31m",
    "9" * 400,
    [],
    [[]],
    {},
    {"": None},
    [{"name": 7}],
    {"a": {"b": {"c": []}}},
)


def _places(tree: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if at:
        yield at
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from _places(value, (*at, key))


def _whole() -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(dump(a_document()))
    return tree


def _holder(tree: Any, place: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - JSON of any form
    for step in place[:-1]:
        tree = tree[step]
    return tree


def _mutations(schema: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the document with each of its places taken away, or with something strange there or next to it."""
    for index, place in enumerate(_places(_whole())):
        tree, value = _whole(), STRANGE[index % len(STRANGE)]
        holder, change = _holder(tree, place), index + (schema == NEWER)
        if change % 3 == 0:
            del holder[place[-1]]
        elif change % 3 == 1 or not isinstance(holder, dict):
            holder[place[-1]] = value
        else:
            holder["strange"] = value
        if place[0] != "schema":
            tree["schema"] = schema
        yield f"{place} {value!r}", tree


@pytest.mark.parametrize("schema", ["1.0", NEWER])
def test_a_document_changed_at_any_place_is_read_or_is_of_an_unknown_schema(schema: str) -> None:
    refused = 0
    for reported, tree in _mutations(schema):
        try:
            document = load(canonical(tree))
        except SchemaError:
            refused += 1
        else:
            assert load(dump(document)) == document, reported
    assert refused > 100


def test_a_missing_field_is_named() -> None:
    tree = _whole()
    del tree["tool"]
    with pytest.raises(SchemaError, match="tool: Field required"):
        load(canonical(tree))


@pytest.mark.parametrize("number", [b"1e999", b"-1e999"])
def test_numbers_without_end_are_refused(number: bytes) -> None:
    with pytest.raises(SchemaError, match="larger than any number"):
        load(dump(a_document()).replace(b'"version":11', b'"version":' + number))


@pytest.mark.parametrize("depth", [50, 200, 900, 100_000])
def test_depth_has_an_end(depth: int) -> None:
    text = dump(a_document()).replace(b'"extra":{}', b'"extra":{"deep":' + b"[" * depth + b"]" * depth + b"}", 1)
    assert text != dump(a_document())
    with suppress(SchemaError):
        assert isinstance(load(text), BackupDocument)


@pytest.mark.parametrize("half", [b"\\ud800", b"\\uDFFF", b"\\ud800\\ud800"])
def test_half_characters_are_refused(half: bytes) -> None:
    with pytest.raises(SchemaError, match="not strict JSON"):
        load(dump(a_document()).replace(b'"tool":"', b'"tool":"' + half))


def test_an_escaped_pair_is_one_character() -> None:
    text = dump(a_document()).replace(b'"tool":"', b'"tool":"\\ud83d\\ude00')
    assert load(text).tool.startswith("\U0001f600")
