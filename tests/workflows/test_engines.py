"""What installing and replacing engines promises, on simulated hosts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import RefusedError
from swarmnet.model.hosts import Availability
from swarmnet.model.packages import PackageQuestion
from swarmnet.operations.engine.retreat import RECORD
from swarmnet.plan.engines import EngineWish
from swarmnet.workflows.apply import prepare
from swarmnet.workflows.engines import change_engines, engine_goal
from tests.simulator import World
from tests.support.goals import run, terms
from tests.support.packages import NEW, OLD, Apt, with_apt

if TYPE_CHECKING:
    from swarmnet.model.plan import Plan
    from swarmnet.model.report import ApplyReport
    from swarmnet.model.swarm import Node
    from swarmnet.workflows.apply import Goal

SITE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - service: {name: web, image: "nginx:1", replicas: 2}
  - service: {name: all, image: "nginx:1", mode: global}
"""
NEWER = f"docker.io={NEW} docker-cli={NEW}"


@pytest.fixture
def world() -> World:
    made = World(managers=3, workers=1)
    run(made, SITE)
    return made


@pytest.fixture
def apt(world: World) -> dict[str, Apt]:
    return with_apt(world)


def goal(world: World, *hosts: str, version: str | None = None, installs: bool = False) -> Goal:
    wanted = frozenset(hosts) or frozenset(world.machines)
    return engine_goal(EngineWish(PackageQuestion(wanted, version, installs), bool(hosts)), world.inventory)


def changed(world: World, goal: Goal) -> ApplyReport:
    return change_engines(world.ports(), goal, terms())


def planned(world: World, goal: Goal) -> Plan:
    return prepare(world.ports(), goal).plan


def refused(world: World, goal: Goal) -> str:
    with pytest.raises(RefusedError) as caught:
        changed(world, goal)
    return str(caught.value)


def restart(world: World, name: str) -> None:
    world.stop_engine(name)
    world.start_engine(name)


def node(world: World, name: str) -> Node:
    return next(one for one in world.engine("m1").nodes.list() if one.hostname == name)


def set_node(world: World, name: str, availability: Availability, **labels: str) -> None:
    seen = node(world, name)
    spec = seen.spec.model_copy(update={"availability": availability, "labels": labels})
    world.engine("m1").nodes.update(seen.id, seen.version, spec)


def test_engines_are_replaced_host_by_host_the_leader_after_other_managers_and_workers_last(
    world: World, apt: dict[str, Apt]
) -> None:
    report = changed(world, goal(world))

    assert report.exit_code == 0, report
    assert [one.target for one in report.outcomes] == ["engine m2", "engine m3", "engine m1", "engine w1"]
    assert {one.engine_version for one in world.machines.values()} == {"26.1.5"}
    assert [one.done for one in apt.values()] == [[NEWER, "restart"]] * 4
    for name in world.machines:
        assert node(world, name).spec.availability is Availability.ACTIVE
        assert RECORD not in node(world, name).spec.labels
    assert changed(world, goal(world)).outcomes == ()


def test_a_node_is_without_tasks_while_its_packages_change(world: World, apt: dict[str, Apt]) -> None:
    seen = []

    def look() -> None:
        here = node(world, "w1")
        running = [one for one in world.engine("m1").tasks() if one.node_id == here.id and one.state == "running"]
        seen.append((here.spec.availability, here.spec.labels, running))

    apt["w1"].on_install = look
    changed(world, goal(world, "w1"))

    assert seen == [(Availability.DRAIN, {RECORD: "active"}, [])]


def test_the_run_stops_at_a_host_that_fails_and_goes_on_there_when_run_again(world: World, apt: dict[str, Apt]) -> None:
    apt["m3"].fails = ["E: Unable to fetch some archives"]

    report = changed(world, goal(world))

    failed = next(one for one in report.outcomes if one.error)
    assert [one.status.value for one in report.outcomes] == ["done", "failed", "skipped", "skipped"]
    assert failed.target == "engine m3"
    assert "apt-get install failed (status 100): E: Unable to fetch" in (failed.error or "")
    assert "run swarmnet engine upgrade again" in (failed.hint or "")
    assert node(world, "m3").spec.availability is Availability.DRAIN
    again = changed(world, goal(world))
    assert [one.target for one in again.outcomes] == ["engine m3", "engine m1", "engine w1"]
    assert node(world, "m3").spec.availability is Availability.ACTIVE


def test_an_engine_that_does_not_come_back_stops_the_run(world: World, apt: dict[str, Apt]) -> None:
    apt["m2"].restarts = False

    report = changed(world, goal(world))

    assert [one.status.value for one in report.outcomes] == ["failed", "skipped", "skipped", "skipped"]
    assert "engine 26.1.5 of m2 to answer" in (report.outcomes[0].error or "")
    text = refused(world, goal(world))
    assert "the engine of m2 does not answer" in text
    assert "swarmnet engine install -i INVENTORY m2 starts it" in text
    apt["m2"].restarts = True
    assert changed(world, goal(world, "m2", installs=True)).exit_code == 0
    assert apt["m2"].done == [NEWER, "restart", "start"]
    assert changed(world, goal(world)).exit_code == 0
    assert node(world, "m2").spec.availability is Availability.ACTIVE


def test_a_node_that_an_interrupted_run_left_is_recognised_by_its_record_and_others_are_left(
    world: World, apt: dict[str, Apt]
) -> None:
    set_node(world, "w1", Availability.DRAIN, **{RECORD: "pause", "zone": "a"})
    set_node(world, "m2", Availability.DRAIN)
    for one in apt.values():
        one.installed = {"docker.io": NEW, "docker-cli": NEW}
    for machine in world.machines.values():
        machine.engine_version = "26.1.5"

    report = changed(world, goal(world))

    assert [one.target for one in report.outcomes] == ["engine w1"]
    assert apt["w1"].done == []
    assert node(world, "w1").spec.availability is Availability.PAUSE
    assert node(world, "w1").spec.labels == {"zone": "a"}
    assert node(world, "m2").spec.availability is Availability.DRAIN


def test_an_engine_that_still_runs_in_its_old_version_is_restarted(world: World, apt: dict[str, Apt]) -> None:
    apt["w1"].installed = {"docker.io": NEW, "docker-cli": NEW}

    changed(world, goal(world, "w1"))

    assert apt["w1"].done == ["restart"]
    assert world.machines["w1"].engine_version == "26.1.5"


def test_a_manager_stays_where_the_others_have_no_quorum(world: World, apt: dict[str, Apt]) -> None:
    del apt
    world.kill("m3")
    world.settle()

    assert "m2 cannot be without its engine: 1 of 3 managers would answer without it, and 2 must" in refused(
        world, goal(world, "m2")
    )
    assert [one.target for one in changed(world, goal(world, "w1")).outcomes] == ["engine w1"]


def test_the_only_manager_is_replaced_with_a_warning() -> None:
    world = World(managers=1, workers=1)
    run(world, SITE)
    with_apt(world)

    assert any("m1 is the only manager" in one for one in planned(world, goal(world)).warnings)
    assert changed(world, goal(world)).exit_code == 0


def test_a_service_that_has_no_other_place_needs_its_name(world: World, apt: dict[str, Apt]) -> None:
    del apt
    text = SITE + '  - service: {name: db, image: "db:1", constraints: ["node.hostname == w1"]}\n'
    run(world, text)

    assert "--allow-down db" in str(prepare(world.ports(), goal(world)).refusals[0])
    allowed = engine_goal(
        EngineWish(PackageQuestion(frozenset({"w1"})), named=True), world.inventory, allow_down=frozenset({"db"})
    )
    assert changed(world, allowed).exit_code == 0


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ((("os", "fedora"),), "w1 runs fedora: engines are replaced on Debian and Ubuntu only"),
        ((), "w1 runs a system without /etc/os-release"),
        ((("os", "ubuntu"), ("snap", "yes")), "w1 has Docker as a snap"),
        ((("os", "debian"), ("program", "/usr/local/bin/dockerd", "")), "is from no package"),
        ((("os", "ubuntu"), ("program", "/usr/bin/dockerd", "moby-engine")), "is from package moby-engine"),
    ],
)
def test_other_systems_and_engines_are_refused(
    world: World, apt: dict[str, Apt], facts: tuple[tuple[str, ...], ...], said: str
) -> None:
    apt["w1"].facts = facts

    assert said in refused(world, goal(world))
    assert [one.done for one in apt.values()] == [[]] * 4


def test_a_rootless_engine_is_refused(world: World, apt: dict[str, Apt]) -> None:
    del apt
    world.machines["w1"].rootless = True

    assert "w1 has a rootless engine" in refused(world, goal(world))


def test_a_downgrade_and_a_version_that_no_source_has_are_refused(world: World, apt: dict[str, Apt]) -> None:
    apt["w1"].installed = {"docker.io": NEW}
    world.machines["w1"].engine_version = "26.1.5"

    assert f"w1 has docker.io {NEW}, which is newer than {OLD}" in refused(world, goal(world, "w1", version="20.10"))
    assert "have no docker.io 27; they have 26.1.5, 20.10.24" in refused(world, goal(world, "m1", version="27"))
    assert planned(world, goal(world, "w1", version="26.1")).actions[0].model_dump()["packages"]


def test_packages_that_apt_would_remove_are_refused_by_name(world: World, apt: dict[str, Apt]) -> None:
    apt["w1"].removes = "podman-docker"

    assert f"apt on w1 would remove podman-docker for docker.io {NEW}" in refused(world, goal(world))


def test_managers_of_an_autolocked_swarm_are_unlocked_after_the_restart() -> None:
    world = World(managers=3, workers=0)
    run(world, SITE.replace("swarm: {}", "swarm: {autolock: true, unlock_key_file: key}"))
    for name, apt in with_apt(world).items():
        apt.on_restart = partial(restart, world, name)

    assert changed(world, goal(world)).exit_code == 0
    assert not any(one.locked for one in world.machines.values())


def test_an_engine_is_installed_where_there_is_none_from_docker_s_own_source_where_the_host_has_it() -> None:
    world = World(managers=1, workers=2)
    made = with_apt(world)
    for name in ("w1", "w2"):
        made[name].installed = {}
        world.machines[name].engine_running = False
    ce = "5:28.5.2-1~debian.13~trixie"
    made["w2"].offers |= {"docker-ce": (ce,), "docker-ce-cli": (ce,)}

    report = changed(world, goal(world, installs=True))

    assert report.exit_code == 0, report
    assert made["m1"].done == []
    assert made["w1"].done == [NEWER, "start"]
    assert made["w2"].done == [f"docker-ce={ce} docker-ce-cli={ce}", "start"]
    assert world.machines["w2"].engine_version == "28.5.2"


def test_a_host_without_a_source_of_engines_is_refused() -> None:
    world = World(managers=1, workers=1)
    made = with_apt(world)
    made["w1"].installed, made["w1"].offers = {}, {}
    world.machines["w1"].engine_running = False

    assert "have neither docker.io nor docker-ce" in refused(world, goal(world, "w1", installs=True))
    assert "w1 has no engine; swarmnet engine install" in refused(world, goal(world, "w1"))


def test_a_named_host_must_answer_and_others_may_be_away(world: World, apt: dict[str, Apt]) -> None:
    world.kill("w1")
    world.settle()

    assert "w1 does not answer by SSH: no route to host" in refused(world, goal(world, "w1"))
    report = changed(world, goal(world))
    assert [one.target for one in report.outcomes] == ["engine m2", "engine m3", "engine m1"]
    assert [one.host for one in report.failures] == ["w1"]
    assert apt["w1"].done == []
