"""The text is plain technical English."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.docs.english import RULES, files, findings, of_python


def test_uses_plain_words_everywhere() -> None:
    found = [str(finding) for path in files() for finding in findings(path)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("# Tell whether it runs.", "Tell whether"),
        ('print(f"{host} is told")', "told"),
        ('"""Return that the node is ready."""', "Return that"),
        ("def test_nobody_answers() -> None: ...", "nobody"),
        ("# As the operator sees it, he waits.", "he"),
        ("# a file is no backup", "is no backup"),
        ("# names in the place of ids", "in the place of"),
        ("# one takes the place of another", "takes the place of"),
        ("# if a key is at hand", "at hand"),
        ("# it ends in any case", "in any case"),
        ("# what somebody made", "somebody"),
        ("told = 1", "told"),
        ("def _told(one): ...", "told"),
        ("def f(never_told): ...", "told"),
        ("class Told: ...", "Told"),
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
        "# a program that hands on a message",
        "# names in upper or lower case",
    ],
)
def test_leaves_plain_sentences_alone(sentence: str) -> None:
    assert not matches(sentence)


def matches(source: str) -> Counter[str]:
    """Return what the rules find in one line of Python."""
    return Counter(m[0] for _, text in of_python(source) for rule in RULES for m in rule.pattern.finditer(text))
