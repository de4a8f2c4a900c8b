"""The YAML of stack files: anchors, merges and tags, with their lines."""

from textwrap import dedent

import pytest

from swarmnet.errors import DocumentError
from swarmnet.parse.compose.nodes import Node, read_nodes


def read(text: str) -> Node:
    return read_nodes(dedent(text).lstrip("\n").encode(), "c.yml")


def refused(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        read(text)
    return str(caught.value)


def test_an_alias_repeats_its_anchor() -> None:
    node = read("""
        x-a: &a {image: nginx, env: [1, 0755, yes]}
        services: {web: *a}
    """)

    assert node.data == {
        "x-a": {"image": "nginx", "env": [1, "0755", "yes"]},
        "services": {"web": {"image": "nginx", "env": [1, "0755", "yes"]}},
    }


def test_a_merge_lays_mappings_below_the_own_keys_and_the_first_of_several_goes_before() -> None:
    node = read("""
        x-a: &a {image: a, user: a}
        x-b: &b {image: b, hostname: b}
        services:
          one: {<<: *a, image: own}
          two: {<<: [*a, *b]}
    """)

    assert node.data["services"] == {  # type: ignore[index,call-overload]
        "one": {"image": "own", "user": "a"},
        "two": {"image": "a", "user": "a", "hostname": "b"},
    }


def test_what_is_merged_keeps_the_line_of_its_anchor() -> None:
    node = read("""
        x-a: &a
          image: a
        services:
          one:
            <<: *a
            user: b
    """)

    marks = node.marks()
    assert marks["services", "one", "image"].mark.line == 2
    assert marks["services", "one", "user"].mark.line == 6
    assert marks["services", "one"].mark.line == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: *b\n", "c.yml:1:4: alias *b names no anchor above it"),
        ("a: 1\na: 2\n", "c.yml:2:1: key 'a' is given twice; the first time on line 1"),
        ("a: !!python/object:os.system x\n", "tag"),
        ("a: {<<: 3}\n", "'<<' takes a mapping"),
        ("- a\n", "a stack file must be a mapping"),
        ("", "the file is empty"),
        ("a: [\n", "not valid YAML"),
        ("a: &a [*a]\n", "alias *a names no anchor"),
        ("a: 1\n---\nb: 2\n", "a second document begins here"),
        ("schema: 1\nname: x\nsteps: []\n", "this is a playbook, not a Compose file"),
        ("cluster: x\nhosts: {}\n", "this is an inventory, not a Compose file"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    assert said in refused(text)


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]

    assert "more than 100000 values" in refused("\n".join(lines))


def test_aliases_that_nest_without_end_are_refused() -> None:
    lines = ["a0: &a0 [1]", *(f"a{level}: &a{level} [*a{level - 1}]" for level in range(1, 60))]

    assert "nested deeper than 40 levels" in refused("\n".join(lines))
