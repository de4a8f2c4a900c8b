"""The taking apart of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.parts import Parts, pruned

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject


def test_what_no_field_took_is_left_without_empty_objects() -> None:
    parts = Parts({"A": {"B": "1", "C": {}, "D": None}, "E": {"F": "x"}, "G": []})
    assert parts.take_text("A", "B") == "1"
    assert parts.rest() == {"E": {"F": "x"}, "G": []}


def test_a_part_of_another_shape_is_left() -> None:
    parts = Parts({"T": 1, "M": {"k": 1}})
    assert (parts.take_text("T"), parts.take_labels("M")) == (None, None)
    assert parts.rest() == {"T": 1, "M": {"k": 1}}


def test_taking_leaves_the_original_alone() -> None:
    original: JsonObject = {"A": {"B": 1}}
    Parts(original).take("A", "B")
    assert original == {"A": {"B": 1}}


def test_pruning_reaches_into_objects() -> None:
    assert pruned({"A": {"B": {"C": None}}, "D": 0, "E": False}) == {"D": 0, "E": False}
