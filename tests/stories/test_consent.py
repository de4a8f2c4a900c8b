"""What an operator is asked and shown: at a terminal, when a lock is broken, when a restore does not work."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from tests.support.commands import LIMIT, Operator, docker
from tests.support.running_apply import gate, open_gate

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab
FRONT = "network: {name: front, attachable: true, subnets: [{subnet: 10.150.0.0/24}]}"
CTRL_C, CTRL_D = "\x03", "\x04"


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Operator:
    """Two managers, and a playbook that would make a swarm and a network of them."""
    operator = Operator(tmp_path)
    operator.writes_inventory(lab, {"m1": {"role": "manager"}, "m2": {"role": "worker"}})
    operator.writes_playbook("swarm: {}", FRONT)
    return operator


def is_in_swarm(lab: Lab) -> bool:
    return docker(lab, "m1", "info", "--format", "{{.Swarm.LocalNodeState}}") == "active"


def test_at_a_terminal_only_a_yes_is_a_yes(lab: Lab, operator: Operator) -> None:
    apply = ("apply", "play.yml", "-i", "hosts.yml")
    for keys, ends in (("n\n", 5), (CTRL_D, 5), (CTRL_C, 130)):
        screen = operator.converses(*apply, asked="[y/N]", keys=keys, exits=ends)
        assert "+ network front" in screen
        assert not is_in_swarm(lab)

    assert "a second plan is empty" in operator.converses(*apply, asked="[y/N]", keys="y\n", exits=0)
    assert is_in_swarm(lab)

    # What costs something wants the name of the cluster, not a "y" that fingers type by themselves.
    reset = ("reset", "-i", "hosts.yml")
    operator.converses(*reset, asked="Type the cluster's name", keys="y\n", exits=5)
    assert is_in_swarm(lab)
    cluster = f"lab-{lab.record.name}\n"
    operator.converses(*reset, asked="Type the cluster's name", keys=cluster, exits=0)
    assert not is_in_swarm(lab)


def test_a_broken_lock_stops_the_run_that_held_it_before_it_changes_more(lab: Lab, operator: Operator) -> None:
    (operator.directory / "play.yml").write_text(
        f"schema: 1\nname: play\nsteps:\n  - swarm: {{}}\n{gate('m1')}  - {FRONT}\n", encoding="utf-8"
    )
    # The apply is stopped while it waits at the gate: it has the lock, and has not reached the network.
    with operator.begins("apply", "play.yml", "-i", "hosts.yml", "--yes", "-v", until="started: sh -c") as held:
        os.kill(held.pid, signal.SIGSTOP)
        try:
            operator.converses("lock", "break", "-i", "hosts.yml", asked="break the lock of", keys="n\n", exits=5)
            assert f"(process {held.pid})" in operator.types("lock", "status", "-i", "hosts.yml")
            operator.types("lock", "break", "-i", "hosts.yml", "--yes")
            assert "is not locked" in operator.types("lock", "status", "-i", "hosts.yml")
            open_gate(lab, "m1")
        finally:
            os.kill(held.pid, signal.SIGCONT)
        _, said = held.communicate(timeout=LIMIT)

    assert held.returncode == 11, said
    assert "was broken by another operator" in said
    assert "front" not in docker(lab, "m1", "network", "ls", "--format", "{{.Name}}").split()
    assert "a second plan is empty" in operator.types("apply", "play.yml", "-i", "hosts.yml", "--yes")


def test_a_restore_onto_a_network_that_carries_nothing_differs_from_one_that_works(
    lab: Lab, operator: Operator
) -> None:
    operator.types("apply", "play.yml", "-i", "hosts.yml", "--yes")
    store = ("--keys", "keys", "--repository", "backups")
    operator.types("keys", "init", "--keys", "keys", "--recovery-file", "recovery.txt")
    operator.types("backup", "create", "-i", "hosts.yml", *store)
    lab.reset()
    lab.break_(Fault(host="m1", kind="block", options={"to": "m2", "protocol": "udp", "port": 4789}))

    said = operator.types("restore", "apply", "latest", "-i", "hosts.yml", *store, "--yes", exits=16)

    assert "front" in docker(lab, "m1", "network", "ls", "--format", "{{.Name}}").split()
    assert "nothing that m1 sends over UDP 4789 reaches m2" in said
    assert "verify: failed" in said
    assert "nothing to do" in operator.types("restore", "plan", "latest", "-i", "hosts.yml", *store)
