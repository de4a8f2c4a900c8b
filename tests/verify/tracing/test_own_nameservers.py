"""A trace names what of a service itself keeps it from what is outside: its nameservers, and its own subnets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmnet.model.container_parts import Dns
from swarmnet.model.network import Subnet
from tests.verify.scenarios.test_expected import WEB, arrow, expecting
from tests.verify.tracing.test_trace import NAME, Containers, broken


def test_an_address_outside_that_is_in_the_subnet_of_the_containers_own_network_is_named_with_it() -> None:
    """Packets of a container for its own subnet stay on the overlay, whatever routes its host has."""
    way = arrow(WEB, NAME, 443)
    hosts = Containers(expecting(way))
    state, (end, *_) = hosts.setup.state, hosts.setup.ends
    name = next(iter(end.addresses))
    networks = tuple(
        net.model_copy(update={"spec": net.spec.model_copy(update={"subnets": (Subnet(subnet="192.0.2.0/24"),)})})
        if net.spec.name == name
        else net
        for net in state.networks
    )
    hosts.setup = replace(hosts.setup, state=state.model_copy(update={"networks": networks}))
    hosts.says["web.1", "deb.example:443"] = {"seen": "silent", "why": "no answer", "addresses": ["192.0.2.7"]}
    found = broken(hosts.traced(way))
    assert (found.name, found.cause) == ("route", "subnet-hides-route")
    assert found.detail.startswith(f"192.0.2.7 is in 192.0.2.0/24 of {name}, on which web.1")


@pytest.mark.parametrize(
    ("server", "program", "cause", "said"),
    [
        ("127.0.0.1", "@process box-web-1\n1 (web) S 0\n", "dns-loopback", "is the container itself"),
        ("192.0.2.53", "", "unresolvable", "the engine asks 192.0.2.53 for them, from inside web.1"),
    ],
)
def test_a_name_outside_that_is_not_found_says_which_nameserver_the_service_named(
    server: str, program: str, cause: str, said: str
) -> None:
    way = arrow(WEB, NAME, 443)
    hosts = Containers(expecting(way))
    state = hosts.setup.state
    services = tuple(
        one.model_copy(update={"spec": one.spec.model_copy(update={"dns": Dns(servers=(server,))})})
        for one in state.services
    )
    hosts.setup = replace(hosts.setup, state=state.model_copy(update={"services": services}))
    box = next(one.container for one in hosts.setup.ends if one.name == "web.1")
    hosts.commands["sh"] = program.replace("box-web-1", box)
    hosts.says["web.1", "deb.example:443"] = {"seen": "unresolvable", "why": "server failure"}
    found = broken(hosts.traced(way))
    assert (found.name, found.cause, said in found.detail) == ("name", cause, True), found
    assert str(found.fix).count(f"docker service update --dns-rm {server} web") == 1
