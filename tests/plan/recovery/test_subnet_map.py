"""Backups on other blocks: every address in an old block moves by the same distance, and what cannot move is named."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.network import Network, NetworkSpec, Subnet
from swarmnet.model.service import Dns
from swarmnet.model.state import Container, Endpoint
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.plan.recovery.selection import selection
from swarmnet.plan.recovery.subnet_map import SubnetMap, renumbered
from tests.support.backups import a_document

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument

OLD, NEW = "10.30.0.0/16", "172.20.0.0/16"


def the_map(**blocks: str) -> SubnetMap:
    return SubnetMap.of(blocks or {OLD: NEW})


def moved(document: BackupDocument, subnets: SubnetMap | None = None, *exclude: str) -> BackupDocument:
    return renumbered(document, subnets or the_map(), selection(document, (), exclude))


def with_state(document: BackupDocument, **changes: object) -> BackupDocument:
    return document.model_copy(update={"state": document.state.model_copy(update=changes)})


def with_service(**changes: object) -> BackupDocument:
    document = a_document()
    (web,) = document.state.services
    return with_state(document, services=(web.model_copy(update={"spec": web.spec.model_copy(update=changes)}),))


def with_front(*subnets: Subnet) -> BackupDocument:
    document = a_document()
    front = Network(id="n1", spec=NetworkSpec(name="front", subnets=subnets))
    return with_state(document, networks=(front, *document.state.networks[1:]))


def test_a_network_moves_with_its_gateway_its_range_and_its_reserved_addresses() -> None:
    block = Subnet(
        subnet="10.30.1.0/24",
        gateway="10.30.1.1",
        ip_range="10.30.1.128/25",
        aux_addresses={"router": "10.30.1.9", "far": "192.0.2.1"},
    )
    front = moved(with_front(block)).state.networks[0].spec.subnets
    assert front == (
        Subnet(
            subnet="172.20.1.0/24",
            gateway="172.20.1.1",
            ip_range="172.20.1.128/25",
            aux_addresses={"router": "172.20.1.9", "far": "192.0.2.1"},
        ),
    )


def test_the_pools_of_the_swarm_move() -> None:
    swarm = moved(a_document()).state.swarm
    assert swarm is not None
    assert swarm.spec.default_addr_pool == (NEW,)


def test_addresses_that_containers_ask_for_move_and_others_stay() -> None:
    document = a_document()
    places = (Endpoint(network="front", ipv4="10.30.1.77"), Endpoint(network="lan", ipv4="192.0.2.5", ipv6="fd00::5"))
    box = Container(id="b", name="legacy", image="i", running=True, endpoints=places)
    first, *others = document.state.hosts
    document = with_state(document, hosts=(first.model_copy(update={"containers": (box,)}), *others))
    (found,) = moved(document).state.hosts[0].containers
    assert [(one.ipv4, one.ipv6) for one in found.endpoints] == [("172.20.1.77", None), ("192.0.2.5", "fd00::5")]


def test_hosts_and_name_servers_of_services_move() -> None:
    document = with_service(hosts={"db": "10.30.2.7", "far": "192.0.2.1"}, dns=Dns(servers=("10.30.1.53", "8.8.8.8")))
    spec = moved(document).state.services[0].spec
    assert spec.hosts == {"db": "172.20.2.7", "far": "192.0.2.1"}
    assert spec.dns is not None
    assert spec.dns.servers == ("172.20.1.53", "8.8.8.8")


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("env", {"DB": "tcp://10.30.2.7:5432"}, "its variable DB has 10.30.2.7"),
        ("command", ("serve", "10.30.1.9"), "its command has 10.30.1.9"),
        ("args", ("--peer=10.30.1.9",), "its command has 10.30.1.9"),
    ],
)
def test_an_address_in_a_text_of_a_service_is_refused_with_its_place(field: str, value: object, what: str) -> None:
    with pytest.raises(RefusedError, match=f"service web: {what}"):
        moved(with_service(**{field: value}))
    assert moved(with_service(**{field: value}), None, "service/web").state.networks[0].spec.subnets


@pytest.mark.parametrize(
    "text", ["10.31.2.7", "110.30.2.7", "10.30.2.700", "v10.30.2.7", "1.10.30.2.7", "10.30.2", "::"]
)
def test_what_is_not_an_address_of_the_block_refuses_nothing(text: str) -> None:
    assert moved(with_service(env={"DB": text})).state.services[0].spec.env == {"DB": text}


def test_an_address_in_a_config_is_refused_unless_it_is_left_out() -> None:
    config = Config(id="k", version=1, spec=ConfigSpec(name="peers", data=b"upstream 10.30.1.5;\n\xff"))
    document = with_state(a_document(), configs=(config,))
    with pytest.raises(RefusedError, match=r"config peers: its data has 10\.30\.1\.5 in it"):
        moved(document)
    assert moved(document, None, "config/peers").state.configs == (config,)


def test_a_network_that_is_only_partly_in_the_block_is_refused_with_its_name() -> None:
    document = with_front(Subnet(subnet="10.30.0.0/15", gateway="10.30.0.1"))
    with pytest.raises(RefusedError, match=r"network front: 10\.30\.0\.0/15 is not all in 10\.30\.0\.0/16"):
        moved(document)


def test_a_block_without_a_network_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="no network of the backup is in it") as caught:
        moved(a_document(), the_map(**{"10.99.0.0/16": NEW}))
    assert "10.30.1.0/24" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ({"10.1.0.0/16": "10.2.0.0/24"}, "the same size"),
        ({"10.1.0.0/16": "fd00::/16"}, "the same size"),
        ({"10.1.0.0/16": "nonsense"}, "nonsense"),
        ({"10.1.0.1/16": "10.2.0.0/16"}, "host bits"),
        ({"10.1.0.0/16": "10.2.0.0/16", "10.1.2.0/24": "10.3.0.0/24"}, "share addresses"),
        ({"10.1.0.0/24": "10.2.0.0/24", "10.1.1.0/24": "10.2.0.0/24"}, "share addresses"),
    ],
)
def test_a_map_that_would_lose_addresses_is_refused(pairs: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        SubnetMap.of(pairs)


@given(st.integers(0, 2**16 - 1), st.integers(0, 8))
def test_there_and_back_is_where_it_was(offset: int, shorter: int) -> None:
    there, back = the_map(), the_map(**{NEW: OLD})
    first = int(ipaddress.ip_network(OLD).network_address)
    address = str(ipaddress.ip_address(first + offset))
    assert back.address(there.address(address)) == address
    assert ipaddress.ip_address(there.address(address)) in ipaddress.ip_network(NEW)
    prefix = str(ipaddress.ip_network(f"{address}/{24 + shorter}", strict=False))
    assert back.prefix(there.prefix(prefix)) == prefix


def test_addresses_of_version_6_move_too() -> None:
    six = SubnetMap.of({"fd00:1::/64": "fd00:2::/64"})
    assert (six.address("fd00:1::9"), six.prefix("fd00:1::/80"), six.address("10.0.0.1")) == (
        "fd00:2::9",
        "fd00:2::/80",
        "10.0.0.1",
    )
    assert [*six.literals("http://[fd00:1::9]:80, fd00:3::1")] == ["fd00:1::9"]
