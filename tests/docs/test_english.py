"""The text is plain technical English; what is left of another kind can only become less."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.docs.english import RULES, files, findings, of_python

LEFT: dict[str, int] = {
    "swarmnet/model": 1,
    "tests/model": 1,
    "tests/stories": 1,
    "tests/support": 2,
}
"""How many findings a folder may still have. A folder that is not named has none."""


def area(path: str) -> str:
    """Return the folder that a file's findings count for: a package of swarmnet or of the tests."""
    return "/".join(path.split("/")[:2])


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """Return every finding by area."""
    result: dict[str, list[str]] = {}
    for path in files():
        for finding in findings(path):
            result.setdefault(area(finding.path), []).append(str(finding))
    return result


def test_uses_plain_words_in_every_folder(found: dict[str, list[str]]) -> None:
    over = {name: lines for name, lines in found.items() if len(lines) > LEFT.get(name, 0)}

    assert not over, "\n".join(
        f"{name}: {len(lines)} findings, at most {LEFT.get(name, 0)} allowed:\n  " + "\n  ".join(lines)
        for name, lines in over.items()
    )


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("# Tell whether it runs.", "Tell whether"),
        ('print(f"{host} is told")', "told"),
        ('"""Return that the node is ready."""', "Return that"),
        ("def test_nobody_answers() -> None: ...", "nobody"),
        ("# As the operator sees it, he waits.", "he"),
        ("# a file is no backup", "is no backup"),
    ],
)
def test_finds_the_word_wherever_a_person_reads_it(sentence: str, words: str) -> None:
    assert words in matches(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        'user = "nobody"',  # a name, not a sentence
        "# there is no network",
        "# the lock is no longer held",
        "# the stand-in for an engine",
        "# they understand",
    ],
)
def test_leaves_plain_sentences_alone(sentence: str) -> None:
    assert not matches(sentence)


def matches(source: str) -> Counter[str]:
    """Return what the rules find in one line of Python."""
    return Counter(m[0] for _, text in of_python(source) for rule in RULES for m in rule.pattern.finditer(text))
