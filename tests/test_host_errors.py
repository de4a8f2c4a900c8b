"""Errors of hosts keep host and message apart; only what prints them joins the two."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import swarmnet
from swarmnet import errors

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.HostError) and not issubclass(kind, errors.NoManagerError)
]
SOURCES = sorted(Path(swarmnet.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_and_what_happened_on_it_are_two_values_and_one_printed_line(kind: type[errors.HostError]) -> None:
    error = kind("m1", "no route to host", hint="is it up?")

    assert (error.host, error.message, error.hint) == ("m1", "no route to host", "is it up?")
    assert (str(error), error.lines) == ("m1: no route to host", ("m1: no route to host",))


def test_the_error_of_all_managers_names_the_cluster_and_no_host() -> None:
    error = errors.NoManagerError("prod", "m1: no route to host")

    assert (error.cluster, error.host, error.message) == ("prod", "", "m1: no route to host")
    assert error.lines == ("no manager answers for cluster prod: m1: no route to host",)


def _cuts_a_host(node: ast.AST) -> bool:
    """Return whether a call removes a prefix that is made of a name and a colon."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "removeprefix"):
        return False
    return any(isinstance(word, ast.JoinedStr) and ast.unparse(word).endswith(": '") for word in node.args)


def test_no_code_cuts_a_host_out_of_a_text() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _cuts_a_host(node)
    ]
    assert found == []
