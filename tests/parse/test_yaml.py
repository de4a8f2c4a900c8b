from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.errors import DocumentError, Problem
from swarmnet.parse.yaml import ITEM_LIMIT, PROBLEM_LIMIT, SIZE_LIMIT, load

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue

BOMB = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def refusals(content: bytes) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        load(content, "site.yml")
    return caught.value.problems


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", None, "empty"),
        (b"# only a comment\n", None, "empty"),
        (b"a: 1\n\0", None, "NUL bytes"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        (b"a: \x07\n", None, "control characters"),
        (b'a: 1\nb: "x\\0y"\n', 2, "text cannot contain zero characters"),
        (b'"x\\u0000y": 1\n', 1, "text cannot contain zero characters"),
        (b"- a\n- b\n", 1, "must be a mapping"),
        (b"just words\n", 1, "must be a mapping"),
        (b"steps:\n\t- x\n", 2, "a tab is used for indentation"),
        (b"a: [1,\nb: 2\n", 3, "that begins on line 1"),
        (b"a: !!python/object:os.system x\n", 1, "tags are not allowed"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"? [1, 2]\n: 3\n", 1, "a key must be text"),
        (b"[" * 100_000, 1, "nested deeper than 40"),
        (b"a: " + b"{a: [" * 2_000, 1, "nested deeper than 40"),
        (b"- " * 5_000, 1, "nested deeper than 40"),
        (b"a: 1\n" * (SIZE_LIMIT // 5 + 1), None, "too large: more than 2048 KiB"),
    ],
    ids=lambda value: "long" if isinstance(value, bytes) and len(value) > 100 else None,
)
def test_a_file_that_is_not_a_document_gets_one_clear_problem(content: bytes, line: int | None, words: str) -> None:
    (problem,) = refusals(content)
    assert problem.line == line
    assert words in problem.text


def test_every_duplicate_key_is_reported_with_both_lines() -> None:
    problems = refusals(b"a: 1\nb: {c: 1, c: 2}\na:\n  d: 1\n  d: 2\n")
    assert [(problem.line, problem.text) for problem in problems] == [
        (2, "key 'c' is given twice; the first time on line 2"),
        (3, "key 'a' is given twice; the first time on line 1"),
        (5, "key 'd' is given twice; the first time on line 4"),
    ]


def test_anchors_and_aliases_are_refused_so_no_bomb_goes_off() -> None:
    assert {problem.line for problem in refusals(BOMB)} == {1, 2, 3}


def test_words_times_and_dates_stay_text() -> None:
    data = load(b"a: no\nb: 22:22\nc: 2024-01-01\nd: 0755\ne: 1.2.3\nf: .nan\ng: '7'\n", "x").data
    assert set(map(type, data.values())) == {str}


def test_places_are_those_of_keys_and_items_and_of_the_nearest_thing_around() -> None:
    source = load(b"top:\n  list:\n    - one\n    - key: 1\n", "x")
    assert source.mark(("top", "list", 1, "key")) == (4, 7)
    assert source.mark(("top", "list", 0)) == (3, 7)
    assert source.mark(("top", "absent", "below")) == (1, 1)
    assert source.mark(("elsewhere",)) == (1, 1)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(st.characters(codec="ascii", exclude_categories=["C"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdef", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=5), JSON))
def test_json_reads_as_itself(data: dict[str, JsonValue]) -> None:
    if data:
        assert load(json.dumps(data, indent=1).encode(), "x").data == data


def test_m9_a_number_without_end_stays_text() -> None:
    assert load(b"a: 1e999\nb: -1e999\nc: 1e300\n", "x").data == {"a": "1e999", "b": "-1e999", "c": 1e300}


@pytest.mark.parametrize(
    "content",
    [b"a: [" + b"1," * 150_000 + b"]\n", b"".join(b"k%d: 1\n" % number for number in range(150_000))],
    ids=["list", "mapping"],
)
def test_m15_a_document_of_too_many_items_is_refused_at_the_first_that_is_one_too_many(content: bytes) -> None:
    (problem,) = refusals(content)
    assert problem.text == f"the document has more than {ITEM_LIMIT} keys and values"


@pytest.mark.parametrize("content", [b"a: [" + b"*x," * 300_000 + b"]", b"a: 1\n" * 100_000], ids=["aliases", "keys"])
def test_m14_the_problems_of_a_document_are_counted_and_cut(content: bytes) -> None:
    problems = refusals(content)
    assert len(problems) == PROBLEM_LIMIT


def test_m14_a_key_as_long_as_the_document_is_cut_in_its_problem() -> None:
    key = b"k" * 900
    (problem,) = refusals(key + b": 1\n" + key + b": 2\n")
    assert len(problem.text) < 400


@pytest.mark.parametrize("number", [0, -(2**63), 2**63 - 1, 2**64 - 1])
def test_integers_are_those_that_engines_hold(number: int) -> None:
    assert load(f"a: {number}".encode(), "x.yml").data == {"a": number}


@pytest.mark.parametrize("text", [str(2**64), "-9223372036854775809", "1" * 30])
def test_longer_digits_are_text(text: str) -> None:
    assert load(f"a: {text}".encode(), "x.yml").data == {"a": text}
