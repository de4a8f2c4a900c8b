"""Plans run on simulated engines: they reach the desired state once, and the second run writes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from swarmnet.errors import ConvergenceError, HostError, RefusedError
from swarmnet.model.network import NetworkSpec
from swarmnet.model.plan import Risk
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.ref import Ref
from swarmnet.model.service import Attachment, ServiceSpec
from swarmnet.model.state import ClusterState, Endpoint
from swarmnet.operations.service.converge import is_settled
from swarmnet.operations.swarm.actions import RemoveDeadNode
from swarmnet.plan.build import build
from tests.simulator.world import World
from tests.support.plans import book, reported
from tests.support.simulated_state import apply, differences, names, planned, run, seen

SITE = """
- swarm: {task_history: 3}
- network: {name: front, attachable: true}
- network: {name: back, internal: true, subnets: [{subnet: 10.99.0.0/24}]}
- service: {name: web, image: "probe:1", replicas: 2, ports: ["8080:80"], networks: [front, {name: back, aliases: [b]}]}
- service: {name: agent, image: "probe:1", mode: global, endpoint_mode: dnsrr, networks: [back]}
"""


def attachments(state: ClusterState) -> dict[str, dict[str, Attachment]]:
    return {one.spec.name: {at.network: at for at in one.spec.networks or ()} for one in state.services}


def test_a_whole_site_is_created_and_left_alone_afterwards() -> None:
    world = World(managers=3, workers=2)
    made = apply(world, SITE)
    real = seen(world)
    assert differences(made.predicted, real) == []
    assert names(made.predicted) == names(real)
    assert planned(world, SITE).is_empty


def test_an_unchanged_apply_sends_no_write() -> None:
    world = World(managers=1, workers=1)
    apply(world, SITE)
    world.requests.clear()
    apply(world, SITE)
    assert world.writes == []


def test_planning_twice_is_the_same() -> None:
    world = World(managers=3, workers=1)
    assert planned(world, SITE) == planned(world, SITE)


def test_an_interrupted_bootstrap_goes_on_where_it_stopped() -> None:
    world = World(managers=3, workers=2)
    first = planned(world, SITE)
    ports = world.ports()
    for action in first.actions[:3]:
        action.run(ports)
    assert reported(planned(world, SITE))[0] == "swarm.join-worker node w1"
    apply(world, SITE)
    assert planned(world, SITE).is_empty


def test_a_bridge_that_no_list_shows_is_explained_when_it_is_in_the_way() -> None:
    world = World(managers=1)
    world.machines["m1"].half_made["ab" * 32] = "172.29.0.0/24"
    (action,) = planned(world, "- network: {name: n, driver: bridge, subnets: [{subnet: 172.29.0.0/24}]}").actions
    with pytest.raises(HostError, match="holds network abababababab, left by") as caught:
        action.run(world.ports())
    assert "restart Docker on m1" in str(caught.value.hint)


def test_a_changed_network_is_replaced_and_its_services_are_back_on_it() -> None:
    world = World(managers=1, workers=1)
    apply(world, SITE)
    changed = SITE.replace("10.99.0.0/24", "10.98.0.0/24")
    before = seen(world)
    made = apply(world, changed)
    assert reported(made) == ["network.replace network back"]
    assert made.worst_risk is Risk.DISRUPTIVE
    after = seen(world)
    assert [one.spec for one in after.services] == [one.spec for one in before.services]
    back = after.network("back")
    assert back is not None
    assert back.spec.subnets[0].subnet == "10.98.0.0/24"


def test_a_replacement_that_fails_leaves_the_old_network_and_its_services() -> None:
    world = World(managers=1)
    apply(world, SITE)
    made = planned(world, SITE.replace("10.99.0.0/24", "10.98.0.0/24"))
    world.engine("m1").networks.create(
        NetworkSpec.model_validate({"name": "rival", "subnets": [{"subnet": "10.98.0.0/16"}]})
    )
    before = seen(world)
    with pytest.raises(ConvergenceError, match=r"overlaps 10\.98\.0\.0/16 of network rival; removed; .* as it was"):
        run(world, made)
    after = seen(world)
    assert [one.spec for one in after.services] == [one.spec for one in before.services]
    assert planned(world, SITE).is_empty


@pytest.mark.parametrize("requests", range(4, 40, 3))
def test_a_replacement_that_was_killed_is_finished_by_the_next_run(requests: int) -> None:
    world = World(managers=1)
    apply(world, SITE)
    changed = SITE.replace("10.99.0.0/24", "10.98.0.0/24")
    before = seen(world)
    made = planned(world, changed)
    world.vanish_after("m1", requests)
    with suppress(HostError):
        run(world, made)
    world.revive("m1")
    apply(world, changed)
    after = seen(world)
    assert attachments(after) == attachments(before)
    assert after.configs == ()
    assert planned(world, changed).is_empty


BACK_ALONE = "- network: {name: back, internal: true, subnets: [{subnet: 10.98.0.0/24}]}"
"""Names no service: what is lost of their attachments is not written anywhere else."""


def half_detached() -> World:
    """Return a world of the site in which a replacement was killed when one of two services was off the network."""
    for answers in range(40):
        world = World(managers=1)
        apply(world, SITE)
        killed_after(world, BACK_ALONE, answers)
        if len(on_back(world)) == 1:
            return world
    raise AssertionError("no kill left one service on the network")


def killed_after(world: World, steps: str, answers: int) -> None:
    made = planned(world, steps)
    world.vanish_after("m1", answers)
    with suppress(HostError):
        run(world, made)
    world.revive("m1")


def on_back(world: World) -> list[str]:
    return [name for name, networks in attachments(seen(world)).items() if "back" in networks]


@pytest.mark.parametrize("answers", range(4, 28))
def test_whom_a_killed_replacement_detached_is_still_known_whenever_a_second_one_is_killed(answers: int) -> None:
    world = half_detached()
    world.engine("m1").services.create(
        ServiceSpec(name="late", image="probe:1", networks=(Attachment(network="back", aliases=("l",)),))
    )
    world.settle()

    killed_after(world, BACK_ALONE, answers)
    apply(world, BACK_ALONE)

    assert sorted(on_back(world)) == ["agent", "late", "web"]
    assert attachments(seen(world))["web"]["back"].aliases == ("b",)
    assert seen(world).configs == ()


def test_a_service_that_was_broken_before_does_not_stop_a_replacement_nor_its_own_repair() -> None:
    world = World(managers=1)
    apply(world, SITE)
    world.missing_images.add("probe:2")
    with pytest.raises(ConvergenceError, match="service web"):
        apply(world, SITE.replace('web, image: "probe:1"', 'web, image: "probe:2", timeout: 5s'))
    changed = SITE.replace("10.99.0.0/24", "10.98.0.0/24")
    assert reported(apply(world, changed)) == ["network.replace network back", "service.update service web"]
    assert planned(world, changed).is_empty


def test_two_networks_of_one_service_are_replaced_side_by_side() -> None:
    world = World(managers=1)
    apply(world, SITE)
    changed = SITE.replace("10.99.0.0/24", "10.98.0.0/24").replace("{name: front,", "{name: front, mtu: 1400,")
    made = planned(world, changed)
    ports = world.ports()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda action: action.run(ports), made.actions))
    assert planned(world, changed).is_empty


def test_a_network_under_a_container_is_not_replaced() -> None:
    world = World(managers=1)
    apply(world, SITE)
    engine = world.engine("m1")
    engine.pull_image("probe:1")
    spec = ContainerSpec("shell", "probe:1", ("sleep", "9"), {}, endpoints=(Endpoint(network="front"),))
    engine.start_container(spec)
    made = planned(world, SITE.replace("{name: front,", "{name: front, mtu: 1400,"))
    assert made.worst_risk is Risk.DESTRUCTIVE
    assert "used by containers outside of services: shell on m1" in made.actions[0].why
    world.requests.clear()
    with pytest.raises(RefusedError, match="shell on m1"):
        run(world, made)
    assert world.writes == []


def test_a_network_that_cannot_be_allocated_is_removed_and_its_rival_named() -> None:
    world = World(managers=1)
    made = planned(world, SITE)
    ports = world.ports()
    made.actions[0].run(ports)
    world.engine("m1").networks.create(
        NetworkSpec.model_validate({"name": "rival", "subnets": [{"subnet": "10.99.0.0/16"}]})
    )
    world.settle()
    with pytest.raises(ConvergenceError, match=r"10\.99\.0\.0/24 overlaps 10\.99\.0\.0/16 of network rival"):
        made.actions[2].run(ports)
    assert seen(world).network("back") is None


def test_an_update_that_no_node_can_run_tells_what_the_tasks_said() -> None:
    world = World(managers=1)
    apply(world, SITE)
    world.missing_images.add("probe:2")
    with pytest.raises(ConvergenceError, match="service web"):
        apply(world, SITE.replace('web, image: "probe:1"', 'web, image: "probe:2", timeout: 20s'))


def test_a_change_of_mode_recreates_the_service() -> None:
    world = World(managers=1, workers=1)
    apply(world, SITE)
    made = apply(world, SITE.replace("replicas: 2", "mode: global"))
    assert reported(made) == ["service.replace service web"]
    assert planned(world, SITE.replace("replicas: 2", "mode: global")).is_empty


def test_a_label_alone_replaces_no_network_but_is_a_warning() -> None:
    world = World(managers=1)
    apply(world, SITE)
    made = planned(world, SITE.replace("{name: front,", "{name: front, labels: {tier: web},"))
    assert made.is_empty
    assert any("the labels of network front differ (tier)" in text for text in made.warnings)


def test_a_wiped_worker_joins_again_and_its_dead_entry_goes() -> None:
    world = World(managers=1, workers=2)
    apply(world, SITE)
    world.kill("w2")
    world.settle()
    world.wipe("w2")
    made = apply(world, SITE)
    assert reported(made) == ["swarm.join-worker node w2", "node.remove node w2"]
    assert sorted(one.hostname for one in seen(world).nodes) == ["m1", "w1", "w2"]


def rebuilt_before_anyone_noticed(host: str, *, unknown: bool) -> World:
    """Return a world of five whose managers still count in a host that is another one by now."""
    world = World(managers=3, workers=2)
    apply(world, SITE)
    world.wipe(host)
    (entry,) = [one for one in world.store("m1").nodes.values() if one.host == host]
    entry.unknown = unknown
    return world


@pytest.mark.parametrize("host", ["m3", "w2"])
@pytest.mark.parametrize("unknown", [False, True], ids=["ready", "unknown"])
def test_a_host_that_was_rebuilt_a_moment_ago_is_in_the_list_once_after_one_apply(host: str, *, unknown: bool) -> None:
    world = rebuilt_before_anyone_noticed(host, unknown=unknown)
    world.clock.on_tick = lambda: notice(world)

    apply(world, SITE)

    assert sorted(one.hostname for one in seen(world).nodes) == ["m1", "m2", "m3", "w1", "w2"]
    assert planned(world, SITE).is_empty


def notice(world: World) -> None:
    """Let the managers see, three heartbeats later, who is silent."""
    if world.clock.monotonic() > 15:
        for node in world.store("m1").nodes.values():
            node.unknown = False
        world.tick()


def test_an_entry_that_stays_alive_is_not_removed_whatever_its_name_and_address() -> None:
    world = rebuilt_before_anyone_noticed("w2", unknown=True)
    world.clock.on_tick = lambda: None
    (entry,) = [one for one in world.store("m1").nodes.values() if one.host == "w2"]
    remove = RemoveDeadNode(object=Ref(kind="node", name="w2"), why="w2 joined again", node_id=entry.id)

    with pytest.raises(ConvergenceError, match="the entry that node w2 left behind to be down; last seen: it is"):
        remove.run(world.ports())

    assert entry.id in world.store("m1").nodes


def test_a_network_that_was_allocated_since_the_plan_was_made_stays_as_it_is() -> None:
    world = World(managers=1)
    apply(world, SITE)
    before = next(net for net in world.engine("m1").networks.list() if net.spec.name == "front")
    state = seen(world)
    unallocated = tuple(net.model_copy(update={"allocated": net.spec.name != "front"}) for net in state.networks)

    (remake,) = build(book(SITE), state.model_copy(update={"networks": unallocated}), world.inventory).actions
    remake.run(world.ports())

    assert remake.kind == "network.remake"
    assert next(net for net in world.engine("m1").networks.list() if net.spec.name == "front").id == before.id


def test_a_global_service_waits_for_nodes_that_a_new_leader_has_not_heard_of_yet() -> None:
    world = World(managers=1, workers=1)
    apply(world, SITE)
    agent = next(one for one in world.engine("m1").services.list() if one.spec.name == "agent")
    node = next(one for one in world.store("m1").nodes.values() if one.host == "w1")
    world.store("m1").tasks = {key: task for key, task in world.store("m1").tasks.items() if task.node_id != node.id}

    node.unknown = True

    assert not is_settled(world.engine("m1"), agent)
    world.kill("w1")
    world.settle()
    node.unknown = False
    assert is_settled(world.engine("m1"), agent)
