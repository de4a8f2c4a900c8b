"""Which differences between a host, the managers' list and the inventory are honest, and which are not (H1, H10)."""

from __future__ import annotations

import pytest

from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.state import EngineFacts, HostFacts, SwarmMembership, SwarmStanding
from swarmnet.model.swarm import Node, NodeSpec, Swarm, SwarmSpec
from swarmnet.model.trust import contradictions, is_same_name, on_their_word

SWARM = Swarm(id="swarm", version=1, spec=SwarmSpec())


def host(name: str, address: str, *, advertise: str | None = None) -> Host:
    role = Role.MANAGER if name.startswith("m") else Role.WORKER
    return Host(name=name, address=address, role=role, advertise=advertise)


def node(node_id: str, hostname: str, address: str, *, status: str = "ready", role: Role = Role.WORKER) -> Node:
    return Node(id=node_id, version=1, hostname=hostname, spec=NodeSpec(role=role), status=status, address=address)


def says(name: str, node_id: str, hostname: str, *, cluster: str = "") -> HostFacts:
    membership = SwarmMembership(state=SwarmStanding.ACTIVE, node_id=node_id, cluster_id=cluster)
    engine = EngineFacts(id="E", version="28.5.2", api_version="1.51", hostname=hostname, membership=membership)
    return HostFacts(host=name, engine=engine)


M1 = (host("m1", "192.0.2.1"), node("n1", "m1", "192.0.2.1", role=Role.MANAGER), says("m1", "n1", "m1"))

HONEST = {
    "the address of the inventory": (host("w1", "192.0.2.2"), node("n2", "w1", "192.0.2.2"), "w1"),
    "another hostname than its name": (host("w1", "192.0.2.2"), node("n2", "ip-10-0-0-2", "192.0.2.2"), "ip-10-0-0-2"),
    "a private address": (host("w1", "192.0.2.2"), node("n2", "box7", "10.0.0.2"), "box7"),
    "a private address that is written": (
        host("w1", "192.0.2.2", advertise="10.0.0.2"),
        node("n2", "box7", "10.0.0.2"),
        "box7",
    ),
    "a DNS name": (host("w1", "w1.example.net"), node("n2", "box7", "10.0.0.2"), "box7"),
    "an interface to advertise": (host("w1", "192.0.2.2", advertise="eth1"), node("n2", "w1", "10.0.0.2"), "w1"),
    "a hostname with a domain": (host("w1", "192.0.2.2"), node("n2", "w1", "192.0.2.2"), "W1.example.net"),
    "no address of its own": (host("w1", "192.0.2.2"), node("n2", "w1", "0.0.0.0"), "w1"),  # noqa: S104 - moby#35437
    "loopback": (host("w1", "192.0.2.2"), node("n2", "w1", "127.0.0.1"), "w1"),
    "just joining": (host("w1", "192.0.2.2"), node("n2", "", ""), "w1"),
    "IPv6 in another form": (host("w1", "2001:db8:0:0::2"), node("n2", "w1", "2001:db8::2"), "w1"),
    "the name of every other host": (host("w1", "192.0.2.2"), node("n2", "debian", "192.0.2.2"), "debian"),
}


@pytest.mark.parametrize(("this", "entry", "hostname"), HONEST.values(), ids=HONEST.keys())
def test_an_honest_difference_is_not_a_contradiction(this: Host, entry: Node, hostname: str) -> None:
    inventory = Inventory(cluster="c", hosts=(M1[0], this))

    assert contradictions([M1[2], says("w1", "n2", hostname)], SWARM, [M1[1], entry], inventory) == {}


def test_a_host_that_joined_again_is_listed_next_to_the_entry_that_it_left() -> None:
    this = host("w1", "192.0.2.2")
    entries = [M1[1], node("old", "w1", "192.0.2.2", status="down"), node("n2", "w1", "10.0.0.2")]

    seen = [M1[2], says("w1", "n2", "w1")]

    assert contradictions(seen, SWARM, entries, Inventory(cluster="c", hosts=(M1[0], this))) == {}


LIES = {
    "the address of another host": (host("w1", "192.0.2.2"), "n1", "m1", "that is the address of m1"),
    "another hostname": (host("w1", "192.0.2.2"), "n1", "w1", "the managers list that node as m1"),
    "its own address is another node's": (host("w1", "192.0.2.2"), "n3", "x9", "node n2 at its address"),
    "its own name is another node's": (host("w1", "w1.example.net"), "n3", "x9", "the node called w1 is n2"),
    "an unknown node": (host("w1", "192.0.2.2"), "n9", "w1", "was removed from this one: its node n9 is not among"),
}


@pytest.mark.parametrize(("this", "claimed", "hostname", "words"), LIES.values(), ids=LIES.keys())
def test_a_host_that_claims_what_is_anothers_is_named(this: Host, claimed: str, hostname: str, words: str) -> None:
    entries = [M1[1], node("n2", "w1", "192.0.2.2"), node("n3", "x9", "192.0.2.9")]

    found = contradictions([says("w1", claimed, hostname)], SWARM, entries, Inventory(cluster="c", hosts=(M1[0], this)))

    assert list(found) == ["w1"]
    assert words in found["w1"]


LED = {
    "its own name led to another node's address": ({"w1": "192.0.2.2"}, "node n2 at its address"),
    "another name led to the address of the claimed node": ({"w2": "192.0.2.9"}, "that is the address of w2"),
}


@pytest.mark.parametrize(("led", "words"), LED.values(), ids=LED.keys())
def test_h10_a_host_with_a_dns_name_is_held_against_the_address_to_which_names_led(
    led: dict[str, str], words: str
) -> None:
    """Hostnames that say nothing about names of the inventory: only addresses can tell w1 from w2."""
    hosts = (M1[0], host("w1", "w1.example.net"), host("w2", "w2.example.net"))
    entries = [M1[1], node("n2", "ip-2", "192.0.2.2"), node("n3", "ip-9", "192.0.2.9")]
    located = {name: frozenset({address}) for name, address in led.items()}

    found = contradictions([says("w1", "n3", "ip-9")], SWARM, entries, Inventory(cluster="c", hosts=hosts), located)

    assert words in found["w1"]


def test_h10_a_worker_that_nothing_but_its_word_places_is_named() -> None:
    hosts = (M1[0], *(host(name, f"{name}.example.net") for name in ("w1", "w2", "w3")))
    entries = [M1[1], node("n2", "ip-2", "10.0.0.2"), node("n3", "ip-3", "10.0.0.3"), node("n4", "w3", "10.0.0.4")]
    seen = [M1[2], says("w1", "n2", "ip-2"), says("w2", "n3", "ip-3"), says("w3", "n4", "w3")]

    found = on_their_word(seen, entries, Inventory(cluster="c", hosts=hosts), {"w2": frozenset({"10.0.0.3"})})

    assert found == ("w1",)


def test_a_worker_that_may_be_a_manager_who_does_not_answer_is_not_believed() -> None:
    inventory = Inventory(cluster="c", hosts=(M1[0], host("m2", "m2.example.net"), host("w1", "w1.example.net")))
    entries = [M1[1], node("n2", "box", "10.0.0.2", role=Role.MANAGER)]

    found = contradictions([M1[2], says("w1", "n2", "box")], SWARM, entries, inventory)

    assert "which may be m2" in found["w1"]
    assert "advertise: ADDRESS" in found["w1"]


def test_a_manager_of_another_swarm_is_named_with_both() -> None:
    found = contradictions([says("m1", "n7", "m1", cluster="other")], SWARM, [], Inventory(cluster="c", hosts=(M1[0],)))

    assert found["m1"] == "is in another swarm, other; the managers of the inventory answer for swarm"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("m1", "M1", True),
        ("m1", "m1.example.net", True),
        ("m1.example.net.", "m1.example.net", True),
        ("m1", "m10", False),
        ("m1.a.net", "m1.b.net", False),
        ("", "m1", False),
        ("", "", False),
    ],
)
def test_names_of_one_host(one: str, other: str, *, same: bool) -> None:
    assert is_same_name(one, other) is same
    assert is_same_name(other, one) is same
