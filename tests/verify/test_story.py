"""The whole story of verify on simulated hosts: what it proves, what it says, and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import IncompleteError, UsageError
from swarmnet.model.events import Progress
from swarmnet.model.network import NetworkSpec
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.report import Status
from swarmnet.model.service import ServiceSpec
from swarmnet.model.service_parts import Attachment
from swarmnet.model.state import (
    ClusterState,
    Container,
    HostFailure,
)
from swarmnet.model.verification import OPERATOR_LABEL, PROBE_LABEL, STARTED_LABEL, Keep, ProbeKit
from swarmnet.verify.probes.control_network import SOON
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.scenarios.encryption.injection import PlaintextInjection
from swarmnet.verify.scenarios.sizes.overlay import OverlayMtu
from swarmnet.verify.story import VerifyOptions, chosen, verify
from tests.simulator import World
from tests.support.simulated_probe import IMAGE, KIT, Paths, this_run
from tests.support.verified_world import WISH, look, run, traces, world_to_verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.events import Event
    from swarmnet.model.verification import Verification
    from tests.simulator import Machine


@pytest.fixture
def world() -> World:
    return world_to_verify()


def test_a_healthy_cluster_is_proved_and_left_as_it_was(world: World) -> None:
    Paths(world)
    result = run(world)
    assert [verdict for verdict in result.verdicts if verdict.status not in (Status.OK, Status.SKIPPED)] == []
    assert {(matrix.scenario, matrix.network) for matrix in result.matrices} == {
        ("icmp", "front"),
        ("udp", "front"),
        ("tcp", "front"),
        ("loss", "front"),
    }
    assert traces(world) == []


def test_a_blocked_direction_is_one_failure_and_the_rest_stays_green(world: World) -> None:
    Paths(world).cut = {("w1", "w2")}
    result = run(world)
    assert result.status is Status.FAILED
    (failure,) = [verdict for verdict in result.verdicts if verdict.status is Status.FAILED]
    assert "nothing that w1 sends over UDP 4789 reaches w2" in failure.detail
    counts = {matrix.scenario: matrix.counts() for matrix in result.matrices}
    assert counts["icmp"] == counts["tcp"] == {Status.OK: 4, Status.FAILED: 2}
    assert counts["udp"] == {Status.OK: 4, Status.FAILED: 1, Status.WARNING: 1}


def test_progress_says_what_begins_and_who_looks_closer_and_repeats_nothing(world: World) -> None:
    """Seen with one lossy host: "looking closer" came ten times."""
    Paths(world).cut = {("w1", "w2")}
    said: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Progress):
            said.append(event.text)

    result = verify(world.ports(listener=note), look(world), WISH, kit=KIT, run=this_run())
    rounds = [phase.name for phase in result.phases if phase.name.startswith("round ")]
    asking = said[said.index("asking between all hosts") : said.index("removing the probes")]
    assert len(asking) < len(rounds)
    assert len(set(said)) == len(said)
    assert any(one.startswith("looking closer: ") for one in asking), asking


def test_an_unreachable_host_is_inconclusive_and_the_others_are_tested(world: World) -> None:
    Paths(world)
    world.kill("w2")
    result = run(world)
    assert "no probe on w2: no route to host" in " ".join(verdict.detail for verdict in result.verdicts)
    assert all(matrix.counts() == {Status.OK: 2, Status.INCONCLUSIVE: 4} for matrix in result.matrices)


def test_a_probe_that_dies_is_inconclusive_not_failed(world: World) -> None:
    paths = Paths(world)
    paths.crash = {"w1"}
    result = run(world, VerifyOptions(tuple(one for one in ALL if one.name == "icmp")))
    cells = result.matrices[0].cells
    assert {cell.status for cell in cells["w1"].values()} == {Status.INCONCLUSIVE}
    assert "it ended: Killed" in cells["w1"]["w2"].detail


def test_an_archive_for_another_machine_is_an_inconclusive_host_with_advice(world: World) -> None:
    Paths(world)
    machine = world.engine("w1").facts().architecture or "x86_64"
    state = look(world)
    facts = tuple(
        one.model_copy(update={"engine": one.engine.model_copy(update={"architecture": machine})})
        for one in state.hosts
    )
    kit = ProbeKit(IMAGE, ("python3",), archive=b"never sent", architecture="s390x")
    result = verify(world.ports(), state.model_copy(update={"hosts": facts}), WISH, kit=kit, run=this_run())
    assert result.status is Status.INCONCLUSIVE
    assert "--probe-image" in " ".join(verdict.detail for verdict in result.verdicts)


def _leftover(world: World, labels: dict[str, str]) -> None:
    world.machines["w1"].images.add("old")
    world.engine("w1").start_container(ContainerSpec("left", "old", (), labels))


@pytest.mark.parametrize(
    ("operator", "age", "stays"), [("gone:1", 1, False), ("other:1", 1, True), ("other:1", 3600, False)]
)
def test_what_a_dead_run_left_is_removed_and_a_living_one_is_let_be(
    world: World, operator: str, age: int, *, stays: bool
) -> None:
    Paths(world)
    started = str(int(world.clock.now().timestamp()) - age)
    _leftover(world, {PROBE_LABEL: "old", OPERATOR_LABEL: operator, STARTED_LABEL: started})
    run(world)
    assert (traces(world) == ["left"]) is stays


def test_an_interrupt_leaves_nothing_behind(world: World) -> None:
    Paths(world)

    def interrupt(event: Event) -> None:
        if "asking" in str(event):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(world.ports(listener=interrupt), look(world), WISH, kit=KIT, run=this_run())
    assert traces(world) == []


def test_a_container_that_comes_when_its_service_is_gone_keeps_no_image(world: World) -> None:
    Paths(world)
    labels = this_run().labels(world.clock.now().timestamp())
    late = Container(id="late", name="late", image=IMAGE, running=True, labels=labels)
    world.meanwhile["image.remove"] = lambda machine: machine.containers.update(late=late)
    run(world)
    assert traces(world) == []


def test_the_image_stays_for_another_run_that_uses_it_by_now(world: World) -> None:
    Paths(world)
    started = str(int(world.clock.now().timestamp()))
    labels = {PROBE_LABEL: "theirs", OPERATOR_LABEL: "other:1", STARTED_LABEL: started}
    theirs = Container(id="theirs", name="theirs", image=IMAGE, running=True, labels=labels)
    world.meanwhile["image.remove"] = lambda machine: machine.containers.update(theirs=theirs)
    run(world)
    assert traces(world) == ["theirs", IMAGE]


def test_an_image_that_was_there_before_stays(world: World) -> None:
    Paths(world)
    world.machines["w1"].images.add(IMAGE)
    run(world)
    assert traces(world) == [IMAGE]


def test_a_kept_image_is_not_loaded_again_and_goes_when_that_is_asked(world: World) -> None:
    Paths(world)
    own = replace(KIT, reference="swarmnet-probe:1")

    def kept() -> list[str]:
        return [name for name, machine in world.machines.items() if own.reference in machine.images]

    for _ in range(2):
        run(world, VerifyOptions(ALL, keep=Keep.ALWAYS), kit=own)
        assert len(kept()) == 3
    assert [one.verb for one in world.requests].count("image.pull") == 3
    run(world, VerifyOptions(ALL, keep=Keep.AS_FOUND), kit=own)
    assert len(kept()) == 3
    run(world, VerifyOptions(ALL, keep=Keep.NEVER), kit=own)
    assert kept() == []


def test_own_networks_come_first_and_others_can_be_named(world: World) -> None:
    state = look(world)
    names: Callable[..., list[str]] = lambda *wanted: [net.spec.name for net in chosen(state, wanted)]  # noqa: E731
    assert names() == ["front"]
    assert names("foreign") == ["foreign"]
    assert names("closed") == ["closed"]
    with pytest.raises(UsageError, match="no overlay network 'none'"):
        chosen(state, ["none"])


def test_without_a_manager_that_answers_no_network_is_called_missing() -> None:
    lost = ClusterState(failures=(HostFailure(host="m1", reason="did not answer in 10 s"),))
    with pytest.raises(IncompleteError, match=r"no manager answers .*m1: did not answer in 10 s"):
        chosen(lost, ["front"])


def test_one_host_alone_proves_nothing() -> None:
    world = World(managers=1)
    world.bootstrap()
    world.engine("m1").networks.create(NetworkSpec(name="front", attachable=True))
    world.settle()
    Paths(world)
    result = run(world, VerifyOptions(tuple(one for one in ALL if one.name == "udp")))
    assert result.status is Status.INCONCLUSIVE


def _encrypt(world: World) -> None:
    world.engine("m1").networks.create(NetworkSpec(name="vault", attachable=True, encrypted=True))
    world.settle()


def test_an_encrypted_overlay_alone_is_compared_with_a_plain_one_that_is_gone_afterwards(world: World) -> None:
    Paths(world)
    _encrypt(world)
    before = {network.spec.name for network in world.engine("m1").networks.list()}
    result = run(world, VerifyOptions((PlaintextInjection(),), networks=("vault",)))
    assert "control" in {phase.name for phase in result.phases}
    (verdict,) = result.verdicts
    assert (verdict.status, "simulated hosts" in verdict.detail) == (Status.INCONCLUSIVE, False)
    assert {network.spec.name for network in world.engine("m1").networks.list()} == before


def test_a_plain_overlay_among_the_tested_ones_serves_as_the_control(world: World) -> None:
    Paths(world)
    _encrypt(world)
    result = run(world, VerifyOptions((PlaintextInjection(),), networks=("front", "vault")))
    assert "control" not in {phase.name for phase in result.phases}


def test_a_control_network_that_a_killed_run_left_is_removed(world: World) -> None:
    Paths(world)
    labels = {PROBE_LABEL: "old", OPERATOR_LABEL: "gone:1", STARTED_LABEL: str(int(world.clock.now().timestamp()))}
    world.engine("m1").networks.create(NetworkSpec(name="swarmnet-control-old", attachable=True, labels=labels))
    world.settle()
    assert [network.spec.name for network in chosen(look(world), ())] == ["front"]
    run(world)
    assert "swarmnet-control-old" not in {network.spec.name for network in world.engine("m1").networks.list()}


def test_a_control_network_that_engines_do_not_let_go_of_holds_up_no_later_run(world: World) -> None:
    """Seen on 26.1: the attachment of a container that is gone stays, and its network "is in use by task"."""
    Paths(world)
    labels = {PROBE_LABEL: "old", OPERATOR_LABEL: "gone:1", STARTED_LABEL: str(int(world.clock.now().timestamp()))}
    world.engine("m1").networks.create(NetworkSpec(name="swarmnet-control-old", attachable=True, labels=labels))
    _encrypt(world)
    holder = ServiceSpec(name="holder", image="x", networks=(Attachment(network="swarmnet-control-old"),))
    world.engine("m1").services.create(holder)
    world.settle()
    result = run(world, VerifyOptions((PlaintextInjection(),), networks=("vault",)))
    seconds = {phase.name: phase.seconds for phase in result.phases}
    assert seconds["sweep"] + seconds["clear"] < 2 * SOON
    left = {network.spec.name for network in world.engine("m1").networks.list()}
    assert {name for name in left if name.startswith("swarmnet-control")} == {"swarmnet-control-old"}


def test_observers_are_started_only_for_scenarios_that_need_them(world: World) -> None:
    Paths(world)
    icmp = tuple(one for one in ALL if one.name == "icmp")
    assert "observers" not in {phase.name for phase in run(world, VerifyOptions(icmp)).phases}
    assert "observers" in {phase.name for phase in run(world, VerifyOptions((*icmp, OverlayMtu()))).phases}


def test_a_host_without_a_probe_has_an_observer_that_sees_what_keeps_it_away(world: World) -> None:
    Paths(world)
    world.unattachable.add("w1")
    run(world, VerifyOptions(tuple(one for one in ALL if one.name in {"icmp", "underlay-mtu"})))
    started = [request for request in world.requests if request.verb == "container.start"]
    assert sorted(one.host for one in started if one.target.startswith("swarmnet-observer")) == ["m1", "w1", "w2"]


def left_open(result: Verification) -> list[str]:
    """Return what was neither proved nor left out on purpose."""
    return [one.detail for one in result.verdicts if one.status not in (Status.OK, Status.SKIPPED)]


def test_an_observer_that_starts_at_the_second_attempt_costs_no_probe_and_no_task(world: World) -> None:
    Paths(world)
    world.refusals.append(("container.start", "swarmnet-observer"))
    assert left_open(run(world)) == []
    assert world.refusals == []


def test_a_start_that_takes_an_engine_two_attempts_of_twenty_seconds_is_waited_for(world: World) -> None:
    """L2: on a busy machine 45 s were over while the third attempt was under way."""
    Paths(world)
    refused = "swarmnet-probe-run1-0"
    world.refusals += [("container.start", refused)] * 2

    def slowly(_machine: Machine) -> None:
        if world.requests[-1].target.startswith(refused):
            world.clock.sleep(20.0)
        if world.refusals:
            world.meanwhile["container.start"] = slowly

    world.meanwhile["container.start"] = slowly
    assert left_open(run(world)) == []
    assert world.refusals == []


def test_a_disk_that_is_full_is_named_where_the_engine_only_ends_the_talk(world: World) -> None:
    """F10: seen on 28.5, which closes the connection while an image is loaded."""
    Paths(world)
    world.refusals += [("image.load", ""), ("image.pull", "")] * 4
    table = b"Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/ubda 1024 1024 0 100% /var/lib/docker\n"
    for machine in world.machines.values():
        machine.programs["df"] = lambda _machine, _argv, _stdin: (0, table, b"")
    result = run(world, VerifyOptions(tuple(one for one in ALL if one.name == "icmp")))
    assert "disk-full" in {one.evidence.get("cause") for one in result.verdicts}


def test_a_start_that_no_attempt_can_change_ends_at_once(world: World) -> None:
    """F10: a disk that is full is not waited for."""
    Paths(world)
    begun = world.clock.monotonic()
    world.full.add("w1")
    result = run(world, VerifyOptions(tuple(one for one in ALL if one.name == "icmp")))
    (cause,) = [one for one in result.verdicts if one.evidence.get("cause") == "disk-full"]
    assert cause.evidence["hosts"] == ["w1"]
    assert world.clock.monotonic() - begun < 10


def test_a_task_that_a_busy_engine_rejects_is_made_again(world: World) -> None:
    Paths(world)
    world.machines["w1"].rejects = 2
    assert left_open(run(world)) == []
    assert world.machines["w1"].rejects == 0


def test_observers_are_started_while_the_services_tasks_are(world: World) -> None:
    Paths(world)
    phases = [phase.name for phase in run(world, VerifyOptions((*ALL, OverlayMtu()))).phases]
    assert phases.index("observers") < phases.index("service")


def test_a_removal_that_fails_is_reported_and_the_other_containers_of_its_host_go(world: World) -> None:
    Paths(world)
    world.lost_answers.append("container.remove")
    (note,) = run(world, VerifyOptions((*ALL, OverlayMtu()))).notes
    assert "run verify again" in note
    assert traces(world) == [IMAGE]
