"""Addresses and versions of IP that no engine takes, refused at the plan with what to write (A10, A11, A13, D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.network import Network, NetworkSpec
from tests.support.clusters import inventory, swarm
from tests.support.plans import plan, refusal

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState

HOSTS = inventory(1, 1)


def newest() -> ClusterState:
    """Return a swarm of engines that know networks without IPv4."""
    state = swarm(HOSTS)
    newer = {"version": "28.5.2", "api_version": "1.51"}
    hosts = (one.model_copy(update={"engine": one.engine.model_copy(update=newer)}) for one in state.hosts)
    return state.model_copy(update={"hosts": tuple(hosts)})


BRIDGE = "- network: {{name: n, driver: bridge, {}}}"
SAME = "subnets: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1, aux_addresses: {a: 10.9.0.1}}]"
TWICE = "subnets: [{subnet: 10.9.0.0/24, aux_addresses: {a: 10.9.0.9, b: 10.9.0.9}}]"
FIRST = "subnets: [{subnet: 10.9.0.0/24, aux_addresses: {a: 10.9.0.1}}]"
IN_ANOTHER_FORM = (
    "ipv6: true, subnets: [{subnet: 'fd00:9::/64', gateway: 'fd00:9::1', aux_addresses: {a: 'fd00:9:0::1'}}]"
)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (SAME, "aux address a 10.9.0.1 is the gateway, too"),
        (TWICE, "aux address b 10.9.0.9 is the aux address a, too"),
        (FIRST, "aux address a 10.9.0.1 is what engines take for the gateway"),
        (IN_ANOTHER_FORM, "is the gateway, too"),
        ("ipv4: false", "a bridge has IPv4 or IPv6"),
        ("ipv4: false, ipv6: false", "a bridge has IPv4 or IPv6"),
    ],
)
def test_d_addresses_that_engines_refuse_are_refused_before(fields: str, words: str) -> None:
    """Seen on 20.10, 26.1 and 28.5: "failed to allocate secondary ip address: Address already in use"."""
    assert words in refusal(BRIDGE.format(fields), newest(), HOSTS)


@pytest.mark.parametrize(
    "fields", [FIRST.replace("subnet:", "gateway: 10.9.0.254, subnet:"), "ipv4: false, ipv6: true"]
)
def test_what_engines_take_is_taken(fields: str) -> None:
    assert len(plan(BRIDGE.format(fields), newest(), HOSTS).actions) == 2


@pytest.mark.parametrize(
    "text", ["fdd1:ac8c:0557:7ce5::", "172.28.9.0", "10.1.0.0/33", "10.1.0.0/24/8", "10.01.0.0/24"]
)
def test_a11_a_subnet_without_its_length_or_in_no_notation_is_refused(text: str) -> None:
    words = refusal(f"- network: {{name: n, subnets: ['{text}']}}", newest(), HOSTS)
    assert f"{text!r} is not a subnet" in words
    assert "p.yml:4:32" in words


@pytest.mark.parametrize(("wanted", "present"), [("false", True), ("true", False)])
def test_a10_a_change_of_ipv4_is_seen(wanted: str, *, present: bool) -> None:
    there = Network(id="x", spec=NetworkSpec(name="n", driver="bridge", ipv4=present, ipv6=True))
    state = newest()
    hosts = tuple(facts.model_copy(update={"networks": (there,)}) for facts in state.hosts)
    made = plan(BRIDGE.format(f"ipv4: {wanted}"), state.model_copy(update={"hosts": hosts}), HOSTS)
    assert [change.path for action in made.actions for change in action.changes] == ["ipv4", "ipv4"]


def test_a13_two_local_networks_of_one_name_are_named_with_their_ids() -> None:
    twins = tuple(Network(id=id_, spec=NetworkSpec(name="n", driver="bridge")) for id_ in ("one", "two"))
    state = newest()
    hosts = tuple(facts.model_copy(update={"networks": twins}) for facts in state.hosts)
    words = refusal(BRIDGE.format("mtu: 1400"), state.model_copy(update={"hosts": hosts}), HOSTS)
    assert "m1 has 2 networks named 'n' (one, two): keep one" in words
