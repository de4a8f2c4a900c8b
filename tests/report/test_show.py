"""What is where: one view of the managers and of all hosts, in every format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import UsageError
from swarmnet.model.network import NetworkSpec
from swarmnet.model.service import Attachment, ServiceSpec
from swarmnet.model.topology import topology
from swarmnet.model.volume import VolumeSpec
from swarmnet.report.documents.show import ShowDocument, show_document
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.show import VIEWS, show_report
from swarmnet.workflows.fleet.observe import RECORDED, Look, observe
from swarmnet.workflows.volume_sizes import sizes_of_volumes
from tests.simulator import World
from tests.support.goals import run

if TYPE_CHECKING:
    from collections.abc import Iterable

SITE = """
schema: 1
name: site
steps:
  - swarm: {}
  - network: {name: front, attachable: true, subnets: [10.20.0.0/24]}
  - network: {name: lan, driver: bridge, subnets: [172.28.0.0/24]}
    on: w1
  - service:
      name: web
      image: "demo:1"
      replicas: 2
      networks: [{network: front, aliases: [shop]}]
      ports: ["8080:80", "9100:9100@host", "70"]
      labels: {com.docker.stack.namespace: shop}
  - service: {name: db, image: "demo:1", mounts: ["pgdata:/data"], constraints: [node.hostname == w1]}
  - container: {name: adminer, image: "adminer:4", networks: [{network: lan, ipv4: 172.28.0.9}, front]}
    on: w1
  - service:
      {name: agent, image: "demo:1", mode: global, endpoint_mode: dnsrr, networks: [front], hosts: {old: 10.20.0.99}}
"""


@pytest.fixture(scope="module")
def whole() -> ShowDocument:
    world = World(managers=1, workers=1)
    run(world, SITE)
    world.engine("w1").volumes.create(VolumeSpec(name="spare"))
    world.settle()
    ports = world.ports()
    state = observe(ports, RECORDED)
    sizes, failures = sizes_of_volumes(ports, state)
    assert failures == ()
    return show_document(topology(state, sizes), "shop")


@pytest.mark.parametrize(
    "made",
    ["{name: lan, driver: macvlan, scope: swarm, config_from: parts}", "{name: lan, driver: bridge, scope: swarm}"],
)
def test_no_name_is_shown_on_a_network_that_is_each_hosts_own(made: str) -> None:
    """Seen on 20.10, 26.1 and 28.5: no resolver knows a service, its alias or ``tasks.NAME`` there."""
    world = World(managers=1)
    run(
        world,
        f"""
schema: 1
name: lan
steps:
  - swarm: {{}}
  - network:
      name: parts
      driver: macvlan
      config_only: true
      options: {{parent: eth0}}
      subnets: [{{subnet: 192.0.2.0/24}}]
  - network: {made}
  - network: {{name: jobs}}
  - service: {{name: spooler, image: "demo:1", endpoint_mode: dnsrr, networks: [jobs, lan]}}
""",
    )
    world.settle()
    places = topology(observe(world.ports(), RECORDED)).places
    names = {place.network.spec.name: {name for one in place.members for name in one.names} for place in places}
    assert names["lan"] == set()
    assert names["jobs"] == {"spooler", "tasks.spooler"}


def test_an_empty_alias_that_the_api_takes_is_not_a_name() -> None:
    world = World(managers=1)
    world.bootstrap()
    network = world.engine("m1").networks.create(NetworkSpec(name="front"))
    world.settle()
    places = (Attachment(network="front", aliases=("", "db")),)
    world.engine("m1").services.create(ServiceSpec(name="web", image="web:1", replicas=1, networks=places))
    world.settle()
    (place,) = (one for one in topology(observe(world.ports(), RECORDED)).places if one.network.id == network)
    assert {name for one in place.members for name in one.names} == {"web", "db", "tasks.web"}


def text(whole: ShowDocument, word: str, name: str | None = None, form: str = "terminal") -> str:
    return FORMATS[form].render(show_report(word, whole, name))


def members(whole: ShowDocument, network: str) -> Iterable[tuple[str, str, str | None, tuple[str, ...]]]:
    (place,) = (one for one in whole.networks if one.name == network)
    return [(one.kind, one.name, one.host, tuple(one.names)) for one in place.members]


def test_a_network_has_tasks_and_virtual_addresses_with_the_names_that_lead_to_them(whole: ShowDocument) -> None:
    found = members(whole, "front")
    assert ("vip", "web", None, ("web", "shop")) in found
    assert {(kind, host, names) for kind, name, host, names in found if name.startswith("agent")} == {
        ("task", "m1", ("agent", "tasks.agent")),
        ("task", "w1", ("agent", "tasks.agent")),
    }
    assert sum(kind == "task" and name.startswith("web.") for kind, name, _host, _names in found) == 2


def test_networks_of_single_hosts_are_in_the_same_list(whole: ShowDocument) -> None:
    (lan,) = (one for one in whole.networks if one.name == "lan")
    assert (lan.scope, lan.host, lan.subnets) == ("local", "w1", ["172.28.0.0/24"])


def test_ports_have_the_number_that_the_engine_chose_and_host_mode_has_its_hosts(whole: ShowDocument) -> None:
    by_target = {one.target: one for one in whole.ports}
    assert (by_target[80].port, by_target[80].mode, by_target[80].hosts) == (8080, "ingress", [])
    assert by_target[70].port is not None
    assert (by_target[9100].mode, by_target[9100].hosts) == ("host", ["m1", "w1"])


@pytest.mark.parametrize(
    ("word", "name", "words"),
    [
        ("networks", None, ("front", "lan", "w1", "10.20.0.0/24")),
        ("network", "front", ("web.1", "10.20.0.", "shop", "tasks.agent")),
        ("service", "web", ("port 8080/tcp -> 80 on every node", "web.2", "stack shop", "front: alias shop")),
        ("service", "agent", ("extra host old: 10.20.0.99, in the tasks' /etc/hosts",)),
        ("host", "w1", ("worker", "lan", "agent.w1", "adminer:4", "running", "lan:172.28.0.9")),
        ("stack", None, ("web", "stack shop")),
        ("names", None, ("shop", "vip", "tasks.web")),
        ("volumes", None, ("pgdata", "w1", "local", "0 bytes", "db", "spare", "dangling")),
        ("ports", None, ("9100/tcp", "m1 w1", "every node")),
    ],
)
def test_each_view_says_what_it_is_for(
    whole: ShowDocument, word: str, name: str | None, words: tuple[str, ...]
) -> None:
    shown = text(whole, word, name)
    assert [one for one in words if one not in shown] == []


def test_a_task_that_an_update_did_not_reach_has_its_own_image(whole: ShowDocument) -> None:
    (web,) = (one for one in whole.services if one.name == "web")
    assert ({one.image for one in web.tasks}, "IMAGE" in text(whole, "service", "web")) == ({"demo:1"}, False)
    said = {"update_state": "paused", "update_message": "update paused due to failure"}
    late = web.tasks[0].model_copy(update={"image": "demo:0"})
    changed = web.model_copy(update={**said, "tasks": [late, *web.tasks[1:]]})
    shown = text(whole.model_copy(update={"services": [changed]}), "service", "web").splitlines()
    assert "  paused: update paused due to failure" in shown
    rows = [one.split() for one in shown if one.startswith(("TASK", "web."))]
    assert [row[3] for row in rows] == ["IMAGE", "demo:0", "demo:1"]


def test_a_volume_has_what_uses_it_and_one_that_nothing_uses_is_dangling(whole: ShowDocument) -> None:
    used, spare = whole.volumes
    assert (used.name, used.host, used.services, used.dangling) == ("pgdata", "w1", ["db"], False)
    assert [name.partition(".")[0] for name in used.containers] == ["db"]
    assert (spare.name, spare.services, spare.containers, spare.dangling) == ("spare", [], [], True)


def test_a_host_that_cannot_count_sizes_is_named_and_the_others_are_shown() -> None:
    world = World(managers=1, workers=1)
    for name in ("m1", "w1"):
        world.engine(name).volumes.create(VolumeSpec(name="data"))
    ports = world.ports()
    state = observe(ports, Look(listed=frozenset({"volumes"})))
    world.machines["w1"].engine_running = False
    sizes, failures = sizes_of_volumes(ports, state)
    assert sizes == {"m1": {"data": 0}}
    assert [one.host for one in failures] == ["w1"]


def test_a_view_of_one_object_holds_that_one_alone(whole: ShowDocument) -> None:
    tree = json.loads(text(whole, "service", "web", "json"))
    assert [one["name"] for one in tree["services"]] == ["web"]
    assert (tree["networks"], tree["hosts"]) == ([], [])
    assert {one["service"] for one in tree["ports"]} == {"web"}


@pytest.mark.parametrize("word", ["network", "service", "host", "stack"])
def test_a_name_that_is_not_there_is_answered_with_those_that_are(whole: ShowDocument, word: str) -> None:
    with pytest.raises(UsageError, match=f"there is no {word} 'none-such'"):
        show_report(word, whole, "none-such")


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_a_drawing_connects_networks_with_who_is_on_them_and_no_name_leaves_its_label(
    whole: ShowDocument, form: str
) -> None:
    hostile = 'x"]; click n0 "javascript:1" --> \\"\n%% end'
    evil = whole.model_copy(update={"networks": [whole.networks[0].model_copy(update={"name": hostile})]})
    lines = text(evil, "networks", None, form).splitlines()
    assert len([one for one in lines if "click" in one]) == 1
    assert "n0" in text(whole, "networks", None, form)
    assert all(word in text(whole, "networks", None, form) for word in ("front", "web", "agent"))
    if form == "mermaid":
        assert not any(char in lines[1].replace('(["', "").replace('"])', "") for char in '"]>')


def test_every_view_is_written_in_every_format(whole: ShowDocument) -> None:
    names = {"network": "front", "service": "web", "host": "m1"}
    assert all(text(whole, word, names.get(word), form).endswith("\n") for word in VIEWS for form in FORMATS)
