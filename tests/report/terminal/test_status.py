"""The cluster at a glance, in an order that people can read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.redaction import Cover
from swarmnet.model.service import Protocol, PublishedPort, PublishMode, ServiceSpec
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.support.reports import status_json, status_text

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState


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


@pytest.mark.parametrize(
    ("state", "message", "said"),
    [
        (None, None, []),
        ("completed", "update completed", []),
        ("updating", "update in progress", ["web: updating: update in progress"]),
        (
            *("paused", "update paused due to failure or early termination of task oszfrarttysdwfxydcisudd3o"),
            ["web: paused: update paused due to failure or early termination of task ..."],
        ),
        ("rollback_started", None, ["web: update state rollback_started"]),
        ("rollback_completed", "rollback completed", ["web: rollback_completed: rollback completed"]),
    ],
)
def test_an_update_that_is_not_done_has_the_engines_words(
    state: str | None, message: str | None, said: list[str]
) -> None:
    world, seen = running_web()
    changed = {"update_state": state, "update_message": message}
    updated = seen.model_copy(update={"services": tuple(one.model_copy(update=changed) for one in seen.services)})
    assert [one for one in status_text(updated, world.inventory).splitlines() if one.startswith("web: ")] == said
    (entry,) = status_json(updated, world.inventory)["services"]
    assert (entry["update_state"], entry["update_message"]) == (state, message)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (("demo:1", "demo:1"), []),
        (("demo:1", "demo:2"), ["web: tasks run demo:1 (1), demo:2 (1)"]),
        (("demo:1", f"demo:1@sha256:{'ab' * 32}"), ["web: tasks run demo:1 (1), demo:1@sha256:abababababab (1)"]),
        ((f"demo:2@sha256:{'ab' * 32}",) * 2, ["web: tasks run demo:2 (2)"]),
    ],
)
def test_images_of_tasks_are_shown_where_they_are_not_the_services_own(
    images: tuple[str, str], said: list[str]
) -> None:
    world, seen = running_web()
    tasks = tuple(one.model_copy(update={"image": image}) for one, image in zip(seen.tasks, images, strict=True))
    mixed = seen.model_copy(update={"tasks": tasks})
    assert [one for one in status_text(mixed, world.inventory).splitlines() if one.startswith("web: ")] == said
    (entry,) = status_json(mixed, world.inventory)["services"]
    assert entry["images"] == dict(Counter(images))


def running_web() -> tuple[World, ClusterState]:
    """Return a swarm with a service of two tasks that run."""
    world = World(managers=1)
    world.bootstrap()
    world.engine("m1").services.create(ServiceSpec(name="web", image="demo:1", replicas=2))
    world.settle()
    return world, observe(world.ports())
