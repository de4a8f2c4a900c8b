from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.constraint import PROPERTIES, Constraint, normal_constraint
from swarmnet.model.hosts import Role
from swarmnet.model.placement import admits
from swarmnet.model.swarm import Node, NodeSpec

NODE = Node(
    id="abc",
    version=1,
    hostname="w1",
    spec=NodeSpec(role=Role.WORKER, labels={"zone": "a", "Zone": "b"}),
    status="ready",
    address="10.1.0.7",
    engine_labels={"disk": "ssd"},
)


@pytest.mark.parametrize(
    ("text", "admitted"),
    [
        ("node.labels.zone == a", True),
        ("node.labels.zone==A", True),
        ("NODE.LABELS.Zone == b", True),
        ("node.Labels.Zone != b", False),
        ("node.labels.rack != x", True),
        ("engine.labels.disk==ssd", True),
        ("engine.labels.disk!=ssd", False),
        ("node.id==abc", True),
        ("node.hostname == W1", True),
        ("node.role == manager", False),
        ("node.ip == 10.1.0.0/24", True),
        ("node.ip == 10.2.0.0/24", False),
        ("node.ip == nonsense", False),
        ("node.platform.os == linux", True),  # not known here
    ],
)
def test_a_constraint_admits_the_nodes_that_engines_admit(text: str, *, admitted: bool) -> None:
    found = Constraint.parse(text)
    assert found is not None
    assert admits(found, NODE) is admitted


@pytest.mark.parametrize("text", ["", "node.role", "node.role = x", "== x", "a b == c", "node.role <> x"])
def test_a_text_of_another_form_is_not_a_constraint(text: str) -> None:
    assert Constraint.parse(text) is None
    assert normal_constraint(text) == text.strip()


@pytest.mark.parametrize(("key", "known"), [*((key, True) for key in PROPERTIES), ("node.labels.", False)])
def test_engines_know_these_keys(key: str, *, known: bool) -> None:
    found = Constraint.parse(f"{key} == v")
    assert found is not None
    assert found.is_known is known


KEYS = st.sampled_from([*PROPERTIES, "node.labels.Rack", "engine.labels.a.b", "other"])
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
BLANKS = st.sampled_from(["", " ", "  "])


@given(KEYS, st.sampled_from(["==", "!="]), VALUES, st.tuples(BLANKS, BLANKS, BLANKS, BLANKS))
def test_every_way_to_write_a_constraint_is_read_as_the_same_one(
    key: str, operator: str, value: str, blanks: tuple[str, str, str, str]
) -> None:
    one, two, three, four = blanks
    written = f"{one}{key}{two}{operator}{three}{value}{four}"
    assert Constraint.parse(written) == Constraint(key, operator, value)
    assert normal_constraint(normal_constraint(written)) == normal_constraint(written) == f"{key} {operator} {value}"
