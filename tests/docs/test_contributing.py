"""CONTRIBUTING.md shows the code as it is, and the glossary that the lint keeps."""

from __future__ import annotations

import re

import pytest

from tests.docs.console import blocks
from tests.docs.english import ROOT, RULES

PAGE = ROOT / "CONTRIBUTING.md"
DIFFS = [
    (path, text)
    for block in blocks(PAGE, "diff")
    for path, text in re.findall(r"^\+\+\+ (\S+)\n((?:(?!\+\+\+ ).*\n)*)", block, re.MULTILINE)
]


@pytest.mark.parametrize(("path", "text"), DIFFS, ids=[path for path, _ in DIFFS])
def test_a_diff_holds_lines_that_are_in_the_code_in_this_order(path: str, text: str) -> None:
    code = (ROOT / path).read_text().splitlines()
    at = 0
    for line in text.splitlines():
        assert line[:1] in ("+", " "), line
        assert line[1:] in code[at:], f"{path} has no line {line[1:]!r} there"
        at = code.index(line[1:], at) + 1


def test_the_folders_of_swarmnet_are_the_ones_that_it_names() -> None:
    places = PAGE.read_text().partition("\n## Where things are\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `([a-z]+)` \|", places, re.MULTILINE))

    assert named == {path.name for path in (ROOT / "swarmnet").iterdir() if (path / "__init__.py").exists()}


def test_the_glossary_names_a_word_of_each_rule() -> None:
    words = re.findall(r"`([^`]+)`", PAGE.read_text().partition("\n## English\n")[2])

    assert [rule.pattern.pattern for rule in RULES if not any(rule.pattern.search(word) for word in words)] == []
