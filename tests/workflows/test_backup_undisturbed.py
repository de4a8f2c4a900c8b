"""B11: a backup is of a cluster that no operator is changing, and holds nothing that swarmnet put there for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LockedError
from swarmnet.model.backup import Reason
from swarmnet.model.lock import LOCK_NAME, Claim
from swarmnet.model.network import Network, NetworkSpec, Scope
from swarmnet.model.service import Service, ServiceSpec
from swarmnet.model.state import Container, Endpoint
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.plan.recovery.describe import document
from swarmnet.workflows.backup import LOOKS_AGAIN, compare, since, undisturbed
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.lock.lock import held
from swarmnet.workflows.lock.stores import SwarmPlace
from tests.simulator import World
from tests.support.backups import CREATED, a_document, a_state
from tests.support.goals import operator

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState
    from tests.simulator.machine import Machine

HERS = operator("hers", machine="her laptop")
OURS = operator("ours", machine="our laptop")
LOOK = Look(containers=True)


@pytest.fixture
def world() -> World:
    world = World(managers=1)
    world.bootstrap()
    return world


def _held(world: World) -> None:
    claim = Claim.of(HERS, cluster="sim", command="restore apply", since=world.clock.now())
    assert SwarmPlace(world.ports()).take(claim)


def test_a_cluster_without_a_change_is_seen_at_once(world: World) -> None:
    assert undisturbed(world.ports(), LOOK, OURS) == observe(world.ports(), LOOK)


def test_a_backup_is_refused_while_a_restore_holds_the_lock(world: World) -> None:
    with (
        held(world.ports(), observe(world.ports()), operator=HERS, command="restore apply"),
        pytest.raises(
            LockedError, match=r"no backup was taken: locked by ann on her laptop .*'restore apply'"
        ) as caught,
    ):
        undisturbed(world.ports(), LOOK, OURS)
    assert caught.value.exit_code == 11
    assert "--lock-wait" in str(caught.value.hint)


def test_before_there_is_a_swarm_the_files_of_the_lock_count(world: World) -> None:
    world = World(managers=2)
    with (
        held(world.ports(), observe(world.ports()), operator=HERS, command="apply"),
        pytest.raises(LockedError, match="her laptop"),
    ):
        undisturbed(world.ports(), LOOK, OURS)


def test_it_waits_as_long_as_asked(world: World) -> None:
    _held(world)
    begun = world.clock.monotonic()
    reported: list[str] = []
    with pytest.raises(LockedError):
        undisturbed(world.ports(listener=lambda event: reported.append(str(event))), LOOK, OURS, wait=30)
    assert 30 <= world.clock.monotonic() - begun < 35
    assert len([line for line in reported if "waiting for the end of a change" in line]) == 1


def test_it_looks_again_once_the_lock_is_given_back(world: World) -> None:
    _held(world)
    world.clock.on_tick = world.store("m1").configs.clear
    state = undisturbed(world.ports(), LOOK, OURS, wait=60)
    assert state.configs == ()


def test_a_lock_that_goes_while_the_cluster_is_looked_at_is_looked_at_again(world: World) -> None:
    _held(world)

    def seen(_machine: Machine) -> None:
        world.meanwhile["configs"] = lambda _machine: world.store("m1").configs.clear()

    world.meanwhile["configs"] = seen
    assert undisturbed(world.ports(), LOOK, OURS).configs == ()
    assert len([request for request in world.requests if request.verb == "configs"]) > 2


def test_a_lock_of_a_run_that_is_gone_stops_no_backup(world: World) -> None:
    _held(world)
    dead = operator("dead", machine="her laptop", alive=False)
    assert [config.spec.name for config in undisturbed(world.ports(), LOOK, dead).configs] == [LOCK_NAME]
    assert world.clock.monotonic() < LOOKS_AGAIN


def _drained(world: World, times: int) -> None:
    """Let a node's availability change each time that the second look is about to list nodes."""
    left = times

    def change(_machine: Machine) -> None:
        nonlocal left
        node = next(iter(world.store("m1").nodes.values()))
        node.version += 1
        left -= 1
        if left:
            world.meanwhile["nodes"] = skip

    def skip(_machine: Machine) -> None:
        world.meanwhile["nodes"] = change

    world.meanwhile["nodes"] = skip


def test_what_changes_during_the_look_is_looked_at_again(world: World) -> None:
    _drained(world, 1)
    state = undisturbed(world.ports(), LOOK, OURS)
    assert state.moved == ()
    assert state == observe(world.ports(), LOOK)


def test_what_changes_during_each_look_is_marked_and_named_in_the_backup(world: World) -> None:
    _drained(world, 10)
    state = undisturbed(world.ports(), LOOK, OURS)
    assert state.moved == ("node/m1",)
    taken = document(state, cluster="sim", backup_id="1" * 32, created=CREATED, tool="swarmnet 0.1.0")
    assert (taken.completeness.fuzzy, taken.completeness.complete) == (("node/m1",), True)


def test_a_look_that_cannot_be_confirmed_counts_as_changed(world: World) -> None:
    seen = observe(world.ports(), LOOK)
    world.stop_engine("m1")
    assert since(world.ports(), seen) == ("swarm/leader",)


def _with_what_swarmnet_leaves(state: ClusterState) -> ClusterState:
    label = {PROBE_LABEL: "run"}
    network = Network(id="p", spec=NetworkSpec(name="probe", scope=Scope.SWARM, labels=label))
    local = Network(id="q", spec=NetworkSpec(name="probe-lan", driver="bridge", scope=Scope.LOCAL, labels=label))
    probe = Container(
        id="c", name="probe", image="probe", running=True, labels=label, endpoints=(Endpoint(network="front"),)
    )
    host = state.hosts[0]
    host = host.model_copy(update={"networks": (*host.networks, local), "containers": (*host.containers, probe)})
    service = Service(id="v", version=1, spec=ServiceSpec(name="probe", image="probe", labels=label))
    lock = Config(id="l", version=1, spec=ConfigSpec(name=LOCK_NAME, data=b"{}"))
    return state.model_copy(
        update={
            "hosts": (host, *state.hosts[1:]),
            "networks": (*state.networks, network),
            "services": (*state.services, service),
            "configs": (*state.configs, lock),
        }
    )


def test_probes_and_locks_of_swarmnet_are_neither_content_nor_losses_nor_drift() -> None:
    more = _with_what_swarmnet_leaves(a_state())
    clean = a_document()
    assert (
        document(more, cluster="prod", backup_id=clean.id, created=CREATED, tool="swarmnet 0.1.0", reason=Reason.MANUAL)
        == clean
    )
    assert compare(clean, more).differences == ()
