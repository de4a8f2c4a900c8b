"""``subnet: auto``: the first block of the inventory's pools that nothing uses."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.hosts import AddressPool, Inventory
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.operations.network.actions import CreateNetwork, ReplaceNetwork
from swarmnet.operations.network.pools import Taken, free_block
from tests.support.clusters import inventory, overlay, swarm
from tests.support.plans import plan, refusal

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState

POOLS = (AddressPool(cidr="10.128.0.0/22", size=24), AddressPool(cidr="10.200.0.0/24", size=26))
HOSTS = inventory(1, 1).model_copy(update={"address_pools": POOLS})


def holding(*networks: Network) -> ClusterState:
    state = swarm(HOSTS)
    return state.model_copy(update={"networks": (*state.networks, *networks)})


def blocks(steps: str, state: ClusterState | None = None, hosts: Inventory = HOSTS) -> dict[str, list[str]]:
    made = plan(steps, state or holding(), hosts).actions
    return {
        action.target: [one.subnet for one in action.spec.subnets]
        for action in made
        if isinstance(action, CreateNetwork | ReplaceNetwork)
    }


def test_new_networks_get_the_first_free_blocks_in_the_order_of_the_steps() -> None:
    found = blocks("- network: {name: b, subnet: auto}\n- network: {name: a, subnet: auto}")
    assert found == {"network b": ["10.128.0.0/24"], "network a": ["10.128.1.0/24"]}


def test_a_network_that_is_there_keeps_its_block_whatever_the_pools_are() -> None:
    assert blocks("- network: {name: old, subnet: auto}", holding(overlay("old", "10.66.0.0/24"))) == {}


def test_a_replaced_network_keeps_its_block() -> None:
    found = blocks("- network: {name: old, subnet: auto, internal: true}", holding(overlay("old", "10.66.0.0/24")))
    assert found == {"network old": ["10.66.0.0/24"]}


def test_no_block_is_taken_that_a_later_step_writes() -> None:
    found = blocks("- network: {name: a, subnet: auto}\n- network: {name: z, subnets: [10.128.0.0/24]}")
    assert found == {"network a": ["10.128.1.0/24"], "network z": ["10.128.0.0/24"]}


def test_networks_of_the_swarm_of_hosts_and_routes_are_left_out() -> None:
    spec = NetworkSpec.model_validate({"name": "br", "driver": "bridge", "subnets": [{"subnet": "10.128.1.0/24"}]})
    state = holding(overlay("o", "10.128.0.0/24"))
    first = state.hosts[0].model_copy(update={"networks": (Network(id="br", spec=spec),)})
    assert blocks(
        "- network: {name: n, subnet: auto}", state.model_copy(update={"hosts": (first, *state.hosts[1:])})
    ) == {"network n": ["10.128.2.0/24"]}


def test_each_host_gets_a_block_of_its_own_for_a_local_network() -> None:
    assert blocks("- network: {name: n, driver: bridge, subnet: auto}") == {
        "network n on m1": ["10.128.0.0/24"],
        "network n on w1": ["10.128.1.0/24"],
    }


def test_another_size_can_be_asked_for_and_the_next_pool_follows_a_full_one() -> None:
    full = holding(*(overlay(f"o{n}", f"10.128.{n}.0/24") for n in range(4)))
    assert blocks("- network: {name: n, subnet: auto/28}") == {"network n": ["10.128.0.0/28"]}
    assert blocks("- network: {name: n, subnet: auto}", full) == {"network n": ["10.200.0.0/26"]}


def test_ipv6_gets_a_block_of_an_ipv6_pool_after_the_ipv4_one() -> None:
    pools = (*POOLS, AddressPool(cidr="fd00:5::/48", size=64))
    hosts = HOSTS.model_copy(update={"address_pools": pools})
    engines = swarm(hosts)
    newer = engines.model_copy(
        update={
            "hosts": tuple(
                one.model_copy(update={"engine": one.engine.model_copy(update={"api_version": "1.51"})})
                for one in engines.hosts
            )
        }
    )
    found = blocks("- network: {name: n, driver: bridge, ipv6: true, subnet: auto}\n  on: m1", newer, hosts)
    assert found == {"network n on m1": ["10.128.0.0/24", "fd00:5::/64"]}


@pytest.mark.parametrize(
    ("step", "state", "text"),
    [
        (
            "{name: n, subnet: auto/22}",
            holding(overlay("o", "10.128.3.0/24")),
            "no block is free in the pools (10.128.0.0/22 in blocks of /24, 10.200.0.0/24 in blocks of /26)",
        ),
        ("{name: n, subnet: auto, subnets: [10.1.0.0/24]}", holding(), "'subnet: auto' chooses a block, and 'subnets'"),
        ("{name: n, driver: macvlan, subnet: auto}", holding(), "the addresses of a macvlan are those of the LAN"),
        ("{name: n, subnet: 10.1.0.0/24}", holding(), "subnet"),
    ],
)
def test_what_cannot_be_chosen_is_refused(step: str, state: ClusterState, text: str) -> None:
    assert text in refusal(f"- network: {step}", state, HOSTS)


def test_without_pools_the_refusal_says_what_to_write_in_which_file() -> None:
    said = refusal("- network: {name: n, subnet: auto}", swarm(inventory(1)), inventory(1))
    assert said.startswith("p.yml:4:3: subnet auto needs pools of addresses in <memory>: write 'address_pools: [{")


USED = st.lists(
    st.tuples(st.integers(0, 255), st.integers(22, 28)).map(
        lambda one: str(ipaddress.ip_network(f"10.0.{one[0]}.0/{one[1]}", strict=False))
    ),
    max_size=12,
)


@given(USED, st.integers(22, 28))
def test_a_chosen_block_overlaps_nothing_and_no_earlier_one_is_free(used: list[str], size: int) -> None:
    pool = AddressPool(cidr="10.0.0.0/18", size=size)
    found = free_block([pool], [Taken(one, "") for one in used], "auto")
    taken = [ipaddress.ip_network(one) for one in used]
    free = [
        block
        for block in ipaddress.ip_network("10.0.0.0/18").subnets(new_prefix=size)
        if not any(block.overlaps(one) for one in taken)
    ]
    assert (None if found is None else found.subnet) == (str(free[0]) if free else None)
