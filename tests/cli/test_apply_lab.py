"""The stories of plan, apply, status, lock and reset on real engines, typed as operators type them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from swarmnet.model.lock import LOCK_NAME
from tests.support.running_apply import gate, open_gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.lab import Lab
    from tests.support.labs import MakeLab

pytestmark = pytest.mark.lab

SITE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - network: {name: front, attachable: true, subnets: [{subnet: 10.120.0.0/24}]}
  - network: {name: back, internal: true, subnets: [{subnet: 10.121.0.0/24}]}
"""
HELD = SITE.replace("  - swarm: {}\n", "  - swarm: {}\n" + gate("m1"))
"""The same, held after the swarm was made until the test has done what it does meanwhile."""
LIMIT = 400.0
HOSTS = ("m1", "m2", "m3")
SPEC = "{{json .Spec}}"


class Operator:
    """Someone who types commands for one lab."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.playbook = folder / "site.yml"
        self.playbook.write_text(SITE, encoding="utf-8")
        self.inventory = folder / "inventory.yml"
        impatient = "ssh:\n  connect_timeout: 8\n  connect_attempts: 1\n"
        text = lab.inventory.read_text(encoding="utf-8").replace("ssh:\n", impatient, 1)
        self.inventory.write_text(text, encoding="utf-8")
        self._argv = [sys.executable, "-m", "swarmnet.cli"]

    def begin(self, *words: str) -> subprocess.Popen[str]:
        argv = [*self._argv, *words, "-i", str(self.inventory)]
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def type(self, *words: str, exit_code: int = 0) -> str:
        """Run a command to its end and return what it printed."""
        with self.begin(*words) as process:
            out, err = process.communicate(timeout=LIMIT)
        assert process.returncode == exit_code, out + err
        return out + err

    def apply(self, *words: str, exit_code: int = 0) -> str:
        return self.type("apply", str(self.playbook), *words, exit_code=exit_code)

    @contextmanager
    def held(self) -> Iterator[subprocess.Popen[str]]:
        """Apply in the background; the block begins when the swarm is there and the apply waits at the gate."""
        self.playbook.write_text(HELD, encoding="utf-8")
        with self.begin("apply", str(self.playbook), "--yes", "-v") as process:
            assert process.stderr is not None
            seen = []
            for line in process.stderr:
                seen.append(line)
                if "started: sh -c" in line:
                    break
            else:
                raise AssertionError(f"it ended without reaching the gate:\n{''.join(seen)}")
            self.playbook.write_text(SITE, encoding="utf-8")
            yield process

    def docker(self, host: str, *words: str) -> str:
        return self.lab.exec(host, ["docker", *words]).stdout


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Operator:
    return Operator(lab, tmp_path)


def test_three_engine_versions_become_one_cluster_that_is_kept_as_written(make_lab: MakeLab, tmp_path: Path) -> None:
    operator = Operator(make_lab(hosts=3, engines=("20.10", "26.1", "28.5")), tmp_path)

    assert "5 to add" in operator.type("plan", str(operator.playbook), "--check", exit_code=6)
    assert "a second plan is empty" in operator.apply("--yes")

    status = json.loads(operator.type("status", "--json"))
    assert [node["status"] for node in status["nodes"]] == ["ready"] * 3
    assert {"front", "back"} <= {net["name"] for net in status["networks"]}

    begun = operator.lab.exec("m1", ["date", "+%s.%N"]).stdout.strip()
    nodes = operator.docker("m1", "node", "inspect", *HOSTS, "-f", SPEC)
    assert "nothing changed" in operator.apply()  # without --yes: there is nothing to ask
    events = operator.docker("m1", "events", "--since", begun, "--until", "0s", "--filter", "scope=swarm")
    # Nodes report themselves, too.
    assert [event for event in events.splitlines() if " node update " not in event] == []
    assert operator.docker("m1", "node", "inspect", *HOSTS, "-f", SPEC) == nodes

    operator.docker("m1", "network", "rm", "front")
    assert "1 change, and a second plan is empty" in operator.apply("--yes")

    assert "3 changes" in operator.type("reset", "--yes")
    assert [operator.docker(host, "info", "-f", "{{.Swarm.LocalNodeState}}").strip() for host in HOSTS] == [
        "inactive"
    ] * 3


def test_nothing_is_done_without_consent(operator: Operator, tmp_path: Path) -> None:
    assert "--yes" in operator.apply(exit_code=5)
    saved = tmp_path / "plan.json"
    operator.type("plan", str(operator.playbook), "-o", str(saved))
    operator.playbook.write_text(SITE.replace("10.120.0.0", "10.122.0.0"), encoding="utf-8")

    said = operator.apply("--plan", str(saved), exit_code=5)
    assert "+ network front: subnets differ" in said
    assert operator.docker("m1", "info", "-f", "{{.Swarm.LocalNodeState}}").strip() == "inactive"

    operator.playbook.write_text(SITE, encoding="utf-8")
    assert "a second plan is empty" in operator.apply("--plan", str(saved))
    # What was agreed to is done: a saved plan is never "nothing to do".
    assert "no longer planned: + network front" in operator.apply("--plan", str(saved), exit_code=5)


def test_a_killed_apply_converges_when_it_is_run_again(operator: Operator) -> None:
    with operator.held() as process:
        process.send_signal(signal.SIGKILL)

    assert "that run is gone: the next apply removes it" in operator.type("plan", str(operator.playbook))
    assert "that run is gone: the next apply removes it" in operator.type("lock", "status")
    assert {lock["pulse"] for lock in json.loads(operator.type("status", "--json"))["locks"]} == {"gone"}
    assert "a second plan is empty" in operator.apply("--yes")
    assert LOCK_NAME not in operator.docker("m1", "config", "ls")
    assert "is not locked" in operator.type("lock", "status")


def test_ctrl_c_stops_after_what_runs_and_gives_the_lock_back(operator: Operator) -> None:
    with operator.held() as process:
        process.send_signal(signal.SIGINT)
        open_gate(operator.lab, "m1")
        out, err = process.communicate(timeout=LIMIT)

    assert process.returncode == 130
    assert "stopping after the running actions" in err
    assert "interrupted" in out
    assert "is not locked" in operator.type("lock", "status")
    assert "a second plan is empty" in operator.apply("--yes")


def test_a_second_operator_sees_who_holds_the_lock(operator: Operator) -> None:
    with operator.held() as process:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            reported = operator.apply("--yes", exit_code=11)
            assert f"(process {process.pid})" in reported
            assert "apply" in operator.type("lock", "status")
        finally:
            open_gate(operator.lab, "m1")
            os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=LIMIT)

    assert process.returncode == 0


def test_a_dead_host_is_named_and_the_others_go_on_when_allowed(operator: Operator) -> None:
    operator.apply("--yes")
    operator.lab.break_(Fault(host="m3", kind="kill"))
    more = SITE + "  - network: {name: more, subnets: [{subnet: 10.123.0.0/24}]}\n"
    operator.playbook.write_text(more, encoding="utf-8")

    assert "m3 does not answer" in operator.apply("--yes", exit_code=5)

    report = operator.apply("--yes", "--allow-missing", exit_code=3)
    assert "1 change, and nothing is left to change on the hosts that answer; m3 does not" in report
    assert "unreachable: m3" in report
    assert "unreachable: m3" in operator.type("status", exit_code=3)
