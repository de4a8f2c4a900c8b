"""A drill on simulated hosts: what it announces, what it must not let pass, and what it leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ExitCode, RefusedError
from swarmnet.model.base import Secret
from swarmnet.model.drill import DrillReport, DrillResult, Ground, Rehearsed
from swarmnet.model.events import ignore
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.report import Status, Verdict
from swarmnet.model.service import Attachment, FileReference, PublishedPort, ServiceSpec
from swarmnet.model.swarm import NewSecret, NodeSpec, SecretSpec, SwarmSpec
from swarmnet.model.verification import Verification
from swarmnet.model.volume import VolumeSpec
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.rehearsal import Roles, occupied, staged
from swarmnet.plan.recovery.steps import Choices
from swarmnet.report.documents.drill import drill_document
from swarmnet.report.drill_pages import markdown
from swarmnet.workflows.drill import Course, Rehearsal, clear, rehearse
from swarmnet.workflows.fleet.observe import RECORDED, observe
from swarmnet.workflows.restore import Restore
from tests.simulator import World
from tests.support.goals import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.state import ClusterState

TAKEN = datetime(2025, 12, 31, tzinfo=UTC)
SPARE = Inventory(
    cluster="spare",
    hosts=(
        Host(name="s1", address="10.77.0.1", role=Role.MANAGER),
        Host(name="s2", address="10.77.0.2", role=Role.WORKER),
        Host(name="s3", address="10.77.0.3", role=Role.WORKER),
    ),
)


def backup() -> BackupDocument:
    """Return the backup of a cluster with one of most things; its services run a pinned image."""
    world = World(managers=1, workers=2)
    world.bootstrap(SwarmSpec(default_addr_pool=("10.40.0.0/16",), subnet_size=25))
    engine = world.engine("m1")
    engine.networks.create(
        NetworkSpec(name="front", attachable=True, subnets=(Subnet(subnet="10.50.0.0/24"),), labels={"tier": "front"})
    )
    world.engine("w1").networks.create(NetworkSpec(name="lan", driver="bridge"))
    world.engine("w2").volumes.create(VolumeSpec(name="data"))
    engine.secrets.create(NewSecret(SecretSpec(name="token"), Secret("x")))
    world.settle()
    image = "registry.example/web:1@sha256:" + "0" * 64
    front = (Attachment(network="front"),)
    engine.services.create(
        ServiceSpec(
            name="web",
            image=image,
            replicas=2,
            networks=front,
            ports=(PublishedPort(target=8000, published=8080),),
            secrets=(FileReference(source="token", target="token"),),
        )
    )
    engine.services.create(ServiceSpec(name="job", image="jobs:2", command=("crunch",), replicas=1, networks=front))
    world.machines["w2"].images.add("legacy:1")
    world.engine("w2").start_container(ContainerSpec("legacy", "legacy:1", ("sleep",), {}))
    node = next(node for node in engine.nodes.list() if node.hostname == "w1")
    engine.nodes.update(node.id, node.version, NodeSpec(labels={"zone": "z"}))
    world.settle()
    return document(observe(world.ports(), RECORDED), cluster="prod", backup_id="ab" * 16, created=TAKEN, tool="test")


def blank(found: BackupDocument, world: World) -> DrillReport:
    reported = Rehearsed(
        id=found.id, name="prod/x", cluster=found.cluster, created=found.created, complete=True, sha256="0" * 64
    )
    return DrillReport(
        id="cd" * 16,
        tool="test",
        operator="ann",
        backup=reported,
        ground=Ground.LAB,
        place="lab drill",
        hosts={},
        engines={},
        begun=world.clock.now(),
    )


def proved(status: Status = Status.OK, detail: str = "") -> Verification:
    verdict = Verdict(scenario="tcp", subject="network front", status=status, detail=detail)
    return Verification(run="r", cluster="spare", verdicts=(verdict,))


def drilled(
    world: World,
    prove: Callable[[ClusterState], Verification] = lambda _state: proved(),
    *,
    exclude: tuple[str, ...] = (),
    secrets: Mapping[str, Secret] | None = None,
) -> DrillReport:
    found = backup()
    lab = staged(found)
    roles = Roles.of(found)
    given = {"token": Secret("y")} if secrets is None else secrets
    choices = Choices(mapping=roles.places(SPARE), secrets=given, exclude=exclude)
    course = Course(ignore, world.clock.monotonic)
    rehearsal = Rehearsal(found, Restore(lab.document, SPARE, choices), lab.skips, opened=0.5)
    return rehearse(
        world.ports(listener=course), rehearsal, terms, blank=blank(found, world), prove=prove, course=course
    )


def test_a_drill_passes_when_all_came_back_and_tells_what_a_lab_cannot_show() -> None:
    world = World(inventory=SPARE)
    report = drilled(world)
    assert (report.result, report.exit_code, report.lost) == (DrillResult.PASSED, ExitCode.DONE, ())
    assert [(one.what, one.why.split(",")[0]) for one in report.explained] == [
        ("container legacy on s3", "it is not part of a service"),
        ("service web: image", "a lab runs a stand-in of the same name"),
    ]
    assert any(loss.what == "job" and "stand-in" in loss.why for loss in report.losses)
    assert [one.name for one in report.phases] == [
        "open",
        "look and plan",
        "swarm",
        "node",
        "network",
        "secret",
        "volume",
        "service",
        "verify",
    ]
    assert report.recovery >= 0.5
    assert report.age == (report.begun - TAKEN).total_seconds()
    assert clear(world.ports(), terms(), backup()) == ()
    assert occupied(observe(world.ports(), RECORDED)) == ()


def test_what_got_lost_without_a_word_fails_the_drill() -> None:
    """The engine forgets things between the restore and the look: no plan, and so no skip, can know of it."""
    world = World(inventory=SPARE)

    def forgetful(_state: ClusterState) -> Verification:
        engine = world.engine("s1")
        (web,) = (one for one in engine.services.list() if one.spec.name == "web")
        engine.services.update(web.id, web.version, web.spec.model_copy(update={"replicas": 1}))
        (secret,) = engine.secrets.list()
        engine.secrets.update_labels(secret.id, secret.version, {"who": "nobody"})
        world.engine("s3").volumes.remove("data")
        return proved()

    report = drilled(world, forgetful)
    assert (report.result, report.exit_code) == (DrillResult.FAILED, ExitCode.FAILED)
    assert sorted(one.object for one in report.lost) == ["secret token", "service web", "volume data on s3"]


def test_a_field_that_is_announced_hides_no_other_one() -> None:
    world = World(inventory=SPARE)

    def changed(_state: ClusterState) -> Verification:
        engine = world.engine("s1")
        (web,) = (one for one in engine.services.list() if one.spec.name == "web")
        engine.services.update(web.id, web.version, web.spec.model_copy(update={"env": {"LATER": "1"}}))
        return proved()

    (lost,) = drilled(world, changed).lost
    assert {change.path for change in lost.changes} >= {"image", "env.LATER"}


def test_networks_that_do_not_work_fail_the_drill_and_doubt_makes_it_incomplete() -> None:
    red = drilled(World(inventory=SPARE), lambda _state: proved(Status.FAILED, "no answer"))
    assert (red.result, red.exit_code) == (DrillResult.FAILED, ExitCode.RESTORED_BUT_UNVERIFIED)
    assert red.findings == ("failed: tcp: network front: no answer",)
    doubt = drilled(World(inventory=SPARE), lambda _state: proved(Status.INCONCLUSIVE, "no IPVS"))
    assert (doubt.result, doubt.exit_code) == (DrillResult.INCOMPLETE, ExitCode.INCOMPLETE)


def test_a_recovery_that_takes_longer_than_it_may_fails_a_drill_that_would_pass() -> None:
    report = drilled(World(inventory=SPARE))
    assert report.result is DrillResult.PASSED
    for target, late in ((report.recovery + 1, False), (report.recovery / 2, True), (None, False)):
        reported = report.model_copy(update={"target": target})
        assert reported.late is late
        assert reported.result is (DrillResult.FAILED if late else DrillResult.PASSED)
        assert reported.exit_code == (ExitCode.FAILED if late else 0)
        assert ("TOO SLOW" in markdown(drill_document(reported))) is late


def test_an_action_that_fails_fails_the_drill() -> None:
    world = World(inventory=SPARE)
    world.refusals.append(("network.create", "front"))
    report = drilled(world)
    assert report.result is DrillResult.FAILED
    assert not report.compared
    assert any("network front" in text for text in report.failed)


def test_what_the_operator_leaves_out_and_secrets_that_were_not_given_are_announced() -> None:
    report = drilled(World(inventory=SPARE), exclude=("volume/data",), secrets={})
    assert report.result is DrillResult.PASSED
    reported = {one.what: one.why for one in report.explained}
    assert reported["volume data on s3"] == "left out by --exclude"
    assert "secret token" in reported
    assert "needs secret token" in reported["service web"]


@pytest.mark.parametrize("kind", ["swarm", "network", "volume", "silent"])
def test_hosts_that_are_not_spare_are_refused_and_left_as_they_are(kind: str) -> None:
    world = World(inventory=SPARE)
    engine = world.engine("s2")
    match kind:
        case "swarm":
            world.bootstrap()
        case "network":
            engine.networks.create(NetworkSpec(name="lan", driver="bridge"))
        case "volume":
            engine.volumes.create(VolumeSpec(name="data"))
        case _:
            world.kill("s2")
    world.requests.clear()
    with pytest.raises(RefusedError, match="s2"):
        drilled(world)
    assert world.writes == []


def test_a_lab_has_as_many_hosts_as_the_backup_and_managers_take_the_places_of_managers() -> None:
    roles = Roles(("a", "b", "c"), ("d", "e"))
    assert roles.sizes(None) == (5, 3)
    assert roles.sizes(3) == (3, 2)
    assert roles.sizes(1) == (1, 1)
    assert Roles(("a",), ()).sizes(None) == (1, 1)
    hosts = tuple(
        Host(name=name, address=f"10.0.0.{number}", role=Role.MANAGER if name[0] == "m" else Role.WORKER)
        for number, name in enumerate(("m1", "m2", "w1"), start=1)
    )
    assert roles.places(Inventory(cluster="lab", hosts=hosts)) == {"a": "m1", "b": "m2", "d": "w1"}
    same = Roles(("m2", "x"), ("w1",)).places(Inventory(cluster="lab", hosts=hosts))
    assert same == {"m2": "m2", "x": "m1", "w1": "w1"}


def test_fewer_hosts_than_the_backup_has_are_announced() -> None:
    found, world = backup(), World(inventory=SPARE)
    few = SPARE.model_copy(update={"hosts": SPARE.hosts[:2]})
    lab = staged(found)
    choices = Choices(mapping=Roles.of(found).places(few), secrets={"token": Secret("y")})
    course = Course(ignore, world.clock.monotonic)
    report = rehearse(
        world.ports(few, course),
        Rehearsal(found, Restore(lab.document, few, choices), lab.skips),
        terms,
        blank=blank(found, world),
        prove=lambda _state: proved(),
        course=course,
    )
    assert (report.lost, report.result) == ((), DrillResult.PASSED)
    assert any(one.what == "host w2" for one in report.explained)
