"""A schedule that rehearses the restore of its backup on spare hosts, with the secrets that services need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker
from tests.support.labs import fresh_name

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "open-sesame-4711"
SITE = {"m1": {"role": "manager"}, "w1": {"role": "worker"}}
SPARE = {"m2": {"role": "manager"}, "w2": {"role": "worker"}}
STORE = ("--keys", "keys", "--repository", "backups")


@pytest.mark.lab
@pytest.mark.timeout(1800)
def test_a_scheduled_drill_brings_all_back_on_spare_hosts_and_leaves_them_empty(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    with Lab.up(LabSpec(name=fresh_name(), hosts=4, managers=2)) as lab:
        make_image(lab, "drilled:1")
        site = operator.writes_inventory(lab, SITE, name="site.yml")
        spare = operator.writes_inventory(lab, SPARE, name="spare.yml")
        playbook = operator.writes_playbook(
            "swarm: {}",
            "network: {name: front, attachable: true, subnets: [{subnet: 10.144.6.0/24}]}",
            "secret: {name: password, exact: true, from: {env: RESTORE_PASSWORD}}",
            "service: {name: web, image: 'drilled:1', command: [sleep, '100000'], networks: [front],"
            " secrets: [password], stop_grace_period: 0s}",
        )
        operator.types("keys", "init", "--keys", "keys", "--recovery-file", "recovery.txt")
        operator.types("apply", playbook, "-i", site, "--yes", secret={"RESTORE_PASSWORD": CANARY})
        _installed_long_ago(operator, "-i", site, *STORE, "--drill", "monthly", "--on", spare)

        # Exit 3: a shared kernel may lack what proves the routing mesh.
        ran = operator.asks("schedule", "run", "--directory", "schedules", exits=(0, 3))["run"]

        assert (ran["drilled"], ran["complete"]) == (True, True), ran["lines"]
        (filed,) = operator.asks("drill", "list", *STORE)["drills"]
        assert filed["signature"] == "valid"
        report = json.loads((tmp_path / filed["path"]).read_text())
        assert report["result"] in ("passed", "incomplete"), report
        assert (report["lost"], report["failed"], report["left_behind"], report["compared"]) == ([], [], [], True)
        for host in SPARE:
            assert docker(lab, host, "info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive"
            assert "front" not in docker(lab, host, "network", "ls", "--format", "{{.Name}}").split()
        # By hand, with values from the environment: hosts that the drill left empty are not refused.
        words = ("drill", "restore", "latest", "--on", spare, "--secrets-from", "env:RESTORE_", *STORE, "--yes")
        operator.types(*words, exits=(0, 3), secret={"RESTORE_PASSWORD": CANARY})
        kept = [
            one for one in (*(tmp_path / "schedules").iterdir(), *(tmp_path / "backups").rglob("*")) if one.is_file()
        ]
        assert kept
        assert not [one for one in kept if CANARY.encode() in one.read_bytes()]


def _installed_long_ago(operator: Operator, *words: str) -> None:
    """Install a schedule whose drill is due; launchd's file is only written here, and starts nothing."""
    values = operator.directory / "values.yml"
    values.write_text(f"password: {CANARY}\n")
    values.chmod(0o600)
    operator.types(
        "schedule", "install", *words, "--secrets-from", "values.yml", "--with", "launchd", "--directory", "schedules"
    )
    (file,) = (operator.directory / "schedules").glob("*.schedule.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"installed": "2026-01-01T00:00:00Z"}))
