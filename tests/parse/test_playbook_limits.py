"""Playbooks that would fill the memory or take minutes are refused early."""

from __future__ import annotations

import time

import pytest

from swarmnet.errors import DocumentError
from swarmnet.parse.playbook import parse_playbook
from swarmnet.parse.yaml import PROBLEM_LIMIT
from tests.parse.test_playbook import problems, steps


def laughs(line: str) -> str:
    """Return twelve variables, each of which repeats the one above ten times."""
    return "".join(f"  l{number}: {line.format(below=f'${{l{number - 1}}}')}\n" for number in range(1, 12))


@pytest.mark.parametrize("line", ["'" + "{below}" * 10 + "'", "[" + "'{below}', " * 10 + "]"], ids=["text", "lists"])
def test_m10_references_that_multiply_are_refused_before_they_fill_the_memory(line: str) -> None:
    text = f"schema: 1\nname: t\nvars:\n  l0: ha\n{laughs(line)}steps:\n- network: {{name: '${{l11}}'}}\n"

    with pytest.raises(DocumentError, match="references and 'for' fill in more than"):
        parse_playbook(text.encode(), "p.yml")


def test_m10_a_reference_in_many_steps_counts_each_time() -> None:
    text = "schema: 1\nname: t\nvars: {big: '" + "x" * 100_000 + "'}\nsteps:\n"
    text += "- command: {argv: [echo, '${big}']}\n" * 100

    with pytest.raises(DocumentError, match="references and 'for' fill in more than"):
        parse_playbook(text.encode(), "p.yml")


def test_m10_a_value_of_the_environment_counts_each_time() -> None:
    text = "schema: 1\nname: t\nsteps:\n- command: {argv: [echo, '" + "${env:BIG}" * 100 + "']}\n"

    with pytest.raises(DocumentError, match="references and 'for' fill in more than"):
        parse_playbook(text.encode(), "p.yml", environment={"BIG": "x" * 100_000})


@pytest.mark.parametrize("words", ["x" * 1000, "', '".join("x" * 500)])
def test_m10_a_step_with_for_counts_for_each_item(words: str) -> None:
    items = ", ".join(map(str, range(10_000)))
    text = f"schema: 1\nname: t\nsteps:\n- command: {{argv: [echo, '{words}']}}\n  for: [{items}]\n"

    with pytest.raises(DocumentError, match="references and 'for' fill in more than"):
        parse_playbook(text.encode(), "p.yml")


@pytest.mark.parametrize(
    ("head", "step", "words"),
    [
        (
            f"vars: {{{', '.join(f'variable_{number}: 1' for number in range(3000))}}}\n",
            "command: {argv: [" + ", ".join(f"'${{variabel_{number}}}'" for number in range(3000)) + "]}",
            "variabel_0} is not defined",
        ),
        (
            "",
            "network: {name: n, subnets: ["
            + ", ".join(f"10.{number // 256}.{number % 256}.0/24" for number in range(6000))
            + ", 10.0.0.0/16]}",
            "overlap each other",
        ),
        (
            "",
            "swarm: {default_addr_pool: ["
            + ", ".join(f"10.{number // 256}.{number % 256}.0/24" for number in range(6000))
            + ", 10.0.0.0/16]}",
            "overlap each other",
        ),
    ],
    ids=["references", "subnets", "pools"],
)
def test_m15_what_is_compared_with_all_else_costs_no_minutes(head: str, step: str, words: str) -> None:
    began = time.process_time()
    found = problems(steps(f"- {step}", head))

    assert words in found[0]
    assert time.process_time() - began < 20


def test_m15_a_document_without_hope_is_not_read_to_its_end() -> None:
    items = ", ".join(map(str, range(20_000)))
    assert len(problems(steps(f"- network: {{nam: '${{item}}'}}\n  for: [{items}]"))) <= PROBLEM_LIMIT
