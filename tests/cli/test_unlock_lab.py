"""Autolock on real engines, typed as an operator types it: switched on, a manager restarted, seen, unlocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault
from tests.support.commands import Operator, docker

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab

SITE = """\
schema: 1
name: locked
steps:
  - swarm: {autolock: true, unlock_key_file: swarm.key}
"""


def test_a_restarted_manager_is_seen_locked_and_unlocked_with_the_key_that_apply_kept(lab: Lab, tmp_path: Path) -> None:
    operator, inventory = Operator(tmp_path), ("-i", str(lab.inventory))
    (tmp_path / "site.yml").write_text(SITE, encoding="utf-8")
    shown = operator.types("apply", "site.yml", *inventory, "--yes", "-v")
    kept = tmp_path / "swarm.key"
    key = kept.read_text(encoding="utf-8").strip()
    assert key == docker(lab, "m1", "swarm", "unlock-key", "-q")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert key not in shown

    lab.break_(Fault(host="m2", kind="engine"))
    lab.heal(Fault(host="m2", kind="engine"))
    assert "unlock it: swarmnet unlock" in operator.types("status", *inventory, exits=3)
    assert "m2 is locked" in operator.types("plan", "site.yml", *inventory, exits=3)

    (tmp_path / "old.key").write_text("SWMKEY-1-" + "A" * 43, encoding="utf-8")
    (tmp_path / "old.key").chmod(0o600)
    assert "m2: wrong key" in operator.types("unlock", *inventory, "--key-file", "old.key", exits=12)
    reported = operator.types("unlock", *inventory, "--key-file", "swarm.key")
    assert "m2: unlocked" in reported
    assert key not in reported
    operator.types("plan", "site.yml", *inventory, "--check")

    (tmp_path / "site.yml").write_text(SITE.replace("true, unlock_key_file: swarm.key", "false"), encoding="utf-8")
    operator.types("apply", "site.yml", *inventory, "--yes")
    assert docker(lab, "m1", "info", "--format", "{{.Swarm.Cluster.Spec.EncryptionConfig.AutoLockManagers}}") == "false"


def test_a_locked_cluster_that_lost_power_whole_is_back_after_one_unlock(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    hosts: dict[str, dict[str, object]] = {one: {"role": "manager"} for one in ("m1", "m2", "m3")}
    inventory = ("-i", operator.writes_inventory(lab, {**hosts, "registry": {"role": "worker"}}))
    (tmp_path / "site.yml").write_text(SITE + "  - network: {name: front}\n", encoding="utf-8")
    operator.types("apply", "site.yml", *inventory, "--yes")
    before = sorted(docker(lab, "m1", "node", "ls", "--format", "{{.ID}} {{.Hostname}}").splitlines())
    for one in lab.hosts:
        lab.break_(Fault(host=one.name, kind="kill"))
    lab.heal_all()

    said = operator.types("apply", "site.yml", *inventory, "--yes", exits=3)
    assert "m1, m2 and m3 are locked, and no manager answers for the swarm" in said
    assert "swarmnet unlock -i INVENTORY --key-file FILE" in said
    reported = operator.types("unlock", *inventory, "--key-file", "swarm.key")

    assert [f"{host}: unlocked" in reported for host in hosts] == [True] * 3
    assert "nothing changed" in operator.types("apply", "site.yml", *inventory, "--yes")
    assert sorted(docker(lab, "m1", "node", "ls", "--format", "{{.ID}} {{.Hostname}}").splitlines()) == before
