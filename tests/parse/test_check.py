from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from pydantic import Field

from swarmnet.errors import DocumentError
from swarmnet.model.base import Count, Document, Flag
from swarmnet.parse.check import Checker
from swarmnet.parse.yaml import PROBLEM_LIMIT, load


class Leaf(Document):
    number: Count = 0
    switch: Flag = False
    kind: Literal["round", "square"] = "round"
    either: int | list[str] = 0


class Bark(Document):
    colour: str = "brown"


class Moss(Document):
    colour: str = "green"


class Tree(Document):
    name: str
    bark: Bark | None = None
    moss: Moss = Moss()
    leaves: dict[str, Leaf] = Field(default_factory=dict)
    items: tuple[Leaf | None, ...] = ()


def messages(text: str) -> list[str]:
    checker = Checker(load(text.encode(), "f"))
    checker.check(Tree, ())
    with pytest.raises(DocumentError) as caught:
        checker.finish()
    return [str(replace(problem, column=None)) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\nleafs: {}\n", "f:2: unknown key 'leafs' (did you mean 'leaves'?)"),
        ("name: a\nleaves:\n  x: {nummer: 1}\n", "f:3: unknown key 'nummer' (did you mean 'number'?)"),
        ("name: a\nitems:\n  - qqq: 1\n", "f:3: unknown key 'qqq' (known: either, kind, number, switch)"),
        ("name: a\ncolour: red\n", "f:2: unknown key 'colour' (write it under 'bark' or 'moss')"),
        ("leaves: {}\n", "f:1: key 'name' is missing"),
        ("name: 7\n", "f:1: 'name' must be text (write \"7\" in quotes)"),
        ("name: true\n", "f:1: 'name' must be text (write \"true\" in quotes)"),
        ("name: a\nleaves: {x: {number: 1.5}}\n", "f:2: 'leaves.x.number' must be a whole number"),
        ("name: a\nleaves: {x: {number: -1}}\n", "f:2: 'leaves.x.number' must be at least 0"),
        ("name: a\nleaves:\n  x:\n    switch: yes\n", "f:4: 'leaves.x.switch' must be true or false"),
        ("name: a\nleaves: {x: {kind: oval}}\n", "f:2: 'leaves.x.kind' must be 'round' or 'square'"),
        ("name: a\nleaves: {x: {either: no}}\n", "f:2: 'leaves.x.either' must be a whole number or must be a list"),
        ("name: a\nleaves: 3\n", "f:2: 'leaves' must be a mapping of keys to values"),
        ("name: a\nitems: 3\n", "f:2: 'items' must be a list"),
    ],
)
def test_a_problem_is_reported_in_words_with_line_and_hint(text: str, words: str) -> None:
    assert messages(text) == [words]


def test_all_problems_come_at_once_in_the_order_of_lines() -> None:
    lines = messages("xyz: a\nleaves:\n  x: {number: a}\n  y: {switch: 1}\n")
    assert [line.split(": ")[0] for line in lines] == ["f:1", "f:1", "f:3", "f:4"]


@pytest.mark.parametrize("text", ["name: a\n", "schema: 2\n", "schema: true\n"])
def test_only_the_known_schema_is_read(text: str) -> None:
    checker = Checker(load(text.encode(), "f"))
    checker.schema(1)
    assert "schema" in checker.problems[0].text
    assert "schema: 1" in str(checker.problems[0].hint)


def test_e7_a_misspelt_key_is_one_problem_and_not_a_missing_one_too() -> None:
    assert messages("nam: a\n") == ["f:1: unknown key 'nam' (did you mean 'name'?)"]


def test_e7_the_known_keys_of_a_mapping_are_listed_once() -> None:
    lines = messages("name: a\nqqq: 1\nzzz: 2\nxxx: 3\n")

    assert ["known:" in line for line in lines] == [True, False, False]


def test_e7_items_are_counted_from_one_and_every_problem_has_line_and_column() -> None:
    checker = Checker(load(b"name: a\nitems:\n  - number: 1\n  - {kind: round, number: x}\n", "f"))
    checker.check(Tree, ())

    assert [str(problem) for problem in checker.problems] == ["f:4:19: 'items.2.number' must be a whole number"]


def test_m15_a_hundred_problems_are_enough() -> None:
    assert len(messages("name: a\n" + "".join(f"q{number}: 1\n" for number in range(5000)))) == PROBLEM_LIMIT
