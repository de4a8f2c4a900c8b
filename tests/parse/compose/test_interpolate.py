"""Variables of stack files, by the examples of the Compose Specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.parse.compose.interpolate import Interpolation
from swarmnet.parse.compose.nodes import Node
from swarmnet.parse.yaml import Mark

SET = {"SET": "value", "EMPTY": "", "OTHER": "other"}
NAMES = st.sampled_from(["SET", "EMPTY", "UNSET"])


def node(text: str) -> Node:
    return Node(text, "c.yml", Mark(7, 3))


def filled(text: str) -> str:
    interpolation = Interpolation(SET)
    found = interpolation.fill(node(text)).value
    assert interpolation.all_problems() == []
    return str(found)


def problems(text: str) -> list[str]:
    interpolation = Interpolation(SET)
    interpolation.fill(node(text))
    return [str(one) for one in interpolation.all_problems()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$SET", "value"),
        ("${SET}", "value"),
        ("a$SET-b", "avalue-b"),
        ("$SETX-", None),
        ("${SET:-default}", "value"),
        ("${EMPTY:-default}", "default"),
        ("${UNSET:-default}", "default"),
        ("${EMPTY-default}", ""),
        ("${UNSET-default}", "default"),
        ("${SET:?error}", "value"),
        ("${EMPTY?error}", ""),
        ("${SET:+replacement}", "replacement"),
        ("${EMPTY:+replacement}", ""),
        ("${EMPTY+replacement}", "replacement"),
        ("${UNSET+replacement}", ""),
        ("$$SET", "$SET"),
        ("$${SET}", "${SET}"),
        ("$$$SET", "$value"),
        ("${UNSET:-${SET}}", "value"),
        ("${UNSET:-${ALSO:-${SET}}}", "value"),
        ("${UNSET-$OTHER}", "other"),
        ("${UNSET:-a:b/c?d}", "a:b/c?d"),
        ("${UNSET:-$${SET}}", "${SET}"),
        ("{}{{.Node.Hostname}}", "{}{{.Node.Hostname}}"),
    ],
)
def test_a_variable_is_filled_in_as_the_specification_says(text: str, expected: str | None) -> None:
    if expected is None:
        assert "variable SETX is not set" in problems(text)[0]
    else:
        assert filled(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${EMPTY:?is empty}", "c.yml:7:3: variable EMPTY is needed: is empty"),
        ("${UNSET?}", "variable UNSET is needed ("),
        ("${UNSET:?set $OTHER}", "variable UNSET is needed: set other"),
        ("$UNSET and ${ALSO}", "variable UNSET is not set"),
        ("costs 5$", "a '$' that begins no variable"),
        ("${SET", "a '${' that is not closed"),
        ("${1}", "a '$' that begins no variable"),
        ("${SET!x}", "is not a variable"),
    ],
)
def test_what_cannot_be_filled_in_is_named(text: str, said: str) -> None:
    assert said in problems(text)[0]


def test_every_variable_that_is_not_set_is_named_once() -> None:
    said = problems("$UNSET ${ALSO} $UNSET")

    assert [one.split(": ")[1].split(" (")[0] for one in said] == [
        "variable UNSET is not set",
        "variable ALSO is not set",
    ]


@given(st.text().map(lambda text: text.replace("$", "")))
def test_text_without_a_dollar_stays(text: str) -> None:
    assert filled(text) == text


@given(st.text())
def test_a_text_whose_dollars_are_doubled_comes_out_as_it_was(text: str) -> None:
    assert filled(text.replace("$", "$$")) == text


@given(NAMES, st.sampled_from([":-", "-"]), st.text(alphabet="ab $").map(lambda text: text.replace("$", "$$")))
def test_a_default_counts_where_the_variable_has_no_value(name: str, operator: str, default: str) -> None:
    value = SET.get(name)
    there = value is not None and (value or operator == "-")

    assert filled(f"${{{name}{operator}{default}}}") == (value if there else default.replace("$$", "$"))


def test_nesting_without_end_is_refused() -> None:
    assert "nested deeper" in problems("${A:-" * 30 + "}" * 30)[0]
