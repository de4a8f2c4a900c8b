"""A drill on real engines: the signed report that another program verifies, and no lab left however it ends."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.cli.sealing import sealing_vault
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.lab.image import make_image
from swarmnet.lab.state import LabStore
from swarmnet.model.backup import load
from tests import support
from tests.support.commands import Operator, docker
from tests.support.waiting import seen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.lab import Lab
    from swarmnet.model.backup import BackupDocument

pytestmark = pytest.mark.lab


def document() -> BackupDocument:
    """Return the backup of a real cluster: three hosts, two services; labs lack their images."""
    found = load((Path(support.__file__).parent / "drilled-backup.json").read_bytes())
    changed: dict[str, dict[str, object]] = {
        "web": {"image": "registry.example/web:1@sha256:" + "0" * 64},
        "job": {"command": ("crunch",)},
    }
    services = tuple(
        one.model_copy(update={"spec": one.spec.model_copy(update=changed[one.spec.name])})
        for one in found.state.services
    )
    return found.model_copy(update={"state": found.state.model_copy(update={"services": services})})


def saved(operator: Operator) -> None:
    """Put the backup into the operator's repository; no host is needed for that."""
    operator.types("keys", "init", "--keys", "keys")
    root, found = operator.directory, document()
    vault = sealing_vault(root / "keys", None, None, single_recipient=False)
    DirectoryRepository(root / "backups").write(found, vault.seal(found), check=vault.header)


def verifies(operator: Operator, report: Path) -> bool:
    """Return whether OpenSSH accepts the signature of a report, by the recipe of the docs."""
    root = operator.directory
    lines = (root / "keys" / "signers.txt").read_text().splitlines()
    (root / "allowed").write_text("".join(f"swarmnet {line}\n" for line in lines))
    words = ["ssh-keygen", "-Y", "verify", "-f", str(root / "allowed"), "-I", "swarmnet", "-n", "swarmnet-drill"]
    with report.open("rb") as content:
        return not subprocess.run([*words, "-s", f"{report}.sig"], stdin=content, check=False).returncode


def drill_labs() -> set[str]:
    return {name for name in LabStore.default().names() if name.startswith("drill-")}


def reported(found: Mapping[str, Any]) -> tuple[object, ...]:
    return found["result"], found["lost"], found["failed"], found["left_behind"], found["compared"]


def test_a_drill_leaves_a_signed_report_and_no_lab_also_after_kill_9(tmp_path: Path) -> None:
    operator, before = Operator(tmp_path), drill_labs()
    store = ("--keys", "keys", "--repository", "backups")
    saved(operator)
    listed = operator.asks("backup", "list", *store)

    # Exit 3: a shared kernel may lack what proves the routing mesh.
    found = operator.asks("drill", "latest", "--kernel", "shared", "--hosts", "2", *store, exits=3)

    assert reported(found) == ("incomplete", [], [], [], True)
    assert {one["what"] for one in found["explained"]} >= {"host w2", "service web: image"}
    assert {"swarm", "network", "service", "verify"} <= {one["name"] for one in found["phases"]}
    assert drill_labs() <= before
    (filed,) = operator.asks("drill", "list", *store)["drills"]
    report = tmp_path / filed["path"]
    assert (filed["signature"], filed["result"]) == ("valid", "incomplete")
    assert verifies(operator, report)
    assert "lost without notice" in report.with_suffix(".html").read_text().lower()
    # Backups know nothing of the reports next to them.
    assert operator.asks("backup", "list", *store) == listed
    operator.types("backup", "check", "--all", *store)

    report.write_text(report.read_text().replace('"incomplete"', '"passed"', 1))

    assert not verifies(operator, report)
    assert operator.asks("drill", "list", *store, exits=13)["drills"][0]["signature"] == "wrong"
    with operator.begins("drill", "latest", "--kernel", "shared", *store, until="waiting for sshd") as process:
        assert drill_labs() - before
        process.kill()
    assert seen(drill_labs, lambda labs: labs <= before) <= before


def test_a_lost_node_costs_what_its_ports_did_not_answer_and_takes_tasks_again(lab: Lab, tmp_path: Path) -> None:
    """One service has to move and is away for a moment; the other one does not notice."""
    operator, inventory = Operator(tmp_path), ("-i", str(lab.inventory))
    make_image(lab, "drilled:1")
    port = "image: 'drilled:1', stop_grace_period: 0s, ports: [{target: 80, mode: host, published: "
    play = operator.writes_playbook(
        "swarm: {}",
        f"service: {{name: moves, {port}8081}}], constraints: [node.hostname != m1]}}",
        f"service: {{name: stays, {port}8080}}], constraints: [node.hostname == m1]}}",
    )
    operator.types("apply", play, *inventory, "--yes")
    running = ("service", "ps", "moves", "--filter", "desired-state=running", "--format", "{{.Node}}")
    host = docker(lab, "m1", *running)

    assert f"service moves runs on {host} alone" in operator.types("drill", "lose", host, *inventory, "--yes", exits=5)
    found = operator.asks("drill", "lose", host, *inventory, "--yes", "--allow-down", "moves")

    answers = {one["service"]: one for one in found["answers"]}
    assert (found["nodes"], found["moved"], found["not_back"]) == ([host], {"moves": 1}, [])
    assert answers["moves"]["failed"] > 0
    assert 0 < answers["moves"]["gap_seconds"] < found["drained_seconds"] + 10
    assert (answers["stays"]["failed"], answers["stays"]["sent"] > 0) == (0, True)
    assert docker(lab, "m1", *running) not in (host, "m1")
    assert docker(lab, "m1", "node", "inspect", host, "--format", "{{.Spec.Availability}}") == "active"
