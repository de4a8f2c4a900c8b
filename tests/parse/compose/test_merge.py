"""Several stack files in one, by the rules of the Compose Specification."""

from textwrap import dedent

import yaml
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.base import JsonValue
from swarmnet.parse.compose.merge import merged
from swarmnet.parse.compose.nodes import read_nodes


def whole(*texts: str) -> JsonValue:
    return merged([read_nodes(dedent(text).encode(), f"{number}.yml") for number, text in enumerate(texts)]).data


def service(*parts: str) -> JsonValue:
    """Return the service that these parts of several files become."""
    data = whole(*(f"services: {{web: {part}}}" for part in parts))
    return data["services"]["web"]  # type: ignore[index,call-overload]


def test_single_values_are_replaced_and_mappings_are_merged() -> None:
    assert service("{image: a, user: u, deploy: {replicas: 1, mode: x}}", "{image: b, deploy: {replicas: 2}}") == {
        "image": "b",
        "user": "u",
        "deploy": {"replicas": 2, "mode": "x"},
    }


def test_lists_are_joined_and_commands_are_replaced() -> None:
    assert service("{cap_add: [A], command: [a, b]}", "{cap_add: [B, A], command: [c]}") == {
        "cap_add": ["A", "B"],
        "command": ["c"],
    }


def test_variables_and_labels_are_merged_by_name_in_either_form() -> None:
    assert service("{environment: [A=1, B=2], labels: {x: 1}}", "{environment: {B: 3}, labels: [y=2]}") == {
        "environment": {"A": "1", "B": 3},
        "labels": {"x": 1, "y": "2"},
    }


def test_mounts_are_merged_by_their_path_in_the_container() -> None:
    found = service("{volumes: [data:/a, '/x:/b:ro']}", "{volumes: [{type: volume, source: o, target: /a}, c:/c]}")

    assert found == {"volumes": [{"type": "volume", "source": "o", "target": "/a"}, "/x:/b:ro", "c:/c"]}


def test_ports_are_merged_by_what_they_publish() -> None:
    assert service("{ports: ['80:80', '81:81/udp']}", "{ports: ['80:80', '81:81']}") == {
        "ports": ["80:80", "81:81/udp", "81:81"]
    }


def test_networks_are_merged_by_name_in_either_form() -> None:
    assert service("{networks: [a, b]}", "{networks: {b: {aliases: [x]}}}") == {
        "networks": {"a": None, "b": {"aliases": ["x"]}}
    }


def test_options_of_another_log_driver_are_not_mixed() -> None:
    one, other = "{logging: {driver: a, options: {x: 1}}}", "{logging: {driver: b, options: {y: 1}}}"

    assert service(one, other) == {"logging": {"driver": "b", "options": {"y": 1}}}
    assert service(one, "{logging: {options: {y: 1}}}") == {"logging": {"driver": "a", "options": {"x": 1, "y": 1}}}


def test_a_reset_takes_away_and_an_override_replaces() -> None:
    assert service("{ports: ['80:80'], environment: {A: 1}}", "{ports: !reset [], environment: !override {B: 2}}") == {
        "environment": {"B": 2}
    }


NAMES = st.sampled_from(["image", "user", "hostname"])
DOCUMENTS = st.fixed_dictionaries(
    {"services": st.dictionaries(st.sampled_from("ab"), st.dictionaries(NAMES, st.sampled_from(["1x", "2x"])))}
)


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_merging_is_associative_and_a_file_over_itself_is_itself(one: object, two: object, three: object) -> None:
    a, b, c = (read_nodes(yaml.safe_dump(part).encode(), "c.yml") for part in (one, two, three))

    assert merged([merged([a, b]), c]).data == merged([a, merged([b, c])]).data == merged([a, b, c]).data
    assert merged([a, a]).data == a.data
