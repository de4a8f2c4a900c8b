from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.errors import LabError, UsageError
from swarmnet.lab.machine.subnets import addresses, choose

private_networks = st.builds(
    lambda second, third, prefix: IPv4Network(f"10.{second}.{third}.0/{prefix}", strict=False),
    st.integers(200, 220),
    st.integers(0, 255),
    st.integers(12, 24),
)


@given(st.lists(private_networks, max_size=20))
def test_the_chosen_subnet_is_private_and_overlaps_nothing_that_is_taken(taken: list[IPv4Network]) -> None:
    chosen = choose(None, hosts=3, taken=dict.fromkeys(taken, "taken"))

    assert chosen.is_private
    assert chosen.prefixlen == 24
    assert not any(chosen.overlaps(network) for network in taken)


def test_a_route_for_all_of_10_is_avoided() -> None:
    assert not choose(None, hosts=3, taken={IPv4Network("10.0.0.0/8"): "vpn"}).overlaps(IPv4Network("10.0.0.0/8"))


def test_a_machine_that_uses_every_private_network_is_asked_to_name_one() -> None:
    everything = dict.fromkeys(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")), "vpn")

    with pytest.raises(LabError, match="no private /24 is free"):
        choose(None, hosts=3, taken=everything)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ("10.1.2.0/24", "in use: address 10.1.2.3 of eth0"),
        ("8.8.8.0/24", "not private"),
        ("10.9.9.0/29", "too small"),
    ],
)
def test_a_wanted_subnet_that_cannot_be_is_refused(wanted: str, complaint: str) -> None:
    taken = {IPv4Network("10.1.2.0/25"): "address 10.1.2.3 of eth0"}

    with pytest.raises(UsageError, match=complaint):
        choose(IPv4Network(wanted), hosts=6, taken=taken)


@given(prefix=st.integers(16, 29), count=st.integers(1, 200))
def test_hosts_get_addresses_of_their_own_inside_the_subnet(prefix: int, count: int) -> None:
    subnet = IPv4Network(f"10.99.0.0/{prefix}")
    if subnet.num_addresses < count + 3:
        return

    given_out = addresses(subnet, [f"h{number}" for number in range(count)])

    reserved = {subnet[0], subnet[1], subnet[-1]}
    assert len(set(given_out.values())) == count
    assert all(address in subnet and address not in reserved for address in given_out.values())
