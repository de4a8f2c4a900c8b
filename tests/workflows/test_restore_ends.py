"""How restores end: stopped by the operator, with services that never ran, and taken back while tasks end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.events import ActionFinished, ignore
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.network import NetworkSpec
from swarmnet.model.report import Status
from swarmnet.model.service import Attachment, ServiceSpec
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.steps import Choices
from swarmnet.report.terminal.restore import report_lines
from swarmnet.workflows.apply import apply
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.restore import Restore, run
from tests.simulator import World
from tests.support.backups import CREATED
from tests.support.goals import Switch, Yes, terms

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.events import Event, Listener
    from swarmnet.model.restore_report import RestoreReport
    from swarmnet.model.state import ClusterState

HOSTS = Inventory(cluster="shop", hosts=(Host(name="m1", address="10.66.0.1", role=Role.MANAGER),))
WEB = ServiceSpec(name="web", image="busybox", replicas=1)


def _backup(*services: ServiceSpec) -> BackupDocument:
    world = World(inventory=HOSTS)
    world.bootstrap()
    world.engine("m1").networks.create(NetworkSpec(name="front"))
    world.settle()
    for spec in services:
        world.engine("m1").services.create(spec)
    world.settle()
    state = observe(world.ports(), Look(containers=True))
    return document(state, cluster="shop", backup_id="ef" * 16, created=CREATED, tool="t")


def _restore(
    found: BackupDocument, world: World, stop: Switch | None = None, listener: Listener = ignore
) -> RestoreReport:
    restore = Restore(found, HOSTS, Choices(mapping={}, secrets={}))
    agreed = terms(consent=Yes()) if stop is None else terms(consent=Yes(), stop=stop)
    ports = world.ports(listener=listener)
    return run(ports, restore, agreed, permissions=Permissions(), prove=lambda _state: Status.OK)


def test_b8_a_restore_that_is_stopped_ends_within_seconds_and_says_how_to_go_on() -> None:
    found, world, stop = _backup(WEB, WEB.model_copy(update={"name": "slow"})), World(inventory=HOSTS), Switch()
    world.busy_until = 1000.0

    tick, pressed = world.clock.on_tick, [0.0]

    def tick_and_press() -> None:
        tick()
        store = world.machines["m1"].store
        if store is not None and len(store.services) == 2 and not stop.requested:
            stop.requested, pressed[0] = True, world.clock.monotonic()

    world.clock.on_tick = tick_and_press
    reported: list[Event] = []
    report = _restore(found, world, stop, reported.append)
    assert world.clock.monotonic() - pressed[0] < 5
    assert not any(isinstance(event, ActionFinished) and event.error for event in reported)
    assert (report.exit_code, report.verified) == (130, None)
    assert set(report.not_awaited) == {"service slow", "service web"}
    text = "\n".join(report_lines(report))
    assert "swarmnet restore resume efefefef" in text
    assert "FAILED" not in text


def test_b8_an_interrupted_proof_still_says_what_was_restored() -> None:
    def interrupted(_state: ClusterState) -> Status:
        raise KeyboardInterrupt

    world = World(inventory=HOSTS)
    restore = Restore(_backup(WEB), HOSTS, Choices(mapping={}, secrets={}))
    report = run(world.ports(), restore, terms(consent=Yes()), permissions=Permissions(), prove=interrupted)
    assert report.exit_code == 130
    assert "service web" in report.restored


def test_b10_a_service_that_did_not_run_before_either_is_not_a_failure_and_reported() -> None:
    never = WEB.model_copy(update={"name": "never", "constraints": ("node.labels.x == y",)})
    found, world = _backup(WEB, never), World(inventory=HOSTS)
    begun = world.clock.monotonic()
    report = _restore(found, world)
    assert (report.exit_code, report.failed, report.verified) == (0, (), Status.OK)
    assert world.clock.monotonic() - begun < 60
    assert any("a restore does not wait for service never" in line for line in report_lines(report))


def test_b17_what_was_merely_not_reached_did_not_fail() -> None:
    bad, later = WEB, WEB.model_copy(update={"name": "z", "networks": (Attachment(network="front"),)})
    found, world = _backup(bad, later), World(inventory=HOSTS)
    world.refusals = [("network.create", "front")] * 3
    report = _restore(found, world)
    lines = list(report_lines(report))
    assert "not started: service web" in lines
    assert not any(line.startswith("FAILED: service") for line in lines)


@pytest.mark.parametrize("again", [False, True], ids=["onto fresh hosts", "of what is there"])
def test_a_restore_asks_the_engines_no_more_than_an_apply_with_the_same_plan(*, again: bool) -> None:
    found, worlds = _backup(WEB), (World(inventory=HOSTS), World(inventory=HOSTS))
    restore = Restore(found, HOSTS, Choices(mapping={}, secrets={}))
    if again:
        for world in worlds:
            _restore(found, world)
            world.settle()
            world.requests.clear()

    _restore(found, worlds[0])
    apply(worlds[1].ports(), restore.goal(Permissions()), terms(consent=Yes()))

    restoring, applying = (Counter((one.host, one.verb) for one in world.requests) for world in worlds)
    assert restoring == applying
    assert restoring["m1", "facts"] > 0
