"""Ids are what programs read, sentences are what people read: nothing in verify decides by a sentence."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import swarmnet.verify
from swarmnet.model.report import Status, Verdict
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.judge import judged
from swarmnet.verify.patterns import Shape
from swarmnet.verify.scenarios import ALL, GROUPS
from swarmnet.verify.scenarios.pairs.matrix import MatrixScenario
from tests.support.encrypted_captures import Wire
from tests.support.encrypted_captures import cluster as encrypted_cluster
from tests.support.setups import NO_ESP, answers, make_setup, network
from tests.verify.scenarios import test_mesh_entries as mesh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.scenario import Answers, Setup

SOURCES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(Path(swarmnet.verify.__file__).parent.rglob("*.py"))
}
SETTLED = {"OK", "INCONCLUSIVE", "SKIPPED"}
"""Statuses that need no cause."""
TEXTS = {"detail", "fix", "words", "why", "complaint", "complaints", "sentence", "sentences", "problem", "message"}
"""What code calls a text that is meant for people."""
READERS = {
    "startswith",
    "endswith",
    "partition",
    "rpartition",
    "removeprefix",
    "removesuffix",
    "find",
    "split",
}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path, tree in SOURCES.items():
        yield from ((path, node) for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def place(path: Path, node: ast.expr) -> str:
    return f"{path.name}:{node.lineno}: {ast.unparse(node)[:90]}"


def test_the_source_of_a_verdict_is_never_a_literal() -> None:
    found = [
        place(path, call)
        for path, call in calls()
        for one in call.keywords
        if one.arg == "scenario" and isinstance(one.value, ast.Constant)
    ]
    assert not found


def test_groups_are_ids_of_their_own_and_each_is_made_of_scenarios() -> None:
    names = {one.name for one in ALL}
    assert set(GROUPS) == set(Group)
    assert not names & set(Group)
    assert all(members and set(members) <= names for members in GROUPS.values())


def test_every_verdict_that_can_be_bad_has_a_cause() -> None:
    lacking = []
    for path, call in calls():
        given = {one.arg: one.value for one in call.keywords}
        if name_of(call.func) == "Verdict":
            status = given["status"]
        elif name_of(call.func) == "verdict" and len(call.args) > 1:
            status = call.args[1]
        else:
            continue
        if name_of(status) not in SETTLED and "cause" not in given:
            lacking.append(place(path, call))
    assert not lacking


def test_every_cause_is_used_and_has_a_meaning() -> None:
    used = {name_of(node) for tree in SOURCES.values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert {one.name for one in CauseId} - used == set()
    assert all(one.meaning for one in (*CauseId, *Group))


def test_no_code_takes_a_text_for_people_apart() -> None:
    """A new decision by a sentence shows here: give the thing a field of its own instead."""
    found = [
        place(path, call)
        for path, call in calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr in READERS and name_of(call.func.value) in TEXTS
    ]
    found += [
        place(path, node)
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.In | ast.NotIn)
        and isinstance(node.left, ast.Constant)
        and isinstance(node.left.value, str)
        and name_of(node.comparators[0]) in TEXTS
    ]
    assert not found


def pairs(*broken: tuple[str, str], hosts: int = 3, **how: object) -> tuple[Setup, Answers]:
    setup = make_setup(hosts, (network("back"), network("safe", encrypted=True)))
    esp = NO_ESP if how.get("esp") else None
    return setup, answers(setup, broken, esp=esp)


def stalled() -> tuple[Setup, Answers]:
    setup = make_setup()
    said = answers(setup)
    outcomes = said["w1", "tcp/front"].value["targets"]
    assert isinstance(outcomes, dict)
    outcomes["w2"] = {"ok": False, "stage": "transfer", "why": "no answer", "tries": 2}
    return setup, said


def wire(**how: object) -> tuple[Setup, Answers]:
    setup = encrypted_cluster()
    return setup, Wire(setup, **how).answers() | answers(setup)  # type: ignore[arg-type]


def entry(doors: dict[tuple[str, str], JsonObject]) -> tuple[Setup, Answers]:
    setup = mesh.cluster()
    return setup, mesh.seen(setup, doors)


BROKEN: dict[str, Callable[[], tuple[Setup, Answers]]] = {
    "one way": lambda: pairs(("w1", "w2")),
    "isolated": lambda: pairs(("w1", "w2"), ("w3", "w2"), ("w2", "w1"), ("w2", "w3")),
    "no esp": lambda: pairs(("w1", "w2"), ("w2", "w1"), esp=True),
    "stalled": stalled,
    "flushed": lambda: wire(flushed={"w2"}),
    "busy": lambda: wire(busy={"w1"}),
    "deaf": lambda: wire(deaf=True),
    "no entry": lambda: entry(mesh.everywhere("w2")),
    "lost task": lambda: entry(
        {(side, host): mesh.opened(("n1",)) for side in (*mesh.HOSTS, "") for host in (*mesh.HOSTS, "")}
    ),
    "lossy entry": lambda: entry(mesh.everywhere("w1", mesh.opened(lost=9))),
}


def reworded(value: JsonValue) -> JsonValue:
    """Return an answer whose texts for people are other ones: what stays are keys, numbers and codes."""
    if isinstance(value, dict):
        return {
            key: f"said otherwise: {one[::-1]}" if key == "why" and isinstance(one, str) else reworded(one)
            for key, one in value.items()
        }
    return [reworded(one) for one in value] if isinstance(value, list) else value


def ids(verdicts: tuple[Verdict, ...]) -> list[tuple[object, ...]]:
    return [
        (one.scenario, one.status, one.cause, one.evidence.get("cause"), one.subject, one.because_of, one.broken)
        for one in verdicts
    ]


def verdicts_of(setup: Setup, said: Answers) -> tuple[Verdict, ...]:
    return judged(setup, ALL, said)["verdicts"]


@pytest.mark.parametrize("case", BROKEN)
def test_a_judgement_is_the_same_when_probes_word_their_failures_otherwise(case: str) -> None:
    setup, said = BROKEN[case]()
    other = {at: replace(one, value=dict(reworded(one.value).items())) for at, one in said.items()}  # type: ignore[union-attr]
    found = verdicts_of(setup, said)
    assert ids(found) == ids(verdicts_of(setup, other))
    assert {one.status for one in found} & {Status.FAILED, Status.INCONCLUSIVE}


@pytest.mark.parametrize("case", BROKEN)
def test_causes_are_the_same_when_cells_are_worded_otherwise(case: str) -> None:
    setup, said = BROKEN[case]()
    matrices = [matrix for one in ALL if isinstance(one, MatrixScenario) for matrix in one.judge(setup, said).matrices]
    blank = [
        matrix.model_copy(
            update={
                "cells": {
                    source: {target: cell.model_copy(update={"detail": ""}) for target, cell in row.items()}
                    for source, row in matrix.cells.items()
                }
            }
        )
        for matrix in matrices
    ]
    assert ids(explain(setup, said, matrices)) == ids(explain(setup, said, blank))


@pytest.mark.parametrize("case", BROKEN)
def test_the_cause_in_the_evidence_is_the_id_and_at_most_a_shape(case: str) -> None:
    setup, said = BROKEN[case]()
    for verdict in verdicts_of(setup, said):
        cause, reported = verdict.cause, verdict.evidence.get("cause")
        assert reported in (cause, *(f"{cause}-{shape}" for shape in Shape))
