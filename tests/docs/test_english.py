"""The text is plain technical English; what is left of another kind can only become less."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.docs.english import RULES, files, findings, of_python

LEFT: dict[str, int] = {
    "CHANGELOG.md": 34,
    "Makefile": 3,
    "README.md": 9,
    "inventories/example.yml": 1,
    "pyproject.toml": 3,
    "swarmnet/cli": 42,
    "swarmnet/edge": 123,
    "swarmnet/errors.py": 3,
    "swarmnet/lab": 75,
    "swarmnet/model": 97,
    "swarmnet/operations": 115,
    "swarmnet/parse": 24,
    "swarmnet/plan": 31,
    "swarmnet/probe": 18,
    "swarmnet/report": 14,
    "swarmnet/verify": 108,
    "swarmnet/workflows": 84,
    "tests/bench": 1,
    "tests/cli": 35,
    "tests/conftest.py": 1,
    "tests/contract": 3,
    "tests/demo.py": 1,
    "tests/edge": 60,
    "tests/fuzz": 3,
    "tests/lab": 22,
    "tests/model": 18,
    "tests/operations": 28,
    "tests/parse": 21,
    "tests/plan": 9,
    "tests/probe": 5,
    "tests/report": 14,
    "tests/simulator": 21,
    "tests/stories": 12,
    "tests/support": 19,
    "tests/test_patterns.py": 1,
    "tests/test_playbooks.py": 1,
    "tests/test_readme.py": 2,
    "tests/verify": 59,
    "tests/workflows": 81,
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
