"""Failed pairs are explained by the fewest shapes."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.verify.patterns import Shape, decompose

HOSTS = ("a", "b", "c", "d")
TESTED = frozenset(permutations(HOSTS, 2))
INTO_B = frozenset({("a", "b"), ("c", "b"), ("d", "b")})
FROM_C = frozenset({("c", "a"), ("c", "b"), ("c", "d")})


@pytest.mark.parametrize(
    ("failed", "shapes"),
    [
        (frozenset(), []),
        (TESTED, [(Shape.ALL, ())]),
        (INTO_B, [(Shape.INBOUND, ("b",))]),
        (FROM_C, [(Shape.OUTBOUND, ("c",))]),
        (frozenset(p for p in TESTED if "d" in p), [(Shape.ISOLATED, ("d",))]),
        ({("a", "b")}, [(Shape.ONE_WAY, ("a", "b"))]),
        ({("a", "b"), ("b", "a")}, [(Shape.BETWEEN, ("a", "b"))]),
        (INTO_B | {("a", "d")}, [(Shape.INBOUND, ("b",)), (Shape.ONE_WAY, ("a", "d"))]),
        (INTO_B | FROM_C, [(Shape.INBOUND, ("b",)), (Shape.OUTBOUND, ("c",))]),
    ],
)
def test_each_shape_is_named(failed: frozenset[tuple[str, str]], shapes: list[tuple[Shape, tuple[str, ...]]]) -> None:
    assert [(reach.shape, reach.hosts) for reach in decompose(frozenset(failed), TESTED)] == shapes


def test_two_hosts_are_a_pair_and_blame_neither() -> None:
    tested = frozenset(permutations("ab", 2))
    (reach,) = decompose(tested, tested)
    assert reach.shape is Shape.BETWEEN


@given(st.frozensets(st.sampled_from(sorted(TESTED))))
def test_every_failed_pair_is_explained_exactly_once(failed: frozenset[tuple[str, str]]) -> None:
    explained = [pair for reach in decompose(failed, TESTED) for pair in reach.pairs]
    assert sorted(explained) == sorted(failed)
