"""A schedule that the swarm itself runs, on real engines: no key that opens anything is there."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
import yaml

from swarmnet.cli.sealing import opening_vault
from tests.support.commands import Operator, docker
from tests.support.scheduler_image import load_image

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab

HOSTS = {"m1": {"role": "manager"}, "m2": {"role": "worker"}}
FOLDER = "/srv/from-the-swarm"


def without_age(status: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in status.items() if key != "age"}


def test_the_swarm_backs_itself_up_also_what_only_a_worker_has(lab: Lab, tmp_path: Path) -> None:
    image = load_image(lab, tmp_path, HOSTS)
    operator = Operator(tmp_path)
    inventory = operator.writes_inventory(lab, HOSTS)
    operator.types("keys", "init", "--recovery-file", "recovery.txt")
    operator.types("apply", "-i", inventory, operator.writes_playbook("swarm: {}"), "--yes")
    docker(lab, "m2", "network", "create", "only-here")
    ssh = yaml.safe_load(lab.inventory.read_text(encoding="utf-8"))["ssh"]
    login = ("--ssh-key", ssh["key"], "--known-hosts", ssh["known_hosts"])
    target = f"sftp://root@{lab.host('registry').address}{FOLDER}"
    wanted = ("-i", inventory, "--in-swarm", "--image", image, "--to", target, *login)

    first = operator.asks("schedule", "install", *wanted)
    assert first["schedule"]["node"] == "m1"
    assert operator.asks("schedule", "install", *wanted)["done"] == []

    other = Operator(tmp_path / "other")  # who did not install it: the swarm tells what its schedule is
    other.directory.mkdir()
    there = ("-i", str(tmp_path / inventory))
    done = other.asks("schedule", "run", *there)["run"]
    assert (done["exit_code"], done["complete"]) == (0, True), done["lines"]
    status = operator.asks("schedule", "status")["schedules"][0]
    assert without_age(other.asks("schedule", "status", *there)["schedules"][0]) == without_age(status)
    assert (status["overdue"], status["problem"], status["last"]["backup"]) == (False, None, done["backup"])

    other.types("schedule", "remove", *there)
    assert docker(lab, "m1", "service", "ls", "-q") == docker(lab, "m1", "secret", "ls", "-q") == ""
    text = lab.exec("registry", ["sh", "-c", f"base64 {FOLDER}/*/{done['backup']}.swarmnet"]).stdout
    sealed = base64.b64decode(text)
    opened = opening_vault(tmp_path / "swarmnet" / "keys", None, None).open(sealed)
    assert "only-here" in {net.spec.name for facts in opened.state.hosts for net in facts.networks}
    assert (opened.state.services, opened.state.secrets) == ((), ())
