"""Networks on the wire: a law for all specs, and what real engines said."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.engine.wire.network import (
    MTU,
    data_path_from_wire,
    network_from_wire,
    network_to_wire,
    spec_from_wire,
)
from swarmnet.model.network import NetworkSpec, Scope, Subnet
from tests.support.recorded import VERSIONS, named, objects

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue

texts = st.text(max_size=12)
blocks = st.integers(0, 2**20 - 1).map(lambda number: IPv4Network((number << 12, 20)))
subnets = st.builds(
    lambda block, gateway, ranged, aux: Subnet(
        subnet=str(block),
        gateway=str(block[1]) if gateway else None,
        ip_range=str(next(block.subnets(new_prefix=24))) if ranged else None,
        aux_addresses={name: str(block[9]) for name in aux},
    ),
    blocks,
    st.booleans(),
    st.booleans(),
    st.sets(texts, max_size=2),
)
# What has a field of its own, or is the allocator's, is not a free option.
options = st.dictionaries(texts.filter(lambda key: key != "encrypted"), texts, max_size=3)
specs = st.builds(
    NetworkSpec,
    name=texts,
    driver=texts,
    scope=st.sampled_from([None, *Scope]),
    attachable=st.booleans(),
    internal=st.booleans(),
    ingress=st.booleans(),
    encrypted=st.booleans(),
    mtu=st.none() | st.integers(68, 65535),
    ipv4=st.booleans(),
    ipv6=st.booleans(),
    subnets=st.lists(subnets, max_size=3).map(tuple),
    ipam_driver=st.sampled_from(["default", "dhcp"]),
    ipam_options=options,
    options=options,
    labels=st.dictionaries(texts, texts, max_size=3),
    config_only=st.booleans(),
    config_from=st.none() | texts.filter(bool),
)


@given(specs)
def test_every_spec_comes_back_as_it_was_sent(spec: NetworkSpec) -> None:
    assert spec_from_wire(network_to_wire(spec)) == spec


def test_not_encrypted_is_said_by_leaving_the_option_out() -> None:
    assert "Options" not in network_to_wire(NetworkSpec(name="n", encrypted=False))


def test_duplicates_are_refused_by_old_engines_too() -> None:
    assert network_to_wire(NetworkSpec(name="n"))["CheckDuplicate"] is True


def test_ipv4_is_named_only_where_it_is_off() -> None:
    assert "EnableIPv4" not in network_to_wire(NetworkSpec(name="n"))
    assert network_to_wire(NetworkSpec(name="n", ipv4=False))["EnableIPv4"] is False


def test_a_network_that_inherits_names_no_addresses() -> None:
    assert "IPAM" not in network_to_wire(NetworkSpec(name="n", config_from="template"))


def test_ipv6_that_is_off_is_said_so_because_an_engine_may_have_another_default() -> None:
    assert network_to_wire(NetworkSpec(name="n"))["EnableIPv6"] is False


@pytest.mark.parametrize("value", ["false", "true", "", "0"])
def test_encrypted_counts_by_presence(value: str) -> None:
    assert spec_from_wire({"Options": {"encrypted": value}}).encrypted


@pytest.mark.parametrize("value", ["abc", "1400 ", "01400", "10", "99999"])
def test_an_mtu_that_is_none_stays_an_option(value: str) -> None:
    spec = spec_from_wire({"Options": {MTU: value}})
    assert (spec.mtu, spec.options) == (None, {MTU: value})


def test_a_gateway_loses_the_prefix_length_and_a_subnet_its_host_bits() -> None:
    block: JsonObject = {"Subnet": "10.0.0.5/24", "Gateway": "10.0.0.1/24", "IPRange": "10.0.0.130/25"}
    seen = spec_from_wire({"IPAM": {"Config": [block]}})
    assert seen.subnets == (Subnet(subnet="10.0.0.0/24", gateway="10.0.0.1", ip_range="10.0.0.128/25"),)


@pytest.mark.parametrize("ipam", [None, {}, {"Config": None}, {"Config": [{}]}])
def test_without_addresses_there_are_no_subnets(ipam: JsonValue) -> None:
    assert spec_from_wire({"IPAM": ipam}).subnets == ()


def test_the_allocators_own_ipam_option_is_not_a_wish() -> None:
    options: JsonObject = {"com.docker.network.ipam.serial": "true", "mine": "1"}
    assert spec_from_wire({"IPAM": {"Options": options}}).ipam_options == {"mine": "1"}


@pytest.mark.parametrize("version", VERSIONS)
class TestRecorded:
    def test_all_of_an_encrypted_overlay_is_read(self, version: str) -> None:
        seen = network_from_wire(named(version, "networks", "front"))
        assert seen.vnis == (4097,)
        assert seen.allocated
        assert seen.spec == NetworkSpec(
            name="front",
            driver="overlay",
            scope=Scope.SWARM,
            attachable=True,
            internal=False,
            ingress=False,
            encrypted=True,
            mtu=1400,
            ipv4=True,
            ipv6=False,
            ipam_driver="default",
            config_only=False,
            subnets=(Subnet(subnet="10.60.0.0/24", gateway="10.60.0.9", ip_range="10.60.0.128/25"),),
            labels={"tier": "front"},
        )

    def test_a_local_network_keeps_reserved_addresses_and_both_families(self, version: str) -> None:
        spec = network_from_wire(named(version, "networks", "local")).spec
        assert spec.ipv6
        assert spec.options == {"com.docker.network.bridge.name": "br-sn"}
        assert [block.subnet for block in spec.subnets] == ["10.61.0.0/24", "fd00:61::/64"]
        assert spec.subnets[0].aux_addresses == {"nas": "10.61.0.5"}

    def test_an_overlapping_network_is_not_allocated(self, version: str) -> None:
        seen = network_from_wire(named(version, "networks", "overlapping"))
        assert (seen.allocated, seen.spec.driver, seen.spec.subnets, seen.vnis) == (False, "", (), ())

    def test_a_swarm_scoped_macvlan_is_allocated_without_a_vni(self, version: str) -> None:
        seen = network_from_wire(named(version, "networks", "swarm-macvlan"))
        assert (seen.allocated, seen.vnis, seen.spec.config_from) == (True, (), "template")

    def test_config_only_networks_are_seen(self, version: str) -> None:
        assert network_from_wire(named(version, "networks", "template")).spec.config_only

    def test_the_engines_own_networks_are_marked(self, version: str) -> None:
        seen = [network_from_wire(network) for network in objects(version, "networks")]
        own = {network.spec.name for network in seen if network.predefined}
        assert own == {"bridge", "host", "none", "docker_gwbridge", "ingress"}


OWN = "dc9a4dce"
VERBOSE: dict[str, JsonValue] = {
    "Peers": [{"Name": "7874bf85cacb", "IP": "192.0.2.2"}],
    "Containers": {"4b53": {"Name": "c-w1", "EndpointID": OWN}, "lb-plain": {"Name": "plain-endpoint"}},
    "Services": {
        "": {
            "VIP": "<nil>",
            "Tasks": [
                {"Name": "c-w2", "EndpointID": "55ad8160", "Info": {"Host IP": "10.77.0.3"}},
                {"Name": "c-w1", "EndpointID": OWN, "Info": {"Host IP": "10.77.0.2"}},
            ],
        }
    },
}
"""As 20.10, 26.1 and 28.5 answer, less what does not matter."""


def test_an_overlay_says_where_the_engines_own_containers_are_not_where_its_peers_are() -> None:
    assert data_path_from_wire(VERBOSE) == "10.77.0.2"


@pytest.mark.parametrize("missing", [{"Containers": {}}, {"Services": None}, {"Services": {"": {"Tasks": [{}]}}}])
def test_without_an_own_container_an_overlay_says_nothing_of_the_engine(missing: dict[str, JsonValue]) -> None:
    assert data_path_from_wire(VERBOSE | missing) is None


def test_only_an_address_is_taken_for_one() -> None:
    task: JsonValue = {"EndpointID": OWN, "Info": {"Host IP": "eth1; reboot"}}
    with pytest.raises(ValueError, match="does not appear to be"):
        data_path_from_wire(VERBOSE | {"Services": {"web": {"Tasks": [task]}}})
