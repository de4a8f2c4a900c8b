"""The cluster at a glance, in an order that people can read."""

from __future__ import annotations

from swarmnet.model.redaction import Cover
from swarmnet.model.service import Protocol, PublishedPort, PublishMode, ServiceSpec
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.support.reports import status_json, status_text


def test_everything_is_sorted_by_name_whatever_order_managers_answer_in() -> None:
    world = World(managers=3, workers=2)
    world.bootstrap()
    for name in ("web", "agent"):
        world.engine("m1").services.create(ServiceSpec(name=name, image="demo:1"))
    seen = observe(world.ports())
    shuffled = seen.model_copy(update={"nodes": seen.nodes[::-1], "services": seen.services[::-1]})

    reported = status_text(shuffled, world.inventory).splitlines()

    nodes = next(number for number, line in enumerate(reported) if line.startswith("NODE"))
    assert [line.split()[0] for line in reported[nodes + 1 : nodes + 6]] == ["m1", "m2", "m3", "w1", "w2"]
    assert status_json(shuffled, world.inventory) == status_json(seen, world.inventory)


def test_an_entry_without_a_hostname_is_called_by_its_id() -> None:
    world = World(managers=3)
    world.bootstrap()
    seen = observe(world.ports())
    update = {"id": "p1xj08", "hostname": "", "status": "unknown", "address": ""}
    nameless = seen.model_copy(update={"nodes": (*seen.nodes, seen.nodes[-1].model_copy(update=update))})

    reported = status_text(nameless, world.inventory).splitlines()

    assert [line.split()[0] for line in reported[1:] if "unknown" in line] == ["(p1xj08)"]


def test_an_engine_that_no_test_ran_on_is_named() -> None:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.machines["w1"].run_engine("29")
    reported = status_text(observe(world.ports()), world.inventory)
    assert "w1: engine 29.4.0 is known from its documentation; swarmnet's tests run on 20.10, 26.1 and 28.5" in reported
    assert "m1: engine" not in reported


def test_values_of_labels_are_shown_on_request() -> None:
    world = World(managers=1)
    world.bootstrap()
    seen = observe(world.ports())
    spec = seen.nodes[0].spec.model_copy(update={"labels": {"token": "correct-horse-battery"}})
    labelled = seen.model_copy(update={"nodes": (seen.nodes[0].model_copy(update={"spec": spec}),)})

    hidden, reported = (status_json(labelled, world.inventory, Cover(shows=shows)) for shows in (False, True))

    assert "token" in str(hidden)
    assert ["correct-horse-battery" in str(one) for one in (hidden, reported)] == [False, True]


def test_a_port_in_host_mode_is_shown_apart_from_one_of_the_mesh() -> None:
    world = World(managers=1)
    world.bootstrap()
    ports = (
        PublishedPort(target=80, published=8080),
        PublishedPort(target=53, protocol=Protocol.UDP, published=53, mode=PublishMode.HOST),
        PublishedPort(target=90),
    )
    world.engine("m1").services.create(ServiceSpec(name="web", image="i:1", ports=ports))
    reported = status_text(observe(world.ports()), world.inventory)
    row = next(line for line in reported.splitlines() if line.startswith("web "))
    assert row.endswith("8080:80/tcp, 30000:90/tcp, 53:53/udp@host")


def test_the_address_between_which_overlays_go_is_shown_where_it_is_another_one() -> None:
    world = World(managers=1, workers=1)
    world.bootstrap()
    seen = observe(world.ports())
    same, apart = (
        seen.model_copy(update={"hosts": (seen.hosts[0], seen.hosts[1].model_copy(update={"data_path": path}))})
        for path in (seen.hosts[1].engine.membership.address, "10.77.0.2")
    )
    assert "DATA PATH" not in status_text(same, world.inventory)
    row = next(line for line in status_text(apart, world.inventory).splitlines() if line.startswith("w1 "))
    assert row.endswith("10.77.0.2")
    assert [one["data_path"] for one in status_json(apart, world.inventory)["nodes"]] == [None, "10.77.0.2"]
