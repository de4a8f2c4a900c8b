"""A restore on real engines: a customised ingress network comes back on every node, and undo takes the rest back."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import LIMIT, SWARMNET, Operator, docker

if TYPE_CHECKING:
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
CLOCK = str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")))
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


def _at(operator: Operator, ahead: timedelta, *argv: str) -> subprocess.CompletedProcess[str]:
    """Type a command when the clock of the operator's machine is so far ahead, and goes on from there."""
    fake = {"LD_PRELOAD": CLOCK, "FAKETIME": f"+{ahead.total_seconds():.0f}", "NO_COLOR": "1"}
    home = str(operator.directory)
    environment = {"PATH": os.environ["PATH"], "HOME": home, "XDG_CONFIG_HOME": home, **fake}
    return subprocess.run(
        [SWARMNET, *argv], env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=LIMIT
    )


def _a_night_passes(operator: Operator, inventory: tuple[str, str]) -> None:
    """Let the timer ask at each hour of a night, which is over in seconds, and once in between."""
    place, repository = ("--directory", str(operator.directory / "night")), str(operator.directory / "nights")
    rules = ("--at", "hourly", "--keep-last", "3", "--max-age", "2", "--repository", repository, "--with", "launchd")
    operator.types("schedule", "install", *inventory, *rules, *place)
    now = datetime.now(UTC)
    first = now.replace(minute=5, second=0, microsecond=0) + timedelta(hours=1) - now
    for hour in range(6):
        hourly = _at(operator, first + timedelta(hours=hour), "schedule", "run", "--if-due", *place)
        assert hourly.returncode == 0, hourly.stderr
        assert "no backup was taken" not in hourly.stderr
    between = _at(operator, first + timedelta(hours=5, minutes=30), "schedule", "run", "--if-due", "--json", *place)
    assert json.loads(between.stdout)["run"] is None

    times = [one["header"]["created"] for one in operator.asks("backup", "list", "--repository", repository)["backups"]]
    wanted = [f"{now + first + timedelta(hours=hour):%Y-%m-%dT%H}" for hour in (5, 4, 3)]
    assert [time[:13] for time in times] == wanted  # the rule keeps three of six
    for hours, code in ((6, 0), (9, 3)):  # the timer stopped: two hours later the newest is too old
        assert _at(operator, first + timedelta(hours=hours), "schedule", "status", *place).returncode == code


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
    _a_night_passes(operator, inventory)
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
