"""Why A does not reach B: the first broken layer, from what containers saw and both ends counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import UsageError
from swarmnet.model.expectation import Arrow, Check, Party, PartyKind
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.report import Status
from swarmnet.model.service import Attachment
from swarmnet.model.subnet import Subnet
from swarmnet.verify.ends import End
from swarmnet.verify.keys import SAVE
from swarmnet.verify.scenario import Answer, HostCommand, InsideTask
from swarmnet.verify.scenarios.expected.asked import listening_of
from swarmnet.verify.scenarios.expected.outside import Outside
from swarmnet.verify.tracing.asking import ask, look
from swarmnet.verify.tracing.paths import paths_of
from swarmnet.verify.tracing.sections import sections_of
from swarmnet.verify.tracing.story import trace
from swarmnet.verify.tracing.wish import TraceWish
from swarmnet.workflows.fleet.observe import observe
from tests.support.simulated_probe import KIT, Paths, this_run
from tests.support.verified_world import traces
from tests.verify.scenarios.test_expected import API, DB, ENDS, WEB, Hosts, arrow, expecting
from tests.verify.scenarios.test_expected_outside import EVERYWHERE, OPERATOR, answers, published
from tests.verify.test_expected_story import world

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.trace import Layer, Path
    from swarmnet.verify.scenario import Answers, Setup
    from tests.simulator import World

__all__ = ["world"]
NAME = Party(kind=PartyKind.NAME, name="deb.example")


RULES = """*nat
:PREROUTING ACCEPT
:POSTROUTING ACCEPT
-A POSTROUTING -s 172.18.0.0/16 ! -o docker_gwbridge -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT
:FORWARD DROP
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker_gwbridge -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker_gwbridge ! -o docker_gwbridge -j ACCEPT
-A FORWARD -o docker_gwbridge -p tcp -m tcp --dport 8080 -j ACCEPT
-A FORWARD -i docker_gwbridge -p tcp -m tcp --sport 8080 -j ACCEPT
COMMIT
"""
"""Rules of a host as an engine leaves them."""


PLACES: dict[str, JsonObject] = {
    "api.1": {"10.2.0.2": {"device": "eth0", "mtu": 1450, "mac": "02"}},
    "db.1": {"10.2.0.3": {"device": "eth0", "mtu": 1450, "mac": "02"}},
    "web.1": {"172.18.0.3": {"device": "eth1", "mtu": 1500, "mac": "02"}},
}
"""The addresses of each container, as far as they matter."""


class Containers(Hosts):
    """What containers see, with their routes and the echoes that they count."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.unheard: set[str] = set()
        """Addresses whose echoes are not answered."""
        self.arrives = True
        """Whether they are counted there, all the same."""
        self.commands = {"iptables-save": RULES, "cat": "1\n"}
        """What programs of a host print."""
        self.exit = 0
        """How a connection ends that a host tries itself."""
        self.largest = 1450
        """Bytes of a packet that passes."""
        self.measured = 0
        """Packets of all sizes, of ten that each container got, that arrive; two were answered."""
        self.routes: list[JsonObject] = [{"to": "default", "via": "172.18.0.1", "device": "eth1"}]

    def traced(self, way: Arrow) -> Path:
        (path,) = self.paths(way)
        return path

    def paths(self, way: Arrow) -> tuple[Path, ...]:
        found: Answers = {}
        while new := [one for one in ask(self.setup, found, way) if (one.host, one.key) not in found]:
            for one in new:
                assert isinstance(one, InsideTask | HostCommand)
                found[one.host, one.key] = self.said(one) if isinstance(one, InsideTask) else self.ends(one)
        return paths_of(self.setup, found, way)

    def ends(self, question: HostCommand) -> Answer:
        """Return how a command on a host ends."""
        printed = self.commands.get(question.argv[0], "")
        return Answer({"exit": self.exit if question.argv[0] == "timeout" else 0, "stdout": printed, "stderr": ""})

    def said(self, question: InsideTask) -> Answer:
        kind, targets = question.task["kind"], question.task.get("targets")
        names: JsonObject = targets if isinstance(targets, dict) else {}
        if kind == "namespace":
            came = 6 if self.arrives else 1
            asked = came if question.key.endswith("after") else 0
            asked = came + self.measured if question.key.endswith("sized") else asked
            return Answer({"routes": [*self.routes], "resolver": ["nameserver 127.0.0.11"], "asked": asked})
        if kind == "icmp":
            lost = {name: question.inside == "api.1" and name in self.unheard for name in names}
            return Answer({"targets": {name: {"ok": not lost[name], "tries": 5 if lost[name] else 1} for name in lost}})
        if kind == "sizes":
            size: JsonObject = {"ok": self.largest == question.task["size"], "largest": self.largest, "exact": True}
            size |= {"sent": 10, "answered": 2}
            return Answer({"targets": dict.fromkeys(names, size)})
        if kind == "outside":
            return Answer({"targets": {"outside": {"code": "no such name", "ms": 2.0}}})
        return Answer({"places": {**PLACES.get(question.inside, {})}}) if kind == "places" else self._answer(question)


def broken(path: Path) -> Layer:
    assert path.status is Status.FAILED
    assert {layer.status for layer in path.layers[:-1]} <= {Status.OK, Status.SKIPPED}
    return path.layers[-1]


def test_a_way_that_works_names_all_of_its_layers() -> None:
    path = Containers(expecting(arrow(API, DB, 5432))).traced(arrow(API, DB, 5432))
    assert (path.status, path.source) == (Status.OK, "api.1 on m2")
    assert [one.name for one in path.layers] == [
        "container",
        "target",
        "network",
        "name",
        "overlay",
        "loss",
        "size",
        "port",
        "balancer",
        "answer",
    ]


SILENT: JsonObject = {"seen": "silent", "why": "no answer", "addresses": ["10.2.0.9"]}
REFUSED: JsonObject = {"seen": "refused", "why": "Connection refused"}


@pytest.mark.parametrize(
    ("label", "outcome", "layer", "cause"),
    [
        ("db:5432", {"seen": "unresolvable", "why": "no such name"}, "name", "unresolvable"),
        ("db:5432", {"seen": "open", "why": "", "addresses": ["10.2.0.77"]}, "name", "stale-address"),
        ("10.2.0.4:5432", REFUSED, "port", "refused"),
        ("10.2.0.4:5432", SILENT, "port", "blocked"),
        ("db:5432", SILENT, "balancer", "vip"),
    ],
)
def test_the_first_broken_layer_ends_the_way_and_names_its_cause(
    label: str, outcome: JsonObject, layer: str, cause: str
) -> None:
    hosts = Containers(expecting(arrow(API, DB, 5432)))
    hosts.says["api.1", label] = outcome
    found = broken(hosts.traced(arrow(API, DB, 5432)))
    assert (found.name, found.cause) == (layer, cause)
    assert found.fix


@pytest.mark.parametrize(("address", "is_hidden"), [("10.2.0.41", True), ("10.2.0.9", False)])
def test_an_extra_host_of_the_source_comes_before_the_resolver(address: str, *, is_hidden: bool) -> None:
    way = arrow(API, DB, 5432)
    setup = expecting(way)
    back = NetworkSpec(name="back", driver="overlay", subnets=(Subnet(subnet="10.2.0.0/24"),))
    spec = {"networks": (Attachment(network="back"),), "hosts": {"db": address}}
    services = [one.model_copy(update={"spec": one.spec.model_copy(update=spec)}) for one in setup.state.services]
    known = {"networks": (Network(id="back", spec=back),), "services": tuple(services)}
    path = Containers(replace(setup, state=setup.state.model_copy(update=known))).traced(way)
    assert [layer.name for layer in path.layers if layer.cause == "hosts-entry"] == ["name"] * is_hidden
    assert (path.status is Status.FAILED) is is_hidden


@pytest.mark.parametrize(
    ("arrives", "way", "said"),
    [(True, ("m1", "m2"), "get lost on the way back"), (False, ("m2", "m1"), "nothing arrives there")],
)
def test_both_ends_count_which_way_loses_packets(way: tuple[str, str], said: str, *, arrives: bool) -> None:
    another = End("api", "m3", "api.2", "c9", {"back": "10.2.0.8"}, asks=True)
    hosts = Containers(replace(expecting(arrow(API, DB, 5432)), ends=(*ENDS, another)))
    hosts.unheard, hosts.arrives = {"10.2.0.3"}, arrives
    hosts.says["api.1", "10.2.0.3:5432"] = SILENT
    path, works = hosts.paths(arrow(API, DB, 5432))
    assert works.status is Status.OK
    found = broken(path)
    assert (found.name, found.cause) == ("overlay", "unreached")
    assert found.detail.startswith(f"{way[0]} -> {way[1]} on back: ")
    assert (found.evidence["from"], found.evidence["to"]) == way
    assert said in found.detail


def test_no_common_network_no_container_and_no_port_are_layers_of_their_own() -> None:
    apart = Containers(expecting(arrow(WEB, DB, 5432)))
    assert broken(apart.traced(arrow(WEB, DB, 5432))).cause == "no-shared-network"
    gone = Containers(replace(expecting(arrow(API, DB)), ends=ENDS[:2]))
    assert broken(gone.traced(arrow(API, DB))).cause == "no-running-task"
    mute = Containers(expecting(arrow(API, DB)))
    mute.sockets |= {"db.1": [], "db.2": []}
    assert broken(mute.traced(arrow(API, DB))).cause == "not-listening"


def test_sockets_that_no_kernel_would_name_are_left_out() -> None:
    hosts = Containers(expecting(arrow(API, DB)))
    hosts.sockets["db.1"] += [{"protocol": "tcp", "address": "x", "port": 1}, {"port": 2}, 3]
    assert hosts.traced(arrow(API, DB)).status is Status.OK


def test_a_container_that_cannot_be_asked_is_inconclusive() -> None:
    hosts = Containers(expecting(arrow(API, DB, 5432)))
    hosts.setup = replace(hosts.setup, ends=(ENDS[0], replace(ENDS[1], problem="it ended"), *ENDS[2:]))
    path = hosts.traced(arrow(API, DB, 5432))
    assert (path.status, [one.name for one in path.layers]) == (Status.INCONCLUSIVE, ["container"])


def test_the_way_out_is_a_name_a_route_and_a_port() -> None:
    way = arrow(WEB, NAME, 443)
    hosts = Containers(expecting(way))
    hosts.says["web.1", "deb.example:443"] = {"seen": "open", "why": "", "addresses": ["192.0.2.7"]}
    assert [one.name for one in hosts.traced(way).layers] == [
        *("container", "name", "route", "firewall", "masquerade", "port")
    ]
    hosts.says["web.1", "deb.example:443"] = {"seen": "unreachable", "why": "x", "addresses": ["192.0.2.7"]}
    hosts.routes = []
    found = broken(hosts.traced(way))
    words = str(found.fix).partition(": ")[2]
    assert (found.name, words) == ("route", "docker service update --network-add NETWORK web")
    hosts.says["web.1", "deb.example:443"] = {"seen": "unresolvable", "why": "server failure"}
    assert broken(hosts.traced(way)).name == "name"


DROP = RULES.replace("-A FORWARD -j", "-A DOCKER-USER -j DROP\n-A FORWARD -j")
ASKED = DROP.replace("-j DROP", "-m conntrack --ctorigdstport 443:8080 --ctdir ORIGINAL -j DROP")


@pytest.mark.parametrize(
    ("commands", "exit_code", "layer", "cause", "said"),
    [
        ({"iptables-save": DROP}, 124, "firewall", "firewall-drops", "-A DOCKER-USER -j DROP"),
        ({"iptables-save": ASKED}, 124, "firewall", "firewall-drops", "--ctorigdstport 443:8080"),
        (
            {"iptables-save": RULES.replace("-i docker_gwbridge !", "-i x !")},
            124,
            "firewall",
            "firewall-drops",
            "policy",
        ),
        ({"cat": "0\n"}, 124, "firewall", "ip-forward", "net.ipv4.ip_forward is 0"),
        ({"iptables-save": RULES.replace("172.18.", "172.19.")}, 124, "masquerade", "no-masquerade", "172.18.0.3"),
        ({}, 0, "port", "blocked", "m1 itself reaches it"),
        ({}, 124, "port", "blocked", "m1 itself does not reach it either"),
    ],
)
def test_the_way_out_ends_where_the_host_does_not_pass_it_on(
    commands: dict[str, str], exit_code: int, layer: str, cause: str, said: str
) -> None:
    way = arrow(WEB, NAME, 443)
    hosts = Containers(expecting(way))
    hosts.says["web.1", "deb.example:443"] = SILENT | {"addresses": ["192.0.2.7"]}
    hosts.commands |= commands
    hosts.exit = exit_code
    found = broken(hosts.traced(way))
    assert (found.name, found.cause) == (layer, cause)
    assert said in found.detail
    assert found.fix


@pytest.mark.parametrize(
    ("arrived", "way", "ends"),
    [
        (2, "m2 -> m1: ", ("m2", "m1", "10.2.0.3")),
        (10, "m1 -> m2: ", ("m1", "m2", "10.2.0.2")),
        (6, "m1 and m2: both ways, or one of them: ", ("m2", "m1", "10.2.0.3")),
    ],
)
def test_packets_of_full_size_that_get_lost_are_a_layer_that_names_the_one_way_that_loses_them(
    arrived: int, way: str, ends: tuple[str, str, str]
) -> None:
    hosts = Containers(expecting(arrow(API, DB, 5432)))
    hosts.largest, hosts.measured = 1372, arrived
    found = broken(hosts.traced(arrow(API, DB, 5432)))
    assert (found.name, found.cause) == ("size", "mtu")
    assert found.detail == (
        f"{way}packets of 1450 bytes, the MTU of back, get lost; 1372 bytes pass: connections open, then hang"
    )
    assert tuple(found.evidence[key] for key in ("from", "to", "address")) == ends


def test_the_way_of_the_operators_machine_is_a_published_port() -> None:
    way = arrow(OPERATOR, WEB, 8080)
    setup = published(way)
    for says, status in ((EVERYWHERE, Status.OK), ({}, Status.FAILED)):
        (path,) = paths_of(setup, answers(setup, Outside(), says), way)
        assert path.status is status
        assert path.layers[-1].name == "published"


@pytest.mark.parametrize(
    ("port", "rules", "door", "layer", "cause", "said"),
    [
        (
            80,
            DROP,
            8080,
            "firewall",
            "firewall-drops",
            "the firewall of m1 drops these packets: -A DOCKER-USER -j DROP",
        ),
        (80, ASKED, 8080, "firewall", "firewall-drops", "--ctorigdstport 443:8080"),
        (8000, RULES, 8080, "program", "not-listening", "8080 leads to port 80 of web.1 on m1, and no program"),
        (80, RULES, 9090, "published", "port-closed", "web does not publish 9090, it publishes 8080/tcp"),
        (80, RULES, 8080, "published", "blocked", "does not open on m1"),
    ],
)
def test_what_keeps_a_published_port_from_the_operators_machine_is_a_layer(
    port: int, rules: str, door: int, layer: str, cause: str, said: str
) -> None:
    way = arrow(OPERATOR, WEB, door)
    setup = published(way)
    found = answers(setup, Outside(), dict.fromkeys(EVERYWHERE, "silent"))
    for host in setup.approaches:
        found[host, SAVE.name] = Answer({"exit": 0, "stdout": rules})
    sockets: JsonObject = {"sockets": [{"protocol": "tcp", "address": "*", "port": port}]}
    found["m1", listening_of(ENDS[0]).name] = Answer(sockets)
    (path,) = paths_of(setup, found, way)
    last = broken(path)
    assert (last.name, last.cause, said in last.detail) == (layer, cause, True), last


def test_a_party_alone_is_shown_section_by_section() -> None:
    hosts = Containers(expecting(db=Check(tcp=5432)))
    found: Answers = {}
    for one in look(hosts.setup, "db"):
        assert isinstance(one, InsideTask | HostCommand)
        found[one.host, one.key] = hosts.said(one) if isinstance(one, InsideTask) else hosts.ends(one)
    path = sections_of(hosts.setup, found, "db")[0]
    reported = {one.name: one.detail for one in path.layers}
    assert reported == {
        "state": "runs on m1, container c3",
        "networks": "back 10.2.0.3",
        "ports": "none",
        "interfaces": "eth0 10.2.0.3 mtu 1450 02",
        "routes": "default via 172.18.0.1 on eth1",
        "resolver": "nameserver 127.0.0.11",
        "sockets": "tcp *:5432",
        "outside": "none",
        "names outside": "are answered for",
    }
    (gone,) = sections_of(replace(hosts.setup, ends=()), found, "db")
    assert gone.status is Status.FAILED


@pytest.mark.parametrize("ways", [(arrow(WEB, DB, 80),), (arrow(WEB, DB, 80), arrow(WEB, DB, 81)), ()])
def test_a_trace_enters_all_ends_and_leaves_nothing(world: World, ways: tuple[Arrow, ...]) -> None:
    Paths(world)
    ports = world.ports()
    result = trace(ports, observe(ports), TraceWish(WEB, ways), kit=KIT, run=this_run())
    assert len(result.paths) == 3 * max(1, len(ways))
    assert {path.source.partition(" on ")[2] for path in result.paths} == {"m1", "w1", "w2"}
    assert traces(world) == []


def test_a_source_that_cannot_ask_is_refused(world: World) -> None:
    ports, host = world.ports(), Party(kind=PartyKind.HOST, name="m1")
    with pytest.raises(UsageError, match="m1 cannot ask"):
        trace(ports, observe(ports), TraceWish(host), kit=KIT, run=this_run())


def test_packets_that_get_lost_are_verified_between_those_hosts_and_nothing_stays(world: World) -> None:
    paths, ports = Paths(world), world.ports()
    state = observe(ports)
    (db,) = [one for one in state.services if one.spec.name == "db"]
    node = state.node_of("w1")
    assert node is not None
    (there,) = [one for one in state.tasks if one.service_id == db.id and one.node_id == node.id]
    address = there.networks["closed"][0].partition("/")[0]
    paths.cut |= {("m1", address), ("m1", "w1")}
    paths.unanswered[f"{address}:80"] = "no answer"
    result = trace(ports, state, TraceWish(WEB, (arrow(WEB, DB, 80),)), kit=KIT, run=this_run())
    (lost,) = [last for path in result.paths if (last := path.layers[-1]).name == "overlay"]
    assert lost.cause == "underlay"
    assert {key: lost.evidence[key] for key in ("from", "to", "network", "address")} == {
        "from": "m1",
        "to": "w1",
        "network": "closed",
        "address": address,
    }
    assert lost.fix
    assert traces(world) == []
