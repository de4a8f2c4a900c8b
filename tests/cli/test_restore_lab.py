"""A restore on real engines: a customised ingress network comes back on every node, and undo takes the rest back."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import Operator, docker

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab

SITE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - network: {name: front, attachable: true, subnets: [{subnet: 10.120.0.0/24}]}
  - config: {name: site.conf, from: {command: [echo, hello]}}
"""
MORE = f"{SITE}  - config: {{name: more.conf, from: {{command: [echo, more]}}}}\n"
ADDRESSES = "{{range .IPAM.Config}}{{.Subnet}}{{end}} {{index .Options `com.docker.network.driver.mtu`}}"


def _workers(lab: Lab, folder: Path) -> str:
    """Return the path of the lab's inventory with m1 as the only manager."""
    head, first, rest = lab.inventory.read_text(encoding="utf-8").partition("  m2:")
    path = folder / "inventory.yml"
    path.write_text(head + first + rest.replace("role: manager", "role: worker"), encoding="utf-8")
    return str(path)


def _customise_ingress(lab: Lab) -> None:
    make = (
        "docker network create -d overlay --ingress --subnet 10.77.0.0/24 -o com.docker.network.driver.mtu=1300 ingress"
    )
    script = f"echo y | docker network rm ingress; for i in $(seq 50); do {make} && exit; sleep 0.2; done; exit 1"
    assert lab.exec("m1", ["sh", "-c", script]).exit_code == 0


def _run_as_at_night(operator: Operator, inventory: tuple[str, str]) -> None:
    """Install a schedule and start its run as a timer does: in an empty environment, in no directory of ours."""
    place = ("--directory", "schedules")
    argv = operator.asks("schedule", "install", *inventory, "--with", "launchd", *place)["command"]
    argv.remove("--if-due")
    done = subprocess.run(argv, env={}, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no change" in done.stderr
    (one,) = operator.asks("schedule", "status", *place)["schedules"]
    newest, *_older = operator.asks("backup", "list")["backups"]
    assert (newest["header"]["reason"], newest["name"]) == ("schedule", one["last"]["backup"])


def test_a_customised_ingress_network_comes_back_on_every_node_and_undo_takes_the_rest_back(
    lab: Lab, tmp_path: Path
) -> None:
    operator, inventory = Operator(tmp_path), ("-i", _workers(lab, tmp_path))
    (tmp_path / "site.yml").write_text(SITE, encoding="utf-8")
    operator.types("keys", "init")
    operator.types("apply", "site.yml", *inventory, "--yes")
    _customise_ingress(lab)
    (tmp_path / "site.yml").write_text(MORE, encoding="utf-8")
    assert "saved before the first change" in operator.types("apply", "site.yml", *inventory, "--yes")
    (saved,) = operator.asks("backup", "list")["backups"]
    assert (saved["header"]["reason"], saved["header"]["complete"]) == ("pre-apply", True)
    operator.types("backup", "create", *inventory)
    _run_as_at_night(operator, inventory)
    lab.reset()

    operator.types("restore", "apply", "latest", *inventory, "--yes", "--no-verify", exits=3)
    for host in ("m1", "m2", "m3"):
        assert docker(lab, host, "network", "inspect", "ingress", "-f", ADDRESSES) == "10.77.0.0/24 1300"
    assert "no drift" in operator.types("backup", "diff", "latest", "live", *inventory)

    docker(lab, "m1", "network", "create", "-d", "overlay", "theirs")
    (tmp_path / "swarmnet" / "keys" / "identity.txt").unlink()
    operator.types("restore", "undo", "latest", *inventory, "--yes")
    left = docker(lab, "m1", "network", "ls", "--filter", "driver=overlay", "--format", "{{.Name}}").split()
    assert sorted(left) == ["ingress", "theirs"]
    assert docker(lab, "m1", "config", "ls", "-q") == ""
    assert "up to date" in operator.types("restore", "undo", "latest", *inventory, "--yes")
