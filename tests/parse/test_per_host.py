"""``${host.NAME}``: a step with it is repeated for each host that it selects (C11)."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import DocumentError
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.parse.inventory import parse_inventory
from swarmnet.parse.playbook import parse_playbook

if TYPE_CHECKING:
    from swarmnet.operations.playbook import Playbook

INVENTORY = parse_inventory(
    dedent("""
    schema: 1
    cluster: shop
    vars: {nic: eth0}
    hosts:
      m1: {address: 192.0.2.1, role: manager, vars: {slice: 192.0.2.64/27}}
      w1: {address: 192.0.2.2, vars: {slice: 192.0.2.96/27, nic: eth1, disks: [a, b]}}
    """).encode(),
    name="inv.yml",
    folder=Path("/"),
).inventory


def read(steps: str, **around: object) -> Playbook:
    text = "schema: 1\nname: lan\nsteps:\n" + dedent(steps).strip("\n")
    return parse_playbook(text.encode(), "p.yml", inventory=around.get("inventory", INVENTORY))  # type: ignore[arg-type]


def refusal(steps: str, **around: object) -> str:
    with pytest.raises(DocumentError) as error:
        read(steps, **around)
    return str(error.value)


def test_a_step_is_repeated_for_each_host_with_that_hosts_values() -> None:
    steps = read("""
    - network:
        name: lan
        driver: macvlan
        options: {parent: "${host.nic}"}
        subnets: [{subnet: 192.0.2.0/24, ip_range: "${host.slice}"}]
    """).steps
    networks = [step.operation for step in steps if isinstance(step.operation, NetworkOperation)]
    assert [step.on for step in steps] == [("m1",), ("w1",)]
    assert [(net.options["parent"], net.subnets[0].ip_range) for net in networks] == [
        ("eth0", "192.0.2.64/27"),
        ("eth1", "192.0.2.96/27"),
    ]


def test_only_the_selected_hosts_must_have_the_variable() -> None:
    (step,) = read("- network: {name: n, driver: bridge, labels: {slice: '${host.slice}'}}\n  on: worker").steps
    assert step.on == ("w1",)


def test_a_step_without_values_of_hosts_stays_one_step() -> None:
    (step,) = read("- network: {name: front, labels: {note: '$${host.nic}'}}").steps
    assert step.on == ()


def test_items_of_a_list_may_come_from_the_host() -> None:
    steps = read("- network: {name: 'disk-${item}', driver: bridge}\n  for: ${host.disks}\n  on: w1").steps
    assert [getattr(step.operation, "name", "") for step in steps] == ["disk-a", "disk-b"]


def test_a_variable_that_a_host_does_not_have_is_refused_with_line_and_host() -> None:
    said = refusal("- network: {name: n, driver: bridge}\n- network: {name: b, driver: bridge, mtu: '${host.mtu}'}")
    assert said.startswith("p.yml:5:")
    assert "${host.mtu} is not defined for host m1" in said
    assert "${host.mtu} is not defined for host w1" in said
    assert "write 'vars: {mtu: ...}' for it in the inventory; it has address, name, nic, slice" in said


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ("- network: {name: n, driver: bridge, mtu: 1400}\n  on: '${host.name}'", "'on' selects the hosts"),
        ("- network: {name: 'n-${host.name}'}\n  on: db", "'db' selects no host of inv.yml"),
        ("- service: {name: s, image: 'i:${host.nic}'}", "service 's' is defined twice"),
    ],
)
def test_what_cannot_differ_by_host_is_refused(steps: str, text: str) -> None:
    assert text in refusal(steps)


def test_without_an_inventory_the_reader_says_what_is_missing() -> None:
    assert "p.yml:4:3: ${host.NAME} takes values of an inventory" in refusal(
        "- network: {name: n, driver: bridge, labels: {a: '${host.nic}'}}", inventory=None
    )


def test_a_playbook_has_no_variable_of_that_name() -> None:
    content = b"schema: 1\nname: n\nvars: {host: 1, a: '${host.nic}'}\nsteps:\n  - network: {name: n}\n"
    with pytest.raises(DocumentError) as error:
        parse_playbook(content, "p.yml", inventory=INVENTORY)
    assert "'host' stands for the values of a host" in str(error.value)
