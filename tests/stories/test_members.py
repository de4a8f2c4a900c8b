"""Hosts come, change their part, fail, and come back: what the inventory says is what docker shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from swarmnet.lab.machine.waiting import until
from tests.support.commands import Operator, docker
from tests.support.waiting import soon

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab
MANAGER: dict[str, object] = {"role": "manager"}
WORKER: dict[str, object] = {"role": "worker"}
THREE = {"m1": MANAGER, "m2": MANAGER, "m3": MANAGER}


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    operator = Operator(tmp_path)
    operator.writes_playbook("swarm: {heartbeat: 3s}")  # managers see who is down in three of them
    return operator


def nodes(lab: Lab, *, seen_from: str = "m1") -> list[str]:
    """Return ``name status availability part`` of every entry, in order of the names."""
    form = "{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}"
    lines = docker(lab, seen_from, "node", "ls", "--format", form).replace("Leader", "Reachable").splitlines()
    return sorted(line.strip() for line in lines)


def test_roles_availability_and_labels_follow_the_inventory(lab: Lab, operator: Operator) -> None:
    first = operator.writes_inventory(lab, {"m1": MANAGER, "m2": WORKER, "m3": WORKER})
    operator.types("apply", "play.yml", "-i", first, "--yes")
    docker(lab, "m1", "node", "update", "--label-add", "rack=7", "m2")

    reported = {"m2": {**MANAGER, "labels": {"zone": "b"}}, "m3": {**MANAGER, "availability": "drain"}}
    second = operator.writes_inventory(lab, {"m1": MANAGER, **reported}, name="second.yml")
    operator.types("apply", "play.yml", "-i", second, "--yes")
    _expect(lab, "m1 Ready Active Reachable", "m2 Ready Active Reachable", "m3 Ready Drain Reachable")
    labels = docker(lab, "m1", "node", "inspect", "m2", "--format", "{{json .Spec.Labels}}")
    assert labels == '{"rack":"7","zone":"b"}'
    operator.types("plan", "play.yml", "-i", second, "--check")

    operator.types("apply", "play.yml", "-i", first, "--yes")
    # What the inventory no longer says is not managed any more: the drain and the label stay.
    _expect(lab, "m1 Ready Active Reachable", "m2 Ready Active", "m3 Ready Drain")

    operator.types("node", "activate", "m3", "-i", first, "--yes")
    operator.types("node", "remove", "m2", "-i", first, "--yes")
    _expect(lab, "m1 Ready Active Reachable", "m3 Ready Active")
    before = _token(lab)
    operator.types("rotate", "tokens", "-i", first, "--yes")
    assert "A valid join token is necessary" in _joins(lab, "m2", before)
    assert "joined a swarm" in _joins(lab, "m2", _token(lab))  # so it was the token that was refused
    before = _token(lab)
    operator.types("rotate", "ca", "-i", first, "--yes")
    assert _token(lab) != before


def _token(lab: Lab) -> str:
    return docker(lab, "m1", "swarm", "join-token", "-q", "worker")


def _joins(lab: Lab, host: str, token: str) -> str:
    """Let a host join by hand, and return what docker says of it."""
    done = lab.exec(host, ["docker", "swarm", "join", "--token", token, f"{lab.host('m1').address}:2377"])
    return str(done.stdout + done.stderr)


def test_no_change_of_roles_costs_the_quorum(lab: Lab, operator: Operator) -> None:
    operator.types("apply", "play.yml", "-i", operator.writes_inventory(lab, THREE), "--yes")
    lab.break_(Fault(host="m3", kind="engine"))
    before = ("m1 Ready Active Reachable", "m2 Ready Active Reachable", "m3 Down Active Unreachable")
    _expect(lab, *before)

    demoted = operator.writes_inventory(lab, {**THREE, "m2": WORKER})
    said = operator.types("apply", "play.yml", "-i", demoted, "--yes", "--allow-missing", exits=(2, 5))
    assert "no quorum" in said
    more = operator.writes_inventory(lab, {**THREE, "registry": MANAGER})
    said = operator.types("apply", "play.yml", "-i", more, "--yes", "--allow-missing", exits=(2, 5))
    assert "manager m3 is unreachable: adding registry now could lose the quorum" in said

    _expect(lab, *before)


def test_hosts_join_through_the_second_manager_when_the_first_is_down(lab: Lab, operator: Operator) -> None:
    operator.types("apply", "play.yml", "-i", operator.writes_inventory(lab, THREE), "--yes")
    lab.break_(Fault(host="m1", kind="kill"))
    _wait_for(lab, "m1 Down Active Unreachable", seen_from="m2")

    more = operator.writes_inventory(lab, {**THREE, "registry": WORKER})
    said = operator.types("apply", "play.yml", "-i", more, "--yes", "--allow-missing", exits=3)
    assert "unreachable: m1" in said
    _wait_for(lab, "registry Ready Active", seen_from="m2")

    # m1 is given up, and another host becomes the third manager.
    docker(lab, "m2", "node", "demote", "m1")
    docker(lab, "m2", "node", "rm", "--force", "m1")
    instead = operator.writes_inventory(lab, {"m2": MANAGER, "m3": MANAGER, "registry": MANAGER})
    operator.types("apply", "play.yml", "-i", instead, "--yes")
    _expect(lab, *(f"{one} Ready Active Reachable" for one in ("m2", "m3", "registry")), seen_from="m2")
    operator.types("plan", "play.yml", "-i", instead, "--check")


def test_hosts_that_lost_their_disks_join_again_and_their_dead_entries_go(lab: Lab, operator: Operator) -> None:
    hosts = operator.writes_inventory(lab, {**THREE, "registry": WORKER})
    operator.types("apply", "play.yml", "-i", hosts, "--yes")
    for host in ("m3", "registry"):
        docker(lab, "m1", "node", "update", "--label-add", f"rack={host}", host)
    before = [*(f"{one} Ready Active Reachable" for one in THREE), "registry Ready Active"]
    _expect(lab, *before)
    for machine in (lab.host("m3"), lab.host("registry")):
        lab.kind(machine).power_off(machine)
        lab.kind(machine).forget(machine)
        lab.kind(machine).power_on(machine)
    lab.wait_answering()

    # The managers may count the old ones in still, as ready or unknown.
    assert "a second plan is empty" in operator.types("apply", "play.yml", "-i", hosts, "--yes")

    _expect(lab, *before)
    for host in ("m3", "registry"):
        found = docker(lab, "m1", "node", "ls", "--filter", f"node.label=rack={host}", "--format", "{{.Hostname}}")
        assert found == host


def _expect(lab: Lab, *lines: str, seen_from: str = "m1") -> None:
    """Assert that docker's list of nodes is soon these lines and no others: a late node is down for a moment."""
    assert soon(lambda: nodes(lab, seen_from=seen_from) == [*lines]), nodes(lab, seen_from=seen_from)


def _wait_for(lab: Lab, *lines: str, seen_from: str = "m1") -> None:
    """Wait until docker's list of nodes has the lines."""
    until(
        lambda: set(lines) <= set(nodes(lab, seen_from=seen_from)),
        limit=180,
        failing=lambda: f"no lines {lines} in {nodes(lab, seen_from=seen_from)}",
    )
